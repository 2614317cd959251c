import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, suite, test, type TestContext } from "node:test";
import type { StampedEvent, RunEvent } from "../jobs/event.ts";
import type { JobStatus, TimelineEntry } from "../jobs/report.ts";
import type { RunRecord } from "../journal/journal.ts";
import { checkText } from "./check.ts";
import { logLine } from "./daemon-log.ts";
import { doctorExitStatus, findingsText } from "./doctor.ts";
import { forgottenReports, forgottenText } from "./forget-report.ts";
import { historyText, runDocument } from "./history.ts";
import { initText } from "./init.ts";
import { logsText } from "./logs.ts";
import { notifiersText } from "./notify.ts";
import { coloured, plain } from "./paint.ts";
import { parseWhat, restoreText } from "./restore.ts";
import { eventLine } from "./run-listener.ts";
import { eventText, plansText } from "./run-text.ts";
import { gapText, snapshotsText } from "./snapshots.ts";
import { statusDocument, statusText } from "./status-text.ts";
import { volumesText } from "./volumes.ts";

const golden = join(import.meta.dirname, "testdata");
const now = new Date("2026-11-20T12:00:00Z");
const hash = "4bba301e6a1f0b1d3c5a7e9f2b4d6c8a0e1f3b5d7c9a2e4f6b8d0c1a3e5f7b9d";

function matches(t: TestContext, text: string, file: string): void {
  t.assert.fileSnapshot(text, join(golden, file), { serializers: [String] });
}

const ago = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);

const success: JobStatus = {
  job: "documents",
  outcome: "success",
  started: ago(3.01),
  finished: ago(3),
  maintenanceSeconds: 2.34,
  lastSuccess: ago(3),
  nextDue: ago(-13),
  overdue: false,
  suspicious: [],
  repositories: [
    { repository: "documents", present: true, newest: ago(3), count: 14 },
    {
      repository: "documents-usb",
      present: false,
      reason: "/mnt/usb does not exist",
      newest: ago(24 * 9),
      count: 3,
    },
  ],
};
const failed: JobStatus = {
  job: "photos",
  outcome: "failure",
  reason: 'repository "photos" does not exist at /srv/photos',
  hint: "create it with: holdfast init photos",
  started: ago(30),
  finished: ago(30),
  lastSuccess: ago(24 * 5),
  nextDue: ago(2),
  overdue: true,
  suspicious: [],
  repositories: [{ repository: "photos", present: true }],
};
const frozen: JobStatus = {
  ...success,
  job: "mail",
  outcome: "warning",
  reason: "size fell from 1.2 GiB to 3 MiB",
  suspicious: ["size fell from 1.2 GiB to 3 MiB"],
  repositories: [{ repository: "mail", present: true, newest: ago(3), count: 1 }],
};
const never: JobStatus = {
  job: "music",
  outcome: "never",
  overdue: false,
  suspicious: [],
  repositories: [{ repository: "music", present: true }],
};
const running: JobStatus = { ...never, job: "video", outcome: "running", started: ago(1) };
const statuses = [success, failed, frozen, never, running];

// Local times are shown: the golden files are those of this zone.
const zone = process.env["TZ"];
function inBerlin(): void {
  before(() => {
    process.env["TZ"] = "Europe/Berlin";
  });
  after(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });
}

suite("status", () => {
  inBerlin();

  test("says in a block for each job how it is and what to do", (t) => {
    matches(t, statusText(statuses, { now, paint: plain }), "status.txt");
  });

  test("shows what is overdue in red", () => {
    const text = statusText([failed], { now, paint: coloured });

    assert.ok(text.includes(coloured.red("overdue")));
  });

  test("says as JSON what is not known as null", () => {
    const document = JSON.parse(JSON.stringify(statusDocument([never])));

    assert.deepEqual(document, {
      jobs: [
        {
          job: "music",
          outcome: "never",
          overdue: false,
          suspicious: [],
          finished: null,
          nextDue: null,
          repositories: [{ repository: "music", present: true, newest: null, count: null }],
        },
      ],
    });
  });
});

const entry: TimelineEntry = {
  id: hash,
  job: "documents",
  repository: "documents",
  engine: "restic",
  time: new Date("2026-11-20T02:00:00Z"),
  kind: "snapshot",
  labels: [],
  bytes: 1_288_490_188,
  files: 12_345,
  keep: ["last 1 of 3", "daily 1 of 7"],
};

