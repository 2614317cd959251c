import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Failure } from "../../test/support/pretend-restic.ts";
import {
  SimulatedDaemon,
  type SeenRun,
  type SimulationOptions,
} from "../../test/support/simulated-daemon.ts";
import { HoldfastError } from "../kernel/errors.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const noon = new Date("2026-03-14T12:00:00Z");

/** How long the machine has been awake at this time, when it was never asleep. */
function awakeAt(time: string): number {
  return Date.parse(time) - noon.getTime();
}

const nightly = { cron: "0 2 * * *", timezone: "UTC" };

/** Repositories of that name on these volumes, and the jobs that write to them. */
function configured(
  jobs: Readonly<
    Record<
      string,
      object & { readonly on: string; readonly copies?: string[]; readonly [key: string]: unknown }
    >
  >,
  more: object = {},
): object {
  const names = Object.entries(jobs).flatMap(([name, { on, copies = [] }]) => [
    [name, on],
    ...copies.map((copy) => [`${name}-${copy}`, copy]),
  ]);
  const volumes = new Set(names.map(([, volume]) => String(volume)));
  return {
    volumes: Object.fromEntries([...volumes].map((name) => [name, { path: `/mnt/${name}` }])),
    repositories: Object.fromEntries(
      names.map(([name, volume]) => [
        name,
        { engine: "restic", at: `${volume}:${name}`, password: { env: "PASSWORD" } },
      ]),
    ),
    notifiers: { teller: { type: "command", command: ["tell"] } },
    jobs: Object.fromEntries(
      Object.entries(jobs).map(([name, { copies = [], ...job }]) => [
        name,
        {
          sources: ["/data"],
          repository: name,
          schedule: nightly,
          notify: ["teller"],
          ...(copies.length === 0 ? {} : { copies: copies.map((copy) => `${name}-${copy}`) }),
          ...Object.fromEntries(Object.entries(job).filter(([key]) => key !== "on")),
        },
      ]),
    ),
    ...more,
  };
}

const repositories = ["a", "b", "c"].flatMap((volume) =>
  ["documents", "photos", "mail", "documents-b"].map((name) => `/mnt/${volume}/${name}`),
);

/** A daemon with these jobs, which has been told of nothing yet. */
async function aDaemon(
  config: object,
  options: Partial<SimulationOptions["restic"]> & Omit<Partial<SimulationOptions>, "restic"> = {},
) {
  const { takes, fails, isThere, others, ...rest } = options;
  const told: string[] = [];
  const daemon = await SimulatedDaemon.create({
    start: noon,
    config,
    ...rest,
    restic: {
      repositories,
      takes: takes ?? (({ verb }) => (verb === "backup" ? 10 * minuteMs : 0)),
      ...(fails === undefined ? {} : { fails }),
      ...(isThere === undefined ? {} : { isThere }),
      others(command) {
        told.push(
          `${String(command.env?.["HOLDFAST_JOB"])} ${String(command.env?.["HOLDFAST_EVENT"])}`,
        );
        return others?.(command) ?? {};
      },
    },
  });
  daemon.start();
  await daemon.live(0);
  return { daemon, told };
}

function startsOf(runs: readonly SeenRun[]): readonly string[] {
  return runs.map(
    ({ job, trigger, started }) =>
      `${job} ${new Date(started.wall).toISOString().slice(5, 16)} ${trigger}`,
  );
}

