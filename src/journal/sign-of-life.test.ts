import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import type { RunEnd } from "./journal.ts";
import { openJournal } from "./open.ts";
import { SignsOfLife } from "./sign-of-life.ts";

const success: RunEnd = { outcome: "success", snapshots: [], suspicious: [] };

/** Where a journal is, and where its signs are. */
function newPlace(t: TestContext): { state: string; alive: string } {
  const parent = mkdtempSync(join(tmpdir(), "holdfast-signs-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const state = join(parent, "state");
  return { state, alive: join(state, "alive") };
}

function signsIn(alive: string): readonly string[] {
  return existsSync(alive) ? readdirSync(alive) : [];
}

/** What a process leaves that is killed between making its sign and using it. */
function leaveSign(alive: string): void {
  mkdirSync(alive, { recursive: true });
  writeFileSync(join(alive, "4711-left"), "");
}

suite("a process shows that it lives", () => {
  test("from its first run or lock on, and not for reading or keeping facts", (t) => {
    const { state, alive } = newPlace(t);
    using journal = openJournal(state);
    using reader = openJournal(state, { readOnly: true });
    journal.setMark("a", "b");
    journal.markVerified("documents", ["a"]);
    assert.deepEqual(reader.deadRuns(), []);
    const before = existsSync(alive);

    journal.lock("repository:documents", "test");
    journal.startRun("documents", "command");

    assert.equal(before, false);
    assert.equal(signsIn(alive).length, 1);
  });

  test("in a file and a folder for its owner only", (t) => {
    const { state, alive } = newPlace(t);
    using journal = openJournal(state);
    journal.startRun("documents", "command");

    const [sign = ""] = signsIn(alive);

    assert.equal(statSync(alive).mode & 0o777, 0o700);
    assert.equal(statSync(join(alive, sign)).mode & 0o777, 0o600);
  });

  test("to whoever looks, as often as they look", (t) => {
    const { state, alive } = newPlace(t);
    using journal = openJournal(state);
    journal.startRun("documents", "command");
    const [sign = ""] = signsIn(alive);

    const looks = [1, 2, 3].map(() => new SignsOfLife(alive).look(sign));

    assert.deepEqual(looks, ["held", "held", "held"]);
  });

  test("until it closes a journal in which nothing is its own any more", (t) => {
    const { state, alive } = newPlace(t);
    {
      using journal = openJournal(state);
      const result = journal.lock("repository:documents", "test");
      journal.finishRun(journal.startRun("documents", "command").id, success);
      if (result.taken) result.lock[Symbol.dispose]();
    }

    assert.deepEqual(signsIn(alive), []);
  });

  test("beyond that, while something still is", (t) => {
    const { state, alive } = newPlace(t);
    {
      using journal = openJournal(state);
      journal.startRun("documents", "command");
    }

    const [sign = ""] = signsIn(alive);

    assert.equal(new SignsOfLife(alive).look(sign), "held");
  });

  test("by another sign, when somebody has deleted the first", (t) => {
    const { state, alive } = newPlace(t);
    using journal = openJournal(state);
    journal.startRun("documents", "command");
    rmSync(alive, { recursive: true });

    journal.startRun("photos", "command");

    const [sign = ""] = signsIn(alive);
    assert.equal(new SignsOfLife(alive).look(sign), "held");
    assert.deepEqual(journal.deadRuns(), []);
  });

  test("or says that it cannot", (t) => {
    const { state, alive } = newPlace(t);
    mkdirSync(state);
    writeFileSync(alive, "");
    using journal = openJournal(state);

    const start = () => journal.startRun("documents", "command");

    assert.throws(start, { code: "journal-unusable" });
    assert.deepEqual(journal.runs({ limit: 1 }), []);
  });
});

suite("a sign that nobody holds or needs is swept away", () => {
  test("by the next process that begins something", (t) => {
    const { state, alive } = newPlace(t);
    leaveSign(alive);
    using journal = openJournal(state);

    journal.startRun("documents", "command");

    assert.equal(signsIn(alive).includes("4711-left"), false);
    assert.equal(signsIn(alive).length, 1);
  });

  test("by the next process that closes the journal", (t) => {
    const { state, alive } = newPlace(t);
    leaveSign(alive);

    openJournal(state)[Symbol.dispose]();

    assert.deepEqual(signsIn(alive), []);
  });

  test("but by none that only reads", (t) => {
    const { state, alive } = newPlace(t);
    openJournal(state)[Symbol.dispose]();
    leaveSign(alive);

    openJournal(state, { readOnly: true })[Symbol.dispose]();

    assert.deepEqual(signsIn(alive), ["4711-left"]);
  });

  test("which one that is held is not, though nothing is its owner's at the moment", (t) => {
    const { state, alive } = newPlace(t);
    using idle = openJournal(state);
    idle.finishRun(idle.startRun("documents", "command").id, success);

    openJournal(state)[Symbol.dispose]();

    const [sign = ""] = signsIn(alive);
    assert.equal(new SignsOfLife(alive).look(sign), "held");
  });
});
