// What jobs do, with real repositories: from a configuration to what is in the journal.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { openHttpSink } from "../../test/support/http-sink.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { Workplace } from "../../test/support/workplace.ts";
import { checkJobs } from "./check.ts";
import { examine } from "./doctor.ts";
import { initJobs } from "./init.ts";
import { notifyOverdue, notifyRetriesExhausted, testNotifiers } from "./notify.ts";
import { configuredJob } from "./open.ts";
import type { Verb } from "./program.ts";
import { recover } from "./recover.ts";
import { restoreJob } from "./restore.ts";
import { planJobs } from "./plan-jobs.ts";
import { jobStatus } from "./status.ts";
import { timeline } from "./timeline.ts";
import { volumeReports } from "./volumes.ts";

const options = { skip: withoutTools("restic"), concurrency: 2 };
const { signal } = new AbortController();
const work = { signal, progress: () => {} };
const quiet = { signal, listener: () => {} };

const disk = { engine: "restic", at: "FOLDER/disk", password: { file: "FOLDER/password" } };
const usb = { engine: "restic", at: "usb:restic", password: { file: "FOLDER/password" } };
const documents = { sources: ["FOLDER/data"], repository: "disk" };

/** One job to one repository, which exists. */
async function ordinary(job: object = {}, more: object = {}): Promise<Workplace> {
  const place = await Workplace.open({
    repositories: { disk },
    jobs: { documents: { ...documents, ...job } },
    ...more,
  });
  await initJobs(place.program, ["documents"], signal);
  return place;
}

/** The same with a copy on a volume. */
async function withCopy(job: object = {}): Promise<Workplace> {
  return await Workplace.open({
    volumes: { usb: { path: "FOLDER/usb" } },
    repositories: { disk, usb },
    jobs: { documents: { ...documents, copies: ["usb"], ...job } },
  });
}

async function ids(place: Workplace, repository: string): Promise<readonly string[]> {
  const { entries } = await timeline(place.program, { jobs: ["documents"] }, { signal });
  return entries.filter((entry) => entry.repository === repository).map(({ id }) => id);
}

suite("a run", options, () => {
  test("makes a snapshot that is listed, proven and noted for status", async () => {
    await using place = await ordinary();

    const result = await place.runOne({ labels: ["before-the-move"] });

    assert.equal(result.outcome, "success", result.reason);
    assert.equal(result.evidence?.files, 2);
    assert.equal(result.evidence.listed, true);
    const { entries } = await timeline(place.program, { jobs: ["documents"] }, { signal });
    assert.equal(entries[0]?.id, result.snapshots[0]?.id);
    assert.ok(entries[0]?.verified instanceof Date);
    assert.ok(entries[0].labels.includes("before-the-move"));
    const [status] = await jobStatus(place.program, ["documents"], signal);
    assert.equal(status?.outcome, "success");
    assert.equal(status.repositories[0]?.count, 1);
  });

  test("forgets by the rules, then reclaims the space, and says what it kept and why", async () => {
    await using place = await ordinary({ keep: { last: 2 } });
    for (let round = 0; round < 3; round += 1) await place.run();

    assert.equal((await ids(place, "disk")).length, 2);
    const forgets = place.heard("step-finished").filter(({ step }) => step === "forget");
    assert.deepEqual(
      forgets.map(({ result }) => Array.isArray(result["forgotten"]) && result["forgotten"].length),
      [0, 0, 1],
    );
    assert.ok(place.program.journal.repository("disk")?.lastPrune instanceof Date);
  });

  test("reports a job whose repository is missing, and runs the others", async () => {
    await using place = await Workplace.open({
      repositories: { disk, other: { ...disk, at: "FOLDER/other" } },
      jobs: { documents, second: { sources: ["FOLDER/data"], repository: "other" } },
    });
    await initJobs(place.program, ["second"], signal);

    const [first, second] = await place.run();

    assert.deepEqual([first?.code, first?.exitStatus], ["repository-missing", 10]);
    assert.equal(second?.outcome, "success");
  });

  test("ends when its own time is up", async () => {
    await using place = await ordinary({
      timeout: "1s",
      hooks: { before: [["sleep", "60"]], after: [["touch", "FOLDER/after"]] },
    });

    const result = await place.runOne();

    assert.deepEqual([result.outcome, result.code], ["failure", "timed-out"]);
    assert.ok((await readdir(place.folder)).includes("after"));
  });

  test("checks a repository when that is due, and freezes forgetting where it finds damage", async () => {
    await using place = await Workplace.open({
      repositories: { disk: { ...disk, "check-every": "1d", "check-read-data": "100%" } },
      jobs: { documents: { ...documents, keep: { last: 1 } } },
    });
    await initJobs(place.program, ["documents"], signal);
    assert.equal((await place.runOne()).outcome, "success");
    await damage(place.at("disk/data"));
    place.now = new Date(Date.now() + 2 * 86_400_000);

    const damaged = await place.runOne();

    assert.deepEqual([damaged.outcome, damaged.code], ["failure", "check-failed"]);
    const before = (await ids(place, "disk")).length;
    await place.run({ verbs: new Set(["backup", "forget", "prune"]) });
    assert.equal((await ids(place, "disk")).length, before + 1, "nothing is forgotten there");
    const findings = await examine(place.program, ["documents"], signal);
    assert.ok(findings.some(({ code }) => code === "repository-damaged"));
  });
});