suite("jobs that are due together", () => {
  test("run side by side on different volumes, and in turn on the same one", async () => {
    const { daemon } = await aDaemon(
      configured({ documents: { on: "a" }, photos: { on: "b" }, mail: { on: "a" } }),
    );
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-15T02:00 schedule",
      "photos 03-15T02:00 schedule",
      "mail 03-15T02:10 catch-up",
    ]);
  });

  test("do not wait for each other's retries", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" }, mail: { on: "a" } }), {
      fails: ({ job }) => (job === "documents" ? "unreachable" : undefined),
      takes: ({ verb }) => (verb === "backup" ? minuteMs : 0),
    });
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-15T02:01:30Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-15T02:00 schedule",
      "mail 03-15T02:01 schedule",
    ]);
  });

  test("are no more at once than the configuration allows", async () => {
    const { daemon } = await aDaemon(
      configured(
        { documents: { on: "a" }, photos: { on: "b" }, mail: { on: "c" } },
        { concurrency: 2 },
      ),
    );
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-15T02:00 schedule",
      "photos 03-15T02:00 schedule",
      "mail 03-15T02:10 catch-up",
    ]);
  });

  test("let nobody starve: who has waited longest is next", async () => {
    const always = { schedule: { every: "1m" } };
    const { daemon } = await aDaemon(
      configured({
        documents: { on: "a", ...always },
        photos: { on: "a", ...always },
        mail: { on: "a", schedule: { cron: "10 12 * * *", timezone: "UTC" } },
      }),
      { takes: ({ verb }) => (verb === "backup" ? 2 * minuteMs : 0) },
    );
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-14T12:20:00Z"));

    assert.equal(daemon.runs.filter(({ job }) => job === "mail").length, 1);
  });

  test("let nobody starve who needs two places that are never free together", async () => {
    const always = { schedule: { every: "1m" } };
    const { daemon } = await aDaemon(
      configured({
        photos: { on: "a", ...always },
        mail: { on: "b", ...always },
        documents: {
          on: "a",
          copies: ["b"],
          schedule: { cron: "10 12 * * *", timezone: "UTC" },
        },
      }),
      {
        takes: ({ verb, repository }) =>
          verb === "backup" ? (repository.endsWith("mail") ? 3 : 2) * minuteMs + 1000 : 0,
      },
    );
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-14T13:20:00Z"));

    assert.deepEqual(
      daemon.runs
        .filter(({ job }) => job === "documents")
        .map(({ trigger, end }) => [trigger, end?.outcome]),
      [["catch-up", "success"]],
    );
    assert.equal(daemon.host.count("/mnt/b/documents-b"), 1);
  });
});

suite("a failed run", () => {
  test("is tried again after 1, 2, 5, 10, 20, 30 and 60 minutes, then given up and told", async () => {
    const { daemon, told } = await aDaemon(configured({ documents: { on: "a" } }), {
      fails: ({ verb }): Failure | undefined => (verb === "backup" ? "unreachable" : undefined),
      takes: () => 0,
    });
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-16T01:59:00Z"));

    assert.deepEqual(
      daemon.runs.map(
        ({ started }) => (started.wall - Date.parse("2026-03-15T02:00:00Z")) / minuteMs,
      ),
      [0, 1, 3, 8, 18, 38, 68, 128],
    );
    assert.deepEqual(told, [
      ...Array.from({ length: 8 }, () => "documents failure"),
      "documents retries-exhausted",
    ]);
  });

  test("is tried again by the next daemon where the last one left off", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      fails: () => "locked",
      takes: () => 0,
    });
    await using _ = daemon;
    await daemon.live(awakeAt("2026-03-15T02:10:00Z"));

    await daemon.stop();
    daemon.start();
    await daemon.live(awakeAt("2026-03-15T04:30:00Z"));

    assert.deepEqual(
      daemon.runs.map(
        ({ started }) => (started.wall - Date.parse("2026-03-15T02:00:00Z")) / minuteMs,
      ),
      [0, 1, 3, 8, 18, 38, 68, 128],
    );
  });

  test("is tried again at once when its time came while the machine slept", async () => {
    let broken = true;
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      fails: () => (broken ? "unreachable" : undefined),
    });
    await using _ = daemon;
    await daemon.live(awakeAt("2026-03-15T02:10:30Z"));
    broken = false;

    daemon.machine.shift(5 * hourMs);
    await daemon.live(daemon.machine.awake + 2 * minuteMs);

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-15T02:00 schedule",
      "documents 03-15T07:11 retry",
    ]);
  });
});

suite("what a person asks for with --run-now", () => {
  test("is one run of every job, whatever its schedule", async () => {
    const { daemon } = await aDaemon(
      configured({ documents: { on: "a" }, mail: { on: "a" }, photos: { on: "b" } }),
      { runNow: true },
    );
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-15T01:00:00Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-14T12:00 command",
      "photos 03-14T12:00 command",
      "mail 03-14T12:10 command",
    ]);
  });

  test("is the scheduled run where that is due as well, not one more", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), { runNow: true });
    await using _ = daemon;
    await daemon.live(hourMs);
    await daemon.stop();
    daemon.machine.shift(dayMs);

    daemon.start();
    await daemon.live(2 * hourMs);

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-14T12:00 command",
      "documents 03-15T13:00 catch-up",
    ]);
  });
});

