import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import type { Evidence } from "../kernel/evidence.ts";
import type { Journal, RunEnd, Trigger } from "./journal.ts";
import { openJournal } from "./open.ts";

/** A journal whose clock stands still until it is told otherwise. */
function journalWithClock(t: TestContext): { journal: Journal; setClock: (time: string) => void } {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-past-"));
  let time = new Date("2026-11-20T10:00:00.000Z");
  const journal = openJournal(directory, { now: () => time });
  t.after(() => {
    journal[Symbol.dispose]();
    rmSync(directory, { recursive: true, force: true });
  });
  return { journal, setClock: (text) => (time = new Date(text)) };
}

function runOf(
  journal: Journal,
  job: string,
  { trigger = "command", ...end }: Partial<RunEnd> & { readonly trigger?: Trigger } = {},
): string {
  const { id } = journal.startRun(job, trigger);
  journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [], ...end });
  return id;
}

const full: Evidence = { files: 1000, bytes: 5_000_000 };
const shrunk: Evidence = { files: 10, bytes: 50 };
const suspicious: Partial<RunEnd> = {
  outcome: "warning",
  evidence: shrunk,
  suspicious: ["99 % fewer files"],
};

suite("suspicious runs", () => {
  test("freeze their job, and no other, until a person accepts them", (t) => {
    const { journal } = journalWithClock(t);
    const first = runOf(journal, "documents", suspicious);
    const second = runOf(journal, "documents", suspicious);
    runOf(journal, "documents");
    const before = journal.unaccepted("documents").map(({ id }) => id);

    journal.accept("documents");

    assert.deepEqual(before, [second, first]);
    assert.deepEqual(journal.unaccepted("documents"), []);
    assert.deepEqual(journal.unaccepted("photos"), []);
  });

  test("that come after an acceptance, with the clock set back, freeze it again", (t) => {
    const { journal, setClock } = journalWithClock(t);
    runOf(journal, "documents", suspicious);
    journal.accept("documents");
    setClock("2020-01-01T00:00:00Z");

    const again = runOf(journal, "documents", suspicious);

    assert.deepEqual(
      journal.unaccepted("documents").map(({ id }) => id),
      [again],
    );
  });

  test("that end after an acceptance were not accepted, whenever they began", (t) => {
    const { journal } = journalWithClock(t);
    const { id } = journal.startRun("documents", "command");
    journal.accept("documents");

    journal.finishRun(id, { outcome: "warning", snapshots: [], suspicious: ["empty"] });

    assert.equal(journal.unaccepted("documents")[0]?.id, id);
  });
});

suite("the baseline", () => {
  test("is the evidence of the newest run that was not suspicious", (t) => {
    const { journal } = journalWithClock(t);
    runOf(journal, "documents", { evidence: { files: 1 } });
    runOf(journal, "documents", { evidence: full });
    runOf(journal, "documents", suspicious);
    runOf(journal, "documents", { outcome: "failure" });
    runOf(journal, "photos", { evidence: { files: 3 } });

    assert.deepEqual(journal.baseline("documents"), full);
    assert.equal(journal.baseline("music"), undefined);
  });

  test("is that of a suspicious run once it was accepted", (t) => {
    const { journal } = journalWithClock(t);
    runOf(journal, "documents", { evidence: full });
    runOf(journal, "documents", suspicious);

    journal.accept("documents");

    assert.deepEqual(journal.baseline("documents"), shrunk);
  });
});