suite("a copy", options, () => {
  test("receives what it lacks, is left for later while away, and catches up", async () => {
    await using place = await withCopy();
    const first = await initJobs(place.program, ["documents"], signal);
    assert.deepEqual(
      first.map(({ name, created }) => [name, created]),
      [
        ["usb", true],
        ["disk", true],
        ["usb", true],
      ],
    );
    await place.run();
    assert.equal((await ids(place, "usb")).length, 1);

    await rename(place.at("usb"), place.at("unplugged"));
    assert.equal((await place.runOne()).outcome, "success");
    const copy = place.heard("step-skipped").find(({ step }) => step === "copy");
    assert.match(copy?.reason ?? "", /usb/);
    const [volume] = await volumeReports(place.program, signal);
    assert.equal(volume?.present, false);
    const [status] = await jobStatus(place.program, ["documents"], signal);
    assert.equal(
      status?.repositories.find(({ repository }) => repository === "usb")?.present,
      false,
    );

    await rename(place.at("unplugged"), place.at("usb"));
    await place.run({ verbs: new Set(["copy"]) });
    assert.equal((await ids(place, "usb")).length, 2);
    assert.equal((await volumeReports(place.program, signal))[0]?.present, true);
  });

  test("is not sent what its own rules would drop again", async () => {
    await using place = await withCopy({ keep: { last: 1 } });
    await initJobs(place.program, ["documents"], signal);
    const configured = { verbs: new Set(["backup"] as const) };
    for (let round = 0; round < 3; round += 1) await place.run(configured);

    await place.run({ verbs: new Set(["copy"]) });
    await place.run({ verbs: new Set(["copy"]) });

    assert.equal((await ids(place, "usb")).length, 1);
    const copies = place.heard("step-finished").filter(({ step }) => step === "copy");
    assert.deepEqual(copies.at(-1)?.result, { copied: [] });
  });
});

suite("a volume that was marked before", options, () => {
  test("is not marked again where its marker is missing: that is the folder below the drive", async () => {
    await using place = await withCopy();
    await initJobs(place.program, ["documents"], signal);
    await rename(place.at("usb"), place.at("unplugged"));
    await mkdir(place.at("usb"));

    const reports = await initJobs(place.program, ["documents"], signal);

    assert.deepEqual(
      reports.map(({ name, created, away }) => ({ name, created, away })),
      [
        { name: "usb", created: false, away: true },
        { name: "disk", created: false, away: false },
        { name: "usb", created: false, away: true },
      ],
    );
    assert.match(reports[0]?.message ?? "", /was marked before/);
    assert.deepEqual(await readdir(place.at("usb")), []);
  });
});