suite("a daemon that has begun", () => {
  test("says what comes next", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" }, photos: { on: "b" } }));
    await using _ = daemon;

    assert.match(daemon.said[0] ?? "", /^info: looking after 2 jobs of \S+holdfast\.yaml$/);
    assert.match(daemon.said[1] ?? "", /^info: next: documents 2026-03-1\d \d\d:00$/);
    assert.equal(daemon.said.length, 2);
  });

  test("says that nothing will happen where no job has a schedule", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a", schedule: undefined } }));
    await using _ = daemon;

    assert.equal(daemon.said[1], "info: no job has a schedule");
  });
});

suite("a changed configuration", () => {
  test("is used from the next look at it on, and a broken one is said once and not used", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }));
    await using _ = daemon;

    await daemon.configure({ jobs: { documents: "nonsense" } });
    daemon.machine.waker.wake();
    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));
    await daemon.configure(configured({ photos: { on: "b", schedule: { every: "1h" } } }));
    daemon.machine.waker.wake();
    await daemon.live(awakeAt("2026-03-15T03:30:00Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-15T02:00 schedule",
      "photos 03-15T03:00 schedule",
    ]);
    const complaints = daemon.said.filter((line) => line.startsWith("error"));
    assert.equal(complaints.length, 1);
    assert.match(
      complaints[0] ?? "",
      /^error: keeping the configuration as it was: .*jobs\.documents/s,
    );
    assert.match(daemon.said.join("\n"), /^info: read .*holdfast\.yaml again: 1 job$/m);
  });

  test("lets a run end that its job is no longer part of", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }));
    await using _ = daemon;
    await daemon.live(awakeAt("2026-03-15T02:05:00Z"));

    await daemon.configure(configured({ photos: { on: "b" } }));
    daemon.machine.waker.wake();
    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.deepEqual(
      daemon.runs.map(({ job, end }) => [job, end?.outcome]),
      [["documents", "success"]],
    );
  });
});

suite("a scheduled run that found its drive away", () => {
  test("is made up for when the drive is there again, within a minute or so", async () => {
    let isThere = false;
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      isThere: (path) => isThere || !path.startsWith("/mnt/a"),
    });
    await using _ = daemon;
    daemon.machine.looksEachMinute = true;
    await daemon.live(awakeAt("2026-03-15T09:00:30Z"));
    assert.deepEqual(
      daemon.runs.map(({ end }) => end?.outcome),
      ["skipped"],
    );

    isThere = true;
    await daemon.live(awakeAt("2026-03-15T12:00:00Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "documents 03-15T02:00 schedule",
      "documents 03-15T09:01 available",
    ]);
  });

  test("does not wait for the drive of a copy", async () => {
    let isThere = false;
    const { daemon } = await aDaemon(configured({ documents: { on: "a", copies: ["b"] } }), {
      isThere: (path) => !path.startsWith("/mnt/b") && (isThere || !path.startsWith("/mnt/a")),
    });
    await using _ = daemon;
    daemon.machine.looksEachMinute = true;
    await daemon.live(awakeAt("2026-03-15T09:00:30Z"));

    isThere = true;
    await daemon.live(awakeAt("2026-03-15T12:00:00Z"));

    assert.deepEqual(
      daemon.runs.map(({ trigger, end }) => [trigger, end?.outcome]),
      [
        ["schedule", "skipped"],
        ["available", "success"],
      ],
    );
  });

  test("is not made up for over and over by runs that find it away again", async () => {
    // There whenever it is looked for, and gone when the run begins.
    let looks = 0;
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      isThere(path) {
        if (path === "/mnt/a") looks += 1;
        return path !== "/mnt/a" || looks % 2 === 0;
      },
    });
    await using _ = daemon;
    daemon.machine.looksEachMinute = true;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.ok(daemon.runs.length < 35, `${daemon.runs.length} runs in an hour`);
    assert.ok(looks >= 60, `${looks} looks`);
  });
});