suite("discarding the past", () => {
  test("drops old runs with their events, but the newest of each outcome of each job", (t) => {
    const { journal, setClock } = journalWithClock(t);
    const old = runOf(journal, "documents");
    journal.append(old, { time: new Date(0), event: "warning", data: {} });
    const lastFailure = runOf(journal, "documents", { outcome: "failure" });
    const lastSuccess = runOf(journal, "documents");
    const lastOfPhotos = runOf(journal, "photos");
    setClock("2027-01-01T00:00:00Z");

    journal.discardBefore(new Date("2026-12-01T00:00:00Z"));

    assert.equal(journal.run(old), undefined);
    assert.deepEqual(journal.events(old), []);
    assert.deepEqual(
      journal.runs({ limit: 10 }).map(({ id }) => id),
      [lastOfPhotos, lastSuccess, lastFailure],
    );
  });

  test("keeps the last start of each trigger, however many others came since", (t) => {
    const { journal } = journalWithClock(t);
    const triggers = ["schedule", "catch-up", "available", "command"] as const;
    for (const trigger of triggers) runOf(journal, "documents", { trigger });
    const last = triggers.map((trigger) => runOf(journal, "documents", { trigger }));

    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    assert.deepEqual(
      journal.runs({ limit: 10 }).map(({ id }) => id),
      last.toReversed(),
    );
  });

  test("keeps the run that began last as well as the one that ended last", (t) => {
    const { journal } = journalWithClock(t);
    const long = journal.startRun("documents", "schedule").id;
    const short = runOf(journal, "documents", { trigger: "schedule" });
    journal.finishRun(long, { outcome: "success", snapshots: [], suspicious: [] });

    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    assert.equal(journal.runs({ limit: 1 })[0]?.id, short);
    assert.equal(journal.lastRun("documents")?.id, long);
  });

  test("keeps the failure that was hidden by one that only found another run at work", (t) => {
    const { journal } = journalWithClock(t);
    runOf(journal, "documents");
    const telling = runOf(journal, "documents", { outcome: "failure", code: "password-wrong" });
    const busy = runOf(journal, "documents", { outcome: "failure", code: "busy" });

    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    assert.deepEqual(
      journal.runs({ limit: 2 }).map(({ id }) => id),
      [busy, telling],
    );
  });

  test("keeps count of how often the last start was tried again", (t) => {
    const { journal } = journalWithClock(t);
    const failed = { outcome: "failure", code: "host-unreachable" } as const;
    runOf(journal, "documents", { trigger: "schedule" });
    runOf(journal, "documents", { trigger: "retry", ...failed });
    runOf(journal, "documents", { trigger: "schedule", ...failed });
    for (let retry = 0; retry < 3; retry += 1) {
      runOf(journal, "documents", { trigger: "retry", ...failed });
    }

    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    assert.deepEqual(
      journal.runs({ limit: 10 }).map(({ trigger }) => trigger),
      ["retry", "retry", "retry", "schedule", "schedule"],
    );
  });

  test("keeps what finished at or after the time", (t) => {
    const { journal } = journalWithClock(t);
    const first = runOf(journal, "documents");
    runOf(journal, "documents");

    journal.discardBefore(new Date("2026-11-20T10:00:00.000Z"));

    assert.notEqual(journal.run(first), undefined);
  });

  test("keeps what is open: going on, promised, suspicious", (t) => {
    const { journal } = journalWithClock(t);
    const goingOn = journal.startRun("documents", "command").id;
    const promising = journal.startRun("documents", "command").id;
    journal.ledger(promising).promise({ kind: "mount", subject: "/mnt", data: {} });
    journal.finishRun(promising, { outcome: "warning", snapshots: [], suspicious: [] });
    const doubted = runOf(journal, "documents", suspicious);
    runOf(journal, "documents", { outcome: "warning" });

    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    for (const id of [goingOn, promising, doubted]) assert.notEqual(journal.run(id), undefined);
    assert.equal(journal.openPromises().length, 1);
    assert.equal(journal.unaccepted("documents").length, 1);
  });

  test("keeps the run that later ones are compared with", (t) => {
    const { journal } = journalWithClock(t);
    runOf(journal, "documents", { evidence: full });
    runOf(journal, "documents");

    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    assert.deepEqual(journal.baseline("documents"), full);
  });

  test("drops promises that were kept, with their runs", (t) => {
    const { journal } = journalWithClock(t);
    const { id } = journal.startRun("documents", "command");
    journal.ledger(id).promise({ kind: "mount", subject: "/mnt", data: {} }).settle();
    journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [] });
    runOf(journal, "documents");

    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    assert.equal(journal.run(id), undefined);
  });

  test("never lets an accepted job accept a later run", (t) => {
    const { journal } = journalWithClock(t);
    for (let run = 0; run < 5; run += 1) runOf(journal, "documents", suspicious);
    journal.accept("documents");
    journal.discardBefore(new Date("2030-01-01T00:00:00Z"));

    const later = runOf(journal, "documents", suspicious);

    assert.deepEqual(
      journal.unaccepted("documents").map(({ id }) => id),
      [later],
    );
  });
});