suite("hooks", options, () => {
  test("run before and after with what they need to know, and after a failure", async () => {
    await using place = await ordinary({
      hooks: { before: [tell("before")], after: [tell("after")], "on-failure": [tell("failed")] },
    });
    await place.run();
    assert.deepEqual(hooksThatRan(await readdir(place.folder)), ["after", "before"]);

    await rm(place.at("data"), { recursive: true });
    const result = await place.runOne();

    assert.equal(result.code, "source-missing");
    assert.deepEqual(hooksThatRan(await readdir(place.folder)), ["after", "before", "failed"]);
    const seen = spawnSync("cat", [place.at("failed")], { encoding: "utf8" }).stdout;
    assert.match(seen, /HOLDFAST_JOB=documents/);
    assert.match(seen, /HOLDFAST_CODE=source-missing/);
  });

  test("stay away from a run that only forgets, which is no news of the backup either", async () => {
    await using place = await ordinary({
      keep: { last: 1 },
      hooks: { before: [tell("before")], after: [tell("after")] },
    });

    const result = await place.runOne({ verbs: new Set<Verb>(["forget"]) });

    assert.equal(result.outcome, "success", result.reason);
    assert.deepEqual(hooksThatRan(await readdir(place.folder)), []);
    const [status] = await jobStatus(place.program, ["documents"], signal);
    assert.equal(status?.outcome, "never");
    assert.equal(status.lastSuccess, undefined);
  });

  test("before a run can ask to skip it, or fail it", async () => {
    await using skipping = await ordinary({ hooks: { before: [["sh", "-c", "exit 75"]] } });
    await using failing = await ordinary({
      hooks: { before: [["false"]], "on-failure": [["false"]] },
    });

    const skipped = await skipping.runOne();
    const failed = await failing.runOne();

    assert.deepEqual([skipped.outcome, skipped.exitStatus], ["skipped", 0]);
    assert.deepEqual([failed.outcome, failed.code], ["failure", "hook-failed"]);
    assert.match(failing.heard("warning")[0]?.message ?? "", /on-failure hook false failed/);
  });

  test("after a run that fail make the run fail, and are owed until they succeed", async () => {
    await using place = await ordinary({ hooks: { after: [["test", "-e", "FOLDER/mended"]] } });

    const result = await place.runOne();

    assert.deepEqual([result.outcome, result.code], ["failure", "hook-failed"]);
    const [report] = await recover(place.program, signal);
    assert.match(report?.failed[0]?.message ?? "", /after hook test failed/);
    await writeFile(place.at("mended"), "");
    const [mended] = await recover(place.program, signal);
    assert.deepEqual(mended?.undone, ["after hooks of job documents"]);
    assert.deepEqual(await recover(place.program, signal), []);
  });

  test("of a job that is configured no more cannot be made up for, and that is said", async () => {
    await using place = await ordinary();
    const { id } = place.program.journal.startRun("gone", "schedule");
    const ledger = place.program.journal.ledger(id);
    ledger.promise({
      kind: "after-hooks",
      subject: "after hooks of job gone",
      data: { job: "gone" },
    });
    ledger.promise({ kind: "newer-thing", subject: "something else", data: {} });
    place.program.journal.finishRun(id, { outcome: "failure", snapshots: [], suspicious: [] });

    const [report] = await recover(place.program, signal);

    assert.deepEqual(
      report?.failed.map(({ message }) => message),
      [
        'nobody here knows how to undo "newer-thing"',
        "the job of after hooks of job gone is not configured",
      ],
    );
  });
});

suite("a dry run", options, () => {
  test("says what would be done with the commands, and does nothing", async () => {
    await using place = await withCopy({ keep: { last: 1 } });
    await initJobs(place.program, ["documents"], signal);
    await place.run({ verbs: new Set(["backup"]) });

    const [plan] = await planJobs(place.program, place.request(), signal);

    assert.equal(plan?.action, "run");
    assert.deepEqual(
      plan.steps.map(
        ({ step, repository, commands }) => `${step} ${repository} ${commands.length}`,
      ),
      [
        "backup disk 1",
        "copy usb 1",
        "forget disk 1",
        "prune disk 1",
        "forget usb 0",
        "prune usb 1",
      ],
    );
    assert.match(plan.steps[0]?.commands[0] ?? "", /RESTIC_PASSWORD=\*\*\* .*restic .*backup/);
    assert.equal((await ids(place, "disk")).length, 1);
  });

  test("says why a job would be skipped or fail", async () => {
    await using place = await Workplace.open({
      volumes: { usb: { path: "FOLDER/usb" } },
      repositories: { disk, usb },
      jobs: { documents, away: { sources: ["FOLDER/data"], repository: "usb" } },
    });

    const [failing, skipping] = await planJobs(place.program, place.request(), signal);

    assert.deepEqual([failing?.action, failing?.code], ["fail", "repository-missing"]);
    assert.equal(skipping?.action, "skip");
    assert.match(skipping.reason ?? "", /holdfast-volume/);
  });
});