suite("an overdue job", () => {
  const overdueAfterADay = { on: "a", "overdue-after": "1d" };

  test("is told of once, and again when it becomes so anew", async () => {
    let failure: Failure | undefined = "wrong-password";
    const { daemon, told } = await aDaemon(configured({ documents: overdueAfterADay }), {
      fails: ({ verb }) => (verb === "backup" ? failure : undefined),
    });
    await using _ = daemon;

    await daemon.live(3 * dayMs);
    failure = undefined;
    await daemon.live(4 * dayMs);
    failure = "wrong-password";
    await daemon.live(8 * dayMs);

    assert.equal(told.filter((line) => line === "documents overdue").length, 2);
    assert.equal(daemon.said.filter((line) => line === "warning: documents: overdue").length, 2);
  });

  test("is not told of when the machine wakes and makes up for it", async () => {
    const { daemon, told } = await aDaemon(configured({ documents: overdueAfterADay }));
    await using _ = daemon;
    await daemon.live(dayMs);

    daemon.machine.shift(5 * dayMs);
    await daemon.live(dayMs + 10 * hourMs);

    assert.deepEqual(told, []);
    assert.equal(daemon.runs.at(-1)?.trigger, "catch-up");
  });

  test("is told of after an hour when making up for it takes longer", async () => {
    const { daemon, told } = await aDaemon(configured({ documents: overdueAfterADay }), {
      takes: ({ verb }) => (verb === "backup" ? 3 * hourMs : 0),
    });
    await using _ = daemon;
    daemon.machine.looksEachMinute = true;
    await daemon.live(20 * hourMs);

    daemon.machine.shift(5 * dayMs);
    await daemon.live(22 * hourMs);

    assert.deepEqual(told, ["documents overdue"]);
  });

  test("of which nobody can be told is told of in the log", async () => {
    const { daemon } = await aDaemon(configured({ documents: overdueAfterADay }), {
      fails: () => "wrong-password",
      others: () => ({ exitStatus: 1, stderr: "no network" }),
    });
    await using _ = daemon;

    await daemon.live(3 * dayMs);

    assert.match(daemon.said.join("\n"), /^warning: documents: notifier teller: .*no network/m);
  });
});

suite("a daemon that is stopped", () => {
  test("lets its runs end, and starts no others", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" }, mail: { on: "a" } }));
    await using _ = daemon;
    await daemon.live(awakeAt("2026-03-15T02:05:00Z"));

    await daemon.stop();

    assert.deepEqual(
      daemon.runs.map(({ job, end }) => [job, end?.outcome]),
      [["documents", "success"]],
    );
    assert.match(daemon.said.join("\n"), /^info: waiting for documents$/m);
  });

  test("ends runs in good order that take too long, and the next one tries them again", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), { drainMs: 1 });
    await using _ = daemon;
    await daemon.live(awakeAt("2026-03-15T02:05:00Z"));

    await daemon.stop();
    daemon.start();
    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.deepEqual(
      daemon.runs.map(({ trigger, end }) => [trigger, end?.outcome]),
      [
        ["schedule", "cancelled"],
        ["retry", "success"],
      ],
    );
    assert.match(daemon.said.join("\n"), /^warning: ending documents$/m);
  });
});

/** A machine where a run died, before its daemon is started. */
async function afterDeath(promises: readonly string[]) {
  const commands: string[] = [];
  const hooks = { after: [["tidy"]] };
  const daemon = await SimulatedDaemon.create({
    start: noon,
    config: configured({ documents: { on: "a", hooks } }),
    // As seen by another process, which finds the first one dead.
    journal: (real) => ({
      ...real,
      deadRuns: () => real.runs({ limit: 9 }).filter(({ end }) => end === undefined),
    }),
    restic: {
      repositories,
      others({ argv }) {
        commands.push(argv.join(" "));
        return {};
      },
    },
  });
  const { id } = daemon.journal.startRun("documents", "schedule");
  for (const kind of promises) {
    const entry = { kind, subject: `the ${kind}`, data: { job: "documents" } };
    daemon.journal.ledger(id).promise(entry);
  }
  daemon.start();
  await daemon.live(2 * minuteMs);
  return { daemon, commands };
}