suite("snapshots", () => {
  inBerlin();

  test("are listed with what keeps them", (t) => {
    const entries: readonly TimelineEntry[] = [
      entry,
      {
        ...entry,
        id: hash.replace("4", "5"),
        repository: "usb",
        labels: ["pre-upgrade"],
        keep: [],
      },
      { ...entry, id: "full-2026", kind: "full", keep: ["full-2027 needs it"], bytes: 12 },
      { ...entry, id: "diff-2026", kind: "differential", base: "full-2026" },
    ];

    matches(t, snapshotsText(entries, plain), "snapshots.txt");
  });

  test("are listed with the paths that were looked for", (t) => {
    const found = ["/home/ann/taxes.ods", "/home/ann/two\nlines"];

    matches(t, snapshotsText([{ ...entry, found }], plain), "snapshots-find.txt");
  });

  test("that cannot be listed are named with the reason", () => {
    const gap = { job: "documents", repository: "usb", code: "volume-away", exitStatus: 75 };

    assert.equal(
      gapText({ ...gap, message: "not plugged in", away: true, hint: "plug it in" }, plain),
      "away: usb: not plugged in\nhint: plug it in",
    );
    assert.equal(
      gapText({ ...gap, message: "wrong password", away: false }, plain),
      "error: usb: wrong password",
    );
  });
});

function told(event: RunEvent): StampedEvent {
  return { time: now, run: "20261120-120000-k3f", job: "documents", event };
}

const ends: readonly RunEvent[] = [
  {
    event: "run-finished",
    outcome: "success",
    seconds: 12,
    snapshots: [{ repository: "documents", id: hash }],
    suspicious: [],
    evidence: { files: 12_345, bytes: 1_288_490_188, added: 35_651_584, seconds: 11 },
  },
  {
    event: "run-finished",
    outcome: "warning",
    reason: "7 files could not be read",
    hint: "see which with: holdfast logs 20261120-120000-k3f",
    seconds: 75,
    snapshots: [{ repository: "documents", id: hash }],
    suspicious: [],
    evidence: {
      files: 1,
      unreadable: ["/a", "/b", "/c", "/d\nd", "/e", "/f"],
      unreadableCount: 7,
    },
  },
  {
    event: "run-finished",
    outcome: "skipped",
    reason: 'volume "usb" is not plugged in',
    seconds: 0,
    snapshots: [],
    suspicious: [],
  },
  {
    event: "run-finished",
    outcome: "failure",
    reason: 'repository "documents" does not exist',
    code: "repository-missing",
    hint: "create it with: holdfast init documents",
    seconds: 0.7,
    snapshots: [],
    suspicious: [],
  },
];

const steps: readonly RunEvent[] = [
  { event: "run-started", trigger: "command" },
  { event: "run-recovered", subject: "maintenance mode" },
  { event: "step-started", step: "backup", repository: "documents" },
  {
    event: "step-finished",
    step: "backup",
    repository: "documents",
    seconds: 11,
    result: { snapshots: [hash], evidence: {} },
  },
  { event: "step-finished", step: "prune", seconds: 3, result: { freedBytes: 1_048_576 } },
  { event: "step-skipped", step: "copy", repository: "usb", reason: "it is not plugged in" },
  { event: "step-skipped", step: "forget", repository: "usb", reason: "no rules" },
  {
    event: "step-failed",
    step: "copy",
    repository: "usb",
    code: "repository-full",
    message: "no space left",
  },
  { event: "warning", message: "a hook failed" },
];

suite("a run", () => {
  test("tells what happens, to those who want to know so much", (t) => {
    const lines = [...steps, ...ends].map((event) => {
      const { level = "", text = "" } =
        eventText(told(event), { paint: plain, asked: new Set() }) ?? {};
      return `${level.padEnd(8)}| ${text.replaceAll("\n", `\n${" ".repeat(8)}| `)}\n`;
    });

    matches(t, lines.join(""), "events.txt");
  });

  test("tells that a verb was left out which somebody asked for by name", () => {
    const skipped = told({ event: "step-skipped", step: "prune", reason: "nothing to reclaim" });

    const level = (asked: readonly string[]): string | undefined =>
      eventText(skipped, { paint: plain, asked: new Set(asked) })?.level;

    assert.deepEqual([level([]), level(["prune"])], ["detail", "message"]);
  });

  test("tells as JSON when, which run and which job, and all that is known", () => {
    const [end] = ends;
    assert.ok(end !== undefined);

    const line: unknown = JSON.parse(JSON.stringify(eventLine(told(end))));

    assert.deepEqual(line, {
      event: "run-finished",
      time: "2026-11-20T12:00:00.000Z",
      run: "20261120-120000-k3f",
      job: "documents",
      outcome: "success",
      seconds: 12,
      snapshots: [{ repository: "documents", id: hash }],
      suspicious: [],
      evidence: { files: 12_345, bytes: 1_288_490_188, added: 35_651_584, seconds: 11 },
    });
  });

  test("is planned with reasons and commands", (t) => {
    const text = plansText(
      [
        {
          job: "documents",
          action: "run",
          steps: [
            {
              step: "backup",
              repository: "documents",
              action: "do",
              reason: "a new snapshot",
              commands: ["restic backup --json -- /home/ann"],
            },
            {
              step: "copy",
              repository: "usb",
              action: "skip",
              reason: "it is not plugged in",
              commands: [],
            },
          ],
        },
        {
          job: "photos",
          action: "skip",
          reason: "no volume is there",
          hint: "plug it in",
          steps: [],
        },
        {
          job: "mail",
          action: "fail",
          reason: "the source is gone",
          code: "source-missing",
          steps: [],
        },
      ],
      plain,
    );

    matches(t, text, "plans.txt");
  });
});