suite("snapshots, restore and check", options, () => {
  test("find a path, and restore it alone from a date into a new folder", async () => {
    await using place = await ordinary();
    await place.run();
    const letter = place.at("data/letter");
    const { entries } = await timeline(
      place.program,
      { jobs: ["documents"], find: letter },
      { signal },
    );
    assert.deepEqual(entries[0]?.found, [letter]);
    assert.deepEqual(
      (await timeline(place.program, { jobs: ["documents"], find: "/no/such" }, { signal }))
        .entries,
      [],
    );
    const today = new Date(Date.now() + 60_000).toISOString().slice(0, 19);
    const request = { job: "documents", snapshot: `${today}Z`, include: [letter], dryRun: false };

    const report = await restoreJob(place.program, { ...request, target: place.at("out") }, work);

    assert.deepEqual(report.problems, []);
    assert.deepEqual(await readdir(place.at("out", place.at("data"))), ["letter"]);
  });

  test("restore takes a path from the one snapshot of several that holds it", async () => {
    await using place = await Workplace.open({
      repositories: { disk: { ...disk, "snapshot-per-source": true } },
      jobs: { documents: { sources: ["FOLDER/data", "FOLDER/usb"], repository: "disk" } },
    });
    await writeFile(place.at("usb/film"), "a film");
    await initJobs(place.program, ["documents"], signal);
    assert.equal((await place.runOne()).snapshots.length, 2);
    const request = { job: "documents", snapshot: "latest", dryRun: false };
    const include = [place.at("usb/film")];

    const part = await restoreJob(
      place.program,
      { ...request, include, target: place.at("part") },
      work,
    );
    const whole = await restoreJob(
      place.program,
      { ...request, include: [], target: place.at("whole") },
      work,
    );

    assert.deepEqual([part.snapshots.length, part.problems], [1, []]);
    assert.deepEqual(await readdir(place.at("part", place.folder)), ["usb"]);
    assert.equal(whole.snapshots.length, 2);
    assert.deepEqual((await readdir(place.at("whole", place.folder))).toSorted(), ["data", "usb"]);
  });

  test("restore refuses a folder that is not empty, a repository of another job, and what is away", async () => {
    await using place = await withCopy();
    await initJobs(place.program, ["documents"], signal);
    await place.run();
    const request = { job: "documents", snapshot: "latest", include: [], dryRun: false };
    const restore = async (more: { target: string; from?: string }) =>
      await restoreJob(place.program, { ...request, ...more }, work);

    await assert.rejects(restore({ target: place.at("data") }), { code: "target-invalid" });
    await assert.rejects(restore({ target: place.at("password") }), { code: "target-invalid" });
    await assert.rejects(restore({ target: place.at("x"), from: "nas" }), { code: "unknown-name" });
    await rename(place.at("usb"), place.at("unplugged"));
    await assert.rejects(restore({ target: place.at("x"), from: "usb" }), { code: "volume-away" });
  });

  test("restore takes what is there when the first repository is away, and a dry run writes nothing", async () => {
    await using place = await Workplace.open({
      volumes: { usb: { path: "FOLDER/usb" } },
      repositories: { usb, disk },
      jobs: { documents: { sources: ["FOLDER/data"], repository: "usb", copies: ["disk"] } },
    });
    await initJobs(place.program, ["documents"], signal);
    await place.run();
    await rename(place.at("usb"), place.at("unplugged"));
    const request = { job: "documents", snapshot: "latest", include: [], target: place.at("out") };

    const planned = await restoreJob(place.program, { ...request, dryRun: true }, work);
    assert.equal(planned.commands.length, 1);
    assert.ok(!(await readdir(place.folder)).includes("out"));
    const done = await restoreJob(place.program, { ...request, dryRun: false }, work);

    assert.equal(done.repository, "disk");
    const { gaps } = await timeline(place.program, { jobs: ["documents"] }, { signal });
    assert.deepEqual(
      gaps.map(({ repository, away }) => [repository, away]),
      [["usb", true]],
    );
  });

  test("check finds damage, an unfit password and what is away, each as an answer", async () => {
    await using place = await withCopy();
    await initJobs(place.program, ["documents"], signal);
    await place.run();
    const check = async () =>
      await checkJobs(
        place.program,
        { jobs: ["documents"], readData: "100%" },
        { signal, progress: () => {} },
      );
    assert.deepEqual(
      (await check()).map(({ repository, ok }) => [repository, ok]),
      [
        ["disk", true],
        ["usb", true],
      ],
    );

    await damage(place.at("disk/data"));
    await rename(place.at("usb"), place.at("unplugged"));
    const [damaged, away] = await check();

    assert.deepEqual([damaged?.ok, damaged?.exitStatus], [false, 1]);
    assert.deepEqual([away?.away, away?.code], [true, "volume-away"]);
  });
});

