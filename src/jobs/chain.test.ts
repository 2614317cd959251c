// What jobs that read each other's repositories do, on an engine in memory.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openJournal } from "../journal/open.ts";
import { aChain, type TestChain } from "../../test/support/pretended-chain.ts";
import { planJobs } from "./plan-jobs.ts";
import { type RunRequest, type Verb, verbs } from "./program.ts";
import { runJobs } from "./run-jobs.ts";
import { canReadAgain } from "./upstream.ts";
import type { JobResult } from "./report.ts";
import { configuredJob } from "./open.ts";

const { signal } = new AbortController();
const options = { signal, listener: () => {} };

// In the file the last comes first: order follows from what is read.
const links = [
  { name: "far", reads: ["relay"] },
  { name: "letters" },
  { name: "relay", reads: ["photos"] },
  { name: "photos" },
];

function request(jobs: readonly string[], changes: Partial<RunRequest> = {}): RunRequest {
  return {
    jobs,
    verbs: new Set<Verb>(verbs),
    trigger: "command",
    labels: [],
    full: false,
    allowDeletions: false,
    ...changes,
  };
}

const all = links.map(({ name }) => name);

async function run(
  { program }: TestChain,
  jobs: readonly string[] = all,
  changes: Partial<RunRequest> = {},
): Promise<readonly JobResult[]> {
  return await runJobs(program, request(jobs, changes), options);
}

function inShort(results: readonly JobResult[]): readonly string[] {
  return results.map(({ job, outcome, reason }) =>
    [job, outcome, ...(reason === undefined ? [] : [reason])].join(": "),
  );
}

suite("a chain of jobs", () => {
  test("runs in the order of reading, and answers in the order of asking", async () => {
    await using chain = await aChain(links);

    const results = await run(chain);

    assert.deepEqual(inShort(results), [
      "far: success",
      "letters: success",
      "relay: success",
      "photos: success",
    ]);
    assert.deepEqual(
      chain.store.log.filter((line) => !line.startsWith("letters")),
      [
        "photos reads /data/photos",
        "relay reads /snapshots/photos-1",
        "far reads /snapshots/relay-1",
      ],
    );
  });

  test("is cancelled behind a failure all along, and only there", async () => {
    await using chain = await aChain(links);
    await run(chain);
    chain.store.failing.add("photos");
    chain.store.log.length = 0;

    const results = await run(chain);

    assert.deepEqual(inShort(results), [
      'far: cancelled: job "relay", whose snapshot it reads, was cancelled',
      "letters: success",
      'relay: cancelled: job "photos", whose snapshot it reads, failed',
      "photos: failure: the tool failed",
    ]);
    assert.deepEqual(
      results.map(({ exitStatus, code }) => [exitStatus, code]),
      [
        [1, "upstream-failed"],
        [0, undefined],
        [1, "upstream-failed"],
        [1, "command-failed"],
      ],
    );
    assert.equal(chain.store.log.length, 2, "nothing was read for the cancelled ones");
    const kept = chain.program.journal.lastRun("relay");
    assert.equal(kept?.end?.outcome, "cancelled");
  });

  test("uses what is there of a job that was not asked for", async () => {
    await using chain = await aChain(links);
    await run(chain, ["photos"]);
    chain.store.failing.add("photos");
    await run(chain, ["photos"]);

    const results = await run(chain, ["relay"]);

    assert.deepEqual(inShort(results), ["relay: success"]);
    assert.equal(chain.store.log.at(-1), "relay reads /snapshots/photos-1");
  });

  test("fails for a job that was not asked for and has made nothing yet", async () => {
    await using chain = await aChain(links);

    const [result] = await run(chain, ["relay"]);

    assert.deepEqual([result?.outcome, result?.code], ["failure", "source-missing"]);
  });

  test("has no order where nothing is backed up", async () => {
    await using chain = await aChain(links);
    chain.store.failing.add("photos");

    const results = await run(chain, all, { verbs: new Set<Verb>(["copy", "prune"]) });

    assert.ok(
      results.every(({ outcome }) => outcome === "success"),
      inShort(results).join("; "),
    );
  });
});

suite("a repository that is read", () => {
  const readers = [
    { name: "photos" },
    { name: "usb", reads: ["photos"] },
    { name: "nas", reads: ["photos"] },
  ];

  test("may be read by several jobs at once", async () => {
    await using chain = await aChain(readers);
    const gate = Promise.withResolvers<void>();
    const bothRead = Promise.withResolvers<void>();
    for (const name of ["usb", "nas"]) chain.store.gates.set(name, gate.promise);
    chain.store.heard = (line) => {
      if (line.startsWith("nas")) bothRead.resolve();
    };

    const results = run(chain, ["photos", "usb", "nas"]);
    await bothRead.promise;
    gate.resolve();

    assert.ok((await results).every(({ outcome }) => outcome === "success"));
    const after = chain.program.journal.lock("repository:photos", "a look");
    assert.equal(after.taken, true, "the last reader has given it back");
  });

  test("is not changed by another process meanwhile, nor read while that changes it", async () => {
    await using chain = await aChain(readers);
    await run(chain, ["photos"]);
    using other = openJournal(chain.program.config.state, {
      processes: { self: () => ({ host: "here", pid: 1 }), isAlive: () => "alive" },
    });
    const held = other.lock("repository:photos", "job photos");
    const during = await run(chain, ["usb"]);
    if (held.taken) held.lock[Symbol.dispose]();

    chain.store.heard = () => {
      const taken = other.lock("repository:photos", "job photos").taken;
      chain.store.log.push(taken ? "changed while it was read" : "left alone");
    };
    const after = await run(chain, ["usb"]);

    assert.deepEqual([during[0]?.outcome, during[0]?.code], ["cancelled", "busy"]);
    assert.equal(after[0]?.outcome, "success");
    assert.equal(chain.store.log.at(-1), "left alone");
  });
});