suite("forget", () => {
  const result = {
    job: "documents",
    run: "20261120-120000-k3f",
    outcome: "success",
    away: false,
    retriable: false,
    exitStatus: 0,
    snapshots: [],
    seconds: 1,
  } as const;
  const forgot = told({
    event: "step-finished",
    step: "forget",
    repository: "documents",
    seconds: 1,
    result: { forgotten: ["aaaa", "bbbb"], kept: [{ id: hash, keep: ["last 1 of 1"] }] },
  });

  test("says what it dropped, and with -v why the rest stays", () => {
    const reports = forgottenReports([result], [forgot]);

    assert.equal(
      forgottenText(reports, { verbose: true }),
      "documents in documents: forgot 2 snapshots, kept 1\n  forgot aaaa\n  forgot bbbb\n  kept 4bba301e: last 1 of 1\n",
    );
    assert.doesNotMatch(forgottenText(reports, { verbose: false }), /last 1/);
  });

  test("says of a job whose forget did not happen only how it ended", () => {
    assert.deepEqual(forgottenReports([result], []), [{ ...result, repositories: [] }]);
  });
});

suite("restore", () => {
  inBerlin();

  const report = {
    job: "documents",
    repository: "usb",
    snapshots: [{ id: hash, time: new Date("2026-11-20T02:00:00Z") }],
    target: "/tmp/restored",
    files: 3,
    bytes: 2048,
    problems: [],
    seconds: 2,
    commands: ["restic restore 4bba301e --target /tmp/restored"],
  };

  test("says what it did and what comes next", (t) => {
    matches(t, restoreText(report, { dryRun: false, paint: plain }), "restore.txt");
  });

  test("says what it could not restore", (t) => {
    const bad = { ...report, problems: ["/a: permission denied"] };

    matches(t, restoreText(bad, { dryRun: false, paint: plain }), "restore-problems.txt");
  });

  test("says what it would do", (t) => {
    matches(t, restoreText(report, { dryRun: true, paint: plain }), "restore-dry-run.txt");
  });

  test("takes the newest snapshot unless another is named", () => {
    assert.deepEqual(parseWhat("documents"), { job: "documents", snapshot: "latest" });
    assert.deepEqual(parseWhat("documents@4bba"), { job: "documents", snapshot: "4bba" });
    assert.throws(() => parseWhat("documents@"), { code: "usage-invalid" });
  });
});

test("a check says for each repository what it found", (t) => {
  const common = { job: "documents", exitStatus: 0, seconds: 2, away: false, problems: [] };

  const text = checkText(
    [
      { ...common, repository: "documents", ok: true },
      { ...common, repository: "usb", ok: false, away: true, problems: ["not plugged in"] },
      { ...common, repository: "disk", ok: false, problems: ["pack 12ab is damaged"] },
      {
        ...common,
        repository: "nas",
        ok: false,
        problems: ["wrong password"],
        code: "password-wrong",
        hint: "see `password` in the configuration",
      },
    ],
    plain,
  );

  matches(t, text, "check.txt");
});

suite("doctor", () => {
  const findings = [
    { code: "tool", severity: "ok", subject: "restic", message: "restic 0.18.0" },
    { code: "away", severity: "away", subject: "usb", message: "is not plugged in" },
    {
      code: "secret-readable",
      severity: "warning",
      subject: "holdfast.yaml",
      message: "others can read a password",
      hint: "chmod 600 holdfast.yaml",
    },
    {
      code: "repository-missing",
      severity: "error",
      subject: "documents",
      message: "does not exist",
      hint: "holdfast init documents",
    },
  ] as const;

  test("names the worst first, with what mends it", (t) => {
    matches(t, findingsText(findings, { all: false, summary: true, paint: plain }), "doctor.txt");
  });

  test("shows with -v what is well, too", (t) => {
    matches(
      t,
      findingsText(findings, { all: true, summary: true, paint: plain }),
      "doctor-all.txt",
    );
  });

  test("says so when all is well", () => {
    const well = findings.slice(0, 1);

    assert.equal(
      findingsText(well, { all: false, summary: true, paint: plain }),
      "all is well: 1 thing examined\n",
    );
  });

  test("exits with 1 for an error, 3 for a warning, 0 for what is only away", () => {
    assert.deepEqual(
      [findings, findings.slice(0, 3), findings.slice(0, 2), []].map(doctorExitStatus),
      [1, 3, 0, 0],
    );
  });
});