suite("doctor", options, () => {
  test("names all that is missing and what mends it, and nothing when all is well", async () => {
    await using place = await Workplace.open({
      volumes: { usb: { path: "FOLDER/usb" } },
      repositories: { disk, usb },
      jobs: {
        documents: {
          sources: ["FOLDER/data", "FOLDER/nowhere"],
          repository: "disk",
          copies: ["usb"],
        },
      },
    });
    await mkdir(place.at("empty"));

    const findings = await examine(place.program, ["documents"], signal);

    const codes = findings.filter(({ severity }) => severity !== "ok").map(({ code }) => code);
    assert.deepEqual(codes.toSorted(), [
      "marker-missing",
      "repository-away",
      "repository-missing",
      "source-missing",
    ]);
    const missing = findings.find(({ code }) => code === "repository-missing");
    assert.equal(missing?.hint, "holdfast init documents");
  });

  test("warns of secrets others can read, of frozen retention and of overdue jobs", async () => {
    await using place = await ordinary({ schedule: "0 2 * * *", "overdue-after": "1h" });
    await chmod(place.at("password"), 0o644);
    await rm(place.at("data"), { recursive: true });
    await mkdir(place.at("data"));
    await place.run();
    place.now = new Date(Date.now() + 3 * 3_600_000);

    const findings = await examine(place.program, ["documents"], signal);

    const warned = findings.filter(({ severity }) => severity === "warning");
    for (const code of ["retention-frozen", "job-overdue", "source-empty"]) {
      assert.ok(
        warned.some((finding) => finding.code === code),
        `${code} in ${JSON.stringify(findings)}`,
      );
    }
    assert.ok(warned.some(({ message }) => /password/.test(message)));
  });
});

suite("notifications", options, () => {
  test("tell of the start and the end, of recovery, and never change an outcome", async () => {
    await using sink = await openHttpSink();
    const all = [
      "start",
      "success",
      "warning",
      "failure",
      "recovered",
      "overdue",
      "retries-exhausted",
    ];
    await using place = await ordinary(
      { notify: ["web", "broken"] },
      {
        notifiers: {
          web: { type: "webhook", url: `${sink.origin}/web`, on: all },
          broken: { type: "webhook", url: "http://127.0.0.1:9/", on: ["success"], timeout: "1s" },
        },
      },
    );
    await rename(place.at("data"), place.at("elsewhere"));
    await place.run();
    await rename(place.at("elsewhere"), place.at("data"));
    await place.run();
    const quietly = await place.runOne();

    assert.equal(quietly.outcome, "success", "a notifier that fails changes no outcome");
    assert.match(place.heard("warning")[0]?.message ?? "", /notifier broken/);
    const told = sink.requests.map(({ body }) => /"event":"([a-z-]+)"/.exec(body)?.[1]);
    assert.deepEqual(told, ["start", "failure", "start", "recovered", "start", "success"]);
    assert.ok(
      sink.requests.every(({ body }) => !body.includes(place.folder)),
      "no path leaves",
    );

    const job = configuredJob(place.program, "documents");
    await notifyOverdue(place.program, job, quiet);
    await notifyOverdue(place.program, job, quiet);
    await notifyRetriesExhausted(place.program, { job, result: quietly }, quiet);
    const after = sink.requests.slice(6).map(({ body }) => /"event":"([a-z-]+)"/.exec(body)?.[1]);
    assert.deepEqual(after, ["overdue", "retries-exhausted"]);

    const tested = await testNotifiers(place.program, ["web", "broken"], signal);
    assert.deepEqual(
      tested.map(({ ok }) => ok),
      [true, false],
    );
  });
});

/** A hook that writes down its environment. */
function tell(moment: string): readonly string[] {
  return ["sh", "-c", `env > FOLDER/${moment}`];
}

function hooksThatRan(names: readonly string[]): readonly string[] {
  return names.filter((name) => ["before", "after", "failed"].includes(name)).toSorted();
}

/** Flips a byte in the middle of every pack. */
async function damage(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = `${entry.parentPath}/${entry.name}`;
    await chmod(path, 0o600);
    const { status } = spawnSync("sh", [
      "-c",
      'size=$(stat -c %s "$1"); printf "\\377\\000\\377" | dd of="$1" bs=1 seek=$((size / 3)) conv=notrunc',
      "sh",
      path,
    ]);
    assert.equal(status, 0);
  }
}