const resting = [
  { name: "relay", reads: ["photos"] },
  { name: "photos", changes: { disabled: true } as const },
];

suite("a chain behind a job that was skipped", () => {
  test("goes on with an earlier snapshot", async () => {
    await using chain = await aChain(resting);
    chain.store.snapshots.set("photos", [
      { id: "photos-1", time: new Date(0), kind: "snapshot", labels: [] },
    ]);

    const results = await run(chain, ["relay", "photos"]);

    assert.deepEqual(inShort(results), ["relay: success", "photos: skipped: disabled"]);
    assert.deepEqual(chain.store.log, ["relay reads /snapshots/photos-1"]);
  });

  test("is skipped when there is none", async () => {
    await using chain = await aChain(resting);

    const results = await run(chain, ["relay", "photos"]);

    assert.deepEqual(inShort(results), [
      'relay: skipped: there is no snapshot to read yet, and job "photos" was skipped: disabled',
      "photos: skipped: disabled",
    ]);
    assert.deepEqual(
      results.map(({ exitStatus }) => exitStatus),
      [0, 0],
    );
  });
});

suite("a job that the daemon starts by itself", () => {
  const scheduled = { schedule: { kind: "interval", everyMs: 3_600_000 } } as const;
  const chained = [
    { name: "photos", changes: scheduled },
    { name: "relay", reads: ["photos"], changes: scheduled },
  ];

  test("is cancelled when the job it reads has failed since it was due, and not for earlier", async () => {
    await using chain = await aChain(chained);
    await run(chain, ["photos"]);
    chain.store.failing.add("photos");
    await run(chain, ["photos"]);
    const { now } = chain.clock;

    const [during] = await run(chain, ["relay"], { since: now });
    const [after] = await run(chain, ["relay"], { since: new Date(now.getTime() + 1) });

    assert.deepEqual([during?.outcome, after?.outcome], ["cancelled", "success"]);
  });

  test("is made up for once that job has succeeded again", async () => {
    await using chain = await aChain(chained);
    const relay = configuredJob(chain.program, "relay");
    chain.store.failing.add("photos");
    await run(chain, ["photos", "relay"], { trigger: "schedule" });
    const early = canReadAgain(chain.program, relay);
    chain.clock.now = new Date(chain.clock.now.getTime() + 60_000);
    await run(chain, ["photos"], { trigger: "retry" });
    const stillFailing = canReadAgain(chain.program, relay);
    chain.store.failing.clear();
    await run(chain, ["photos"], { trigger: "retry" });

    const mended = canReadAgain(chain.program, relay);

    assert.deepEqual([early, stillFailing, mended], [false, false, true]);
    chain.clock.now = new Date(chain.clock.now.getTime() + 60_000);
    await run(chain, ["relay"], { trigger: "available" });
    assert.equal(canReadAgain(chain.program, relay), false);
  });
});

suite("a dry run of a chain", () => {
  test("shows the order, and a first snapshot that is still to be made", async () => {
    await using chain = await aChain(links);

    const plans = await planJobs(chain.program, request(all), signal);

    assert.deepEqual(
      plans.map(({ job, action, steps }) => [job, action, steps[0]?.reason]),
      [
        ["photos", "run", "sources: /data/photos"],
        [
          "relay",
          "run",
          "sources: repository photos; will read the snapshot that job photos makes",
        ],
        ["far", "run", "sources: repository relay; will read the snapshot that job relay makes"],
        ["letters", "run", "sources: /data/letters"],
      ],
    );
    assert.deepEqual(chain.store.log, [], "nothing was done");
  });

  test("shows what would be skipped, and fails what would fail", async () => {
    await using chain = await aChain(resting);

    const plans = await planJobs(chain.program, request(["relay", "photos"]), signal);

    assert.deepEqual(
      plans.map(({ job, action, reason }) => [job, action, reason]),
      [
        ["photos", "skip", "disabled"],
        [
          "relay",
          "skip",
          'there is no snapshot to read yet, and job "photos" would be skipped: disabled',
        ],
      ],
    );
    const [alone] = await planJobs(chain.program, request(["relay"]), signal);
    assert.deepEqual([alone?.action, alone?.code], ["fail", "source-missing"]);
  });
});