suite("a daemon that finds what an interrupted run has left", () => {
  test("puts it back, says so, and tries the run again", async () => {
    const { daemon, commands } = await afterDeath(["after-hooks"]);
    await using _ = daemon;

    assert.match(
      daemon.said.join("\n"),
      /^warning: run \S+ of documents was interrupted; put back: the after-hooks$/m,
    );
    assert.deepEqual(startsOf(daemon.runs), ["documents 03-14T12:01 retry"]);
    // Once for the dead run, once for the next, which is a recovery.
    assert.deepEqual(commands, ["tidy", "tidy", "tell"]);
  });

  test("says what it cannot put back", async () => {
    const { daemon } = await afterDeath(["a strange kind"]);
    await using _ = daemon;

    assert.match(daemon.said.join("\n"), /could not put back the a strange kind: /);
  });

  test("goes on when even looking for it fails", async () => {
    let broken = true;
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      journal: (real) => ({
        ...real,
        deadRuns() {
          if (broken) throw new HoldfastError("journal-unusable", "it cannot be read");
          return real.deadRuns();
        },
      }),
    });
    await using _ = daemon;
    broken = false;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.match(daemon.said.join("\n"), /^error: it cannot be read$/m);
    assert.deepEqual(
      daemon.runs.map(({ end }) => end?.outcome),
      ["success"],
    );
  });
});

suite("a daemon in trouble", () => {
  test("is not alone: a second one with the same journal is refused", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }));
    await using _ = daemon;

    const second = daemon.run(new AbortController().signal);

    await assert.rejects(second, { code: "busy", message: /running already: process \d+/ });
  });

  test("that cannot write its journal says so, tries less and less often, and goes on when it can", async () => {
    let full = false;
    let tries = 0;
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      journal: (real) => ({
        ...real,
        startRun(job, trigger) {
          if (!full) return real.startRun(job, trigger);
          tries += 1;
          throw new HoldfastError("journal-unusable", "its disk is full", { hint: "free some" });
        },
      }),
    });
    await using _ = daemon;
    full = true;
    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));
    assert.ok(tries >= 5 && tries <= 10, `${tries} tries in an hour`);

    full = false;
    await daemon.live(awakeAt("2026-03-15T04:00:00Z"));

    assert.deepEqual(
      daemon.runs.map(({ end }) => end?.outcome),
      ["success"],
    );
    assert.match(daemon.said.join("\n"), /^error: documents: its disk is full\nhint: free some$/m);
  });

  test("that could not write the end of a run writes it later, and tries that run again", async () => {
    let full = false;
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      journal: (real) => ({
        ...real,
        finishRun(run, end) {
          if (full) throw new HoldfastError("journal-unusable", "its disk is full");
          real.finishRun(run, end);
        },
      }),
    });
    await using _ = daemon;
    await daemon.live(awakeAt("2026-03-15T02:05:00Z"));
    full = true;
    await daemon.live(awakeAt("2026-03-15T02:30:00Z"));
    full = false;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    const runs = daemon.journal.runs({ limit: 10 });
    assert.deepEqual(
      runs.map(({ trigger, end }) => [trigger, end?.outcome]),
      [
        ["retry", "success"],
        ["schedule", "interrupted"],
      ],
    );
  });

  test("that cannot read its journal for an hour ends, after its runs", async () => {
    let broken = false;
    const { daemon } = await aDaemon(
      configured({ documents: { on: "a" }, photos: { on: "b", schedule: { every: "7h" } } }),
      {
        takes: ({ verb }) => (verb === "backup" ? 5 * hourMs : 0),
        journal: (real) => ({
          ...real,
          mark(name) {
            if (broken) throw new HoldfastError("journal-unusable", "it is damaged");
            return real.mark(name);
          },
        }),
      },
    );
    await using _ = daemon;
    await daemon.live(hourMs);
    broken = true;
    daemon.machine.waker.wake();
    await daemon.live(1.5 * hourMs);
    assert.deepEqual(
      daemon.said.filter((line) => line.startsWith("error")),
      ["error: it is damaged"],
    );

    await assert.rejects(
      async () => {
        await daemon.live(6 * hourMs);
        await daemon.end();
      },
      { code: "journal-unusable" },
    );
    assert.deepEqual(
      daemon.runs.map(({ job, end }) => [job, end?.outcome]),
      [["photos", "success"]],
    );
  });

  test("that meets a bug in one job looks after the others", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" }, photos: { on: "b" } }), {
      journal: (real) => ({
        ...real,
        runs(query) {
          if (query.job === "documents") throw new TypeError("what now");
          return real.runs(query);
        },
      }),
    });
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.deepEqual(startsOf(daemon.runs), ["photos 03-15T02:00 schedule"]);
    const bugs = daemon.said.filter((line) => /this is a bug: TypeError: what now/.test(line));
    assert.equal(bugs.length, 1);
  });

  test("that meets a bug while it tidies up goes on", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" } }), {
      journal: (real) => ({
        ...real,
        discardBefore() {
          throw new TypeError("what now");
        },
      }),
    });
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.deepEqual(startsOf(daemon.runs), ["documents 03-15T02:00 schedule"]);
    assert.match(daemon.said.join("\n"), /^error: this is a bug: TypeError: what now/m);
  });

  test("that meets a bug in a run calls it a failure and goes on", async () => {
    const { daemon } = await aDaemon(configured({ documents: { on: "a" }, photos: { on: "b" } }), {
      fails({ job }) {
        if (job === "documents") throw new TypeError("what now");
        return undefined;
      },
    });
    await using _ = daemon;

    await daemon.live(awakeAt("2026-03-15T03:00:00Z"));

    assert.deepEqual(
      daemon.runs.map(({ job, end }) => [job, end?.outcome, end?.code]),
      [
        ["documents", "failure", "bug"],
        ["photos", "success", undefined],
      ],
    );
  });
});