suite("repositories", () => {
  test("are unknown until they have been listed", (t) => {
    const { journal } = journalWithClock(t);

    journal.noteRepository("documents", { lastCheck: new Date("2026-11-19T00:00:00Z") });

    assert.equal(journal.repository("documents"), undefined);
  });

  test("keep what was noted at different times", (t) => {
    const { journal } = journalWithClock(t);
    const lastCheck = new Date("2026-11-19T00:00:00Z");
    const lastPrune = new Date("2026-11-18T00:00:00Z");
    const newest = new Date("2026-11-20T09:00:00Z");
    journal.noteRepository("documents", { lastCheck });
    journal.noteRepository("documents", { seen: newest, newest, count: 3 });

    journal.noteRepository("documents", { lastPrune });

    assert.deepEqual(journal.repository("documents"), {
      seen: newest,
      newest,
      count: 3,
      lastPrune,
      lastCheck,
    });
  });

  test("have no newest snapshot any more when a listing found none", (t) => {
    const { journal } = journalWithClock(t);
    journal.noteRepository("documents", { newest: new Date(0), count: 1 });

    journal.noteRepository("documents", { count: 0 });

    assert.deepEqual(journal.repository("documents"), {
      seen: new Date("2026-11-20T10:00:00.000Z"),
      count: 0,
    });
  });
});

suite("small facts", () => {
  test("remember when each snapshot was last proven", (t) => {
    const { journal, setClock } = journalWithClock(t);
    journal.markVerified("documents", ["a", "b"]);
    setClock("2026-11-21T00:00:00Z");
    journal.markVerified("documents", ["b"]);
    journal.markVerified("photos", ["c"]);

    const verified = journal.verified("documents");

    assert.deepEqual(
      [...verified],
      [
        ["a", new Date("2026-11-20T10:00:00.000Z")],
        ["b", new Date("2026-11-21T00:00:00.000Z")],
      ],
    );
  });

  test("forget what was proven of snapshots that are gone, in this repository only", (t) => {
    const { journal } = journalWithClock(t);
    journal.markVerified("documents", ["a", "b", 'it\'s "c"']);
    journal.markVerified("photos", ["a", "b"]);

    journal.forgetVerified("documents", ["b", 'it\'s "c"', "never proven"]);

    assert.deepEqual([...journal.verified("documents").keys()], ["b", 'it\'s "c"']);
    assert.deepEqual([...journal.verified("photos").keys()], ["a", "b"]);
  });

  test("forget all that was proven when nothing is left", (t) => {
    const { journal } = journalWithClock(t);
    journal.markVerified("documents", ["a"]);

    journal.forgetVerified("documents", []);

    assert.equal(journal.verified("documents").size, 0);
  });

  test("are marks that can be set, replaced and forgotten", (t) => {
    const { journal } = journalWithClock(t);

    journal.setMark("told", "once");
    journal.setMark("told", "twice");
    const told = journal.mark("told");
    journal.setMark("told", undefined);

    assert.equal(told, "twice");
    assert.equal(journal.mark("told"), undefined);
  });
});