const runs: readonly RunRecord[] = [
  { id: "20261120-120000-k3f", job: "documents", trigger: "schedule", started: now },
  {
    id: "20261120-020000-abc",
    job: "documents",
    trigger: "retry",
    started: new Date("2026-11-20T02:00:00Z"),
    finished: new Date("2026-11-20T02:00:12Z"),
    end: {
      outcome: "failure",
      reason: "no space\nleft",
      code: "repository-full",
      snapshots: [],
      suspicious: [],
      evidence: { added: 1024 },
    },
  },
];

suite("history", () => {
  inBerlin();

  test("lists runs and how they ended", (t) => {
    matches(t, historyText(runs, plain), "history.txt");
  });

  test("says as JSON of a run that goes on that it has no end", () => {
    const [going] = runs;
    assert.ok(going !== undefined);

    assert.deepEqual(runDocument(going), {
      run: "20261120-120000-k3f",
      job: "documents",
      trigger: "schedule",
      started: now,
      finished: null,
      seconds: null,
      outcome: null,
    });
  });
});

suite("logs", () => {
  inBerlin();

  test("show every event with all that is known of it", (t) => {
    const [, run] = runs;
    assert.ok(run !== undefined);

    const text = logsText(
      run,
      [
        { time: now, event: "run-started", data: { trigger: "retry" } },
        { time: now, event: "step-failed", data: { step: "backup", message: "no space\nleft" } },
        { time: now, event: "run-finished", data: { snapshots: [], evidence: { files: 3 } } },
      ],
      plain,
    );

    matches(t, text, "logs.txt");
  });
});

test("volumes are listed with why they are away", (t) => {
  const text = volumesText(
    [
      {
        volume: "laptop",
        path: "/home/ann",
        present: true,
        mounted: true,
        freeBytes: 53_687_091_200,
      },
      {
        volume: "usb",
        path: "/mnt/usb",
        present: false,
        mounted: false,
        reason: "/mnt/usb does not exist",
        hint: "plug it in or mount it",
      },
    ],
    plain,
  );

  matches(t, text, "volumes.txt");
});

suite("init", () => {
  const reports = [
    {
      kind: "volume",
      name: "usb",
      created: false,
      away: true,
      message: "volume usb is left for later",
      hint: "mount it",
    },
    {
      kind: "repository",
      name: "documents",
      created: true,
      away: false,
      message: "repository documents created",
      path: "nas:/srv/documents",
      commands: ["ssh nas 'mkdir /srv/documents'"],
    },
    {
      kind: "repository",
      name: "photos",
      created: false,
      away: false,
      message: "repository photos exists already",
    },
    {
      kind: "volume",
      name: "disk",
      created: false,
      away: false,
      planned: true,
      message: "volume disk would be marked",
      path: "/mnt/disk/.holdfast-volume",
    },
    {
      kind: "repository",
      name: "cloud",
      created: false,
      away: false,
      message: "repository cloud could not be made: no password",
      code: "secret-unavailable",
      exitStatus: 1,
    },
  ] as const;

  test("says of each thing whether it was made, and where", () => {
    assert.equal(
      initText(reports, { paint: plain, commands: false }),
      `away     volume usb is left for later
         hint: mount it
created  repository documents created: nas:/srv/documents
exists   repository photos exists already
missing  volume disk would be marked: /mnt/disk/.holdfast-volume
failed   repository cloud could not be made: no password
`,
    );
  });

  test("shows the commands when they are asked for", () => {
    assert.match(
      initText(reports, { paint: plain, commands: true }),
      /^created .*\n {9}\$ ssh nas 'mkdir \/srv\/documents'$/m,
    );
  });
});

test("a test of notifiers says which took the message", () => {
  const text = notifiersText(
    [
      { notifier: "phone", ok: true },
      { notifier: "mail", ok: false, message: "connection refused" },
    ],
    plain,
  );

  assert.equal(text, "sent    phone\nfailed  mail: connection refused\n");
});

suite("a line of the daemon's log", () => {
  inBerlin();

  const said = { loudness: "error", message: "one\ntwo", time: now } as const;

  test("has its time where nothing else adds it", () => {
    assert.equal(
      logLine(said, { journald: false }),
      "2026-11-20 13:00:00  error: one\n2026-11-20 13:00:00  two",
    );
  });

  test("has a priority for journald, which adds the time", () => {
    assert.equal(logLine(said, { journald: true }), "<3>error: one\n<3>two");
    assert.equal(logLine({ ...said, loudness: "info", message: "x" }, { journald: true }), "<6>x");
  });
});