test("what is older than a year is discarded from the journal, once a day", async () => {
  const { daemon } = await aDaemon(
    configured({ documents: { on: "a", schedule: { every: "12h" } } }),
  );
  await using _ = daemon;
  await daemon.live(3 * dayMs);
  const before = daemon.journal.runs({ limit: 100 }).length;

  daemon.machine.shift(500 * dayMs);
  await daemon.live(4 * dayMs + hourMs);

  assert.ok(before >= 6, `${before} runs`);
  const kept = daemon.journal.runs({ limit: 100 });
  assert.ok(kept.length < before, `${kept.length} of ${before} runs`);
});

suite("a job that runs when its drive is there", () => {
  const whenThere = { schedule: { when: "available" } };

  test("runs once for each time that the drive appears, however often the daemon is started", async () => {
    let isThere = false;
    const { daemon } = await aDaemon(configured({ photos: { on: "a", ...whenThere } }), {
      isThere: (path) => isThere || !path.startsWith("/mnt/a"),
    });
    await using _ = daemon;
    daemon.machine.looksEachMinute = true;
    daemon.machine.waker.wake();
    await daemon.live(awakeAt("2026-03-14T13:00:30Z"));
    isThere = true;
    await daemon.live(awakeAt("2026-03-14T14:00:30Z"));
    await daemon.stop();
    daemon.start();
    await daemon.live(awakeAt("2026-03-14T15:00:30Z"));

    isThere = false;
    await daemon.live(awakeAt("2026-03-14T16:00:30Z"));
    isThere = true;
    await daemon.live(awakeAt("2026-03-14T17:00:30Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "photos 03-14T13:01 available",
      "photos 03-14T16:01 available",
    ]);
  });

  test("runs again as often as it says while the drive stays", async () => {
    const often = { schedule: { when: "available", every: "6h" } };
    const { daemon } = await aDaemon(configured({ photos: { on: "a", ...often } }));
    await using _ = daemon;
    daemon.machine.looksEachMinute = true;
    daemon.machine.waker.wake();

    await daemon.live(awakeAt("2026-03-15T01:00:00Z"));

    assert.deepEqual(startsOf(daemon.runs), [
      "photos 03-14T12:00 available",
      "photos 03-14T18:00 available",
      "photos 03-15T00:00 available",
    ]);
  });

  test("is what the daemon says it waits for", async () => {
    const { daemon } = await aDaemon(configured({ photos: { on: "a", ...whenThere } }), {
      isThere: (path) => !path.startsWith("/mnt/a"),
    });
    await using _ = daemon;

    assert.deepEqual(
      daemon.said.filter((line) => line.includes("waiting")),
      ["info: waiting for a"],
    );
  });
});
