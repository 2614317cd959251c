import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import type { Journal } from "./journal.ts";
import { randomNumbers } from "../../test/support/random.ts";
import { openJournal } from "./open.ts";
import { realProcesses } from "./owner.ts";

// A disk writes in whole sectors, in any order, and may have got no further than it was told by the
// last fsync. So a power cut leaves, of each file, the sectors as they were at the last fsync, some of
// them replaced by what was written since. This builds such leftovers from a recorded history.
const sectorBytes = 512;
const logHeaderBytes = 32;
const cuts = Number(process.env["HOLDFAST_POWER_CUTS"] ?? 1000);

/** What the files held after one step, and what the journal had promised to hold by then. */
interface Moment {
  readonly file: Buffer;
  readonly log: Buffer;
  /** Everything up to here is on the disk. */
  readonly durable: boolean;
  readonly facts: Facts;
}

interface Facts {
  readonly runs: readonly string[];
  readonly finished: readonly string[];
  readonly promises: readonly string[];
  readonly events: number;
}

/** Works on a journal for a while, and keeps what its files held after every step. */
function recordHistory(directory: string, random: () => number): readonly Moment[] {
  const file = join(directory, "journal.sqlite");
  using journal = openJournal(directory);
  // A second connection moves the log into the file, at moments that are ours to choose.
  using checkpointer = new DatabaseSync(file);
  let facts: Facts = { runs: [], finished: [], promises: [], events: 0 };
  const moments: Moment[] = [];
  const keep = (durable: boolean, change: Partial<Facts> = {}) => {
    facts = { ...facts, ...change };
    moments.push({ file: readFileSync(file), log: readFileSync(`${file}-wal`), durable, facts });
  };

  for (let run = 0; run < 12; run += 1) {
    const { id } = journal.startRun("documents", "command");
    keep(true, { runs: [...facts.runs, id] });
    for (let event = 0; event < 6; event += 1) {
      const data = { number: facts.events, text: "x".repeat(random() * 3000) };
      journal.append(id, { time: new Date(0), event: "step-started", data });
      keep(false, { events: facts.events + 1 });
      if (random() < 0.1) checkpoint(checkpointer, moments, keep);
    }
    const subject = `change ${run}`;
    journal.ledger(id).promise({ kind: "test", subject, data: {} });
    keep(true, { promises: [...facts.promises, subject] });
    journal.finishRun(id, { outcome: "success", snapshots: [], suspicious: [] });
    keep(true, { finished: [...facts.finished, id] });
  }
  return moments;
}

// SQLite syncs the log before it copies from it, and the file when it has copied.
function checkpoint(
  connection: DatabaseSync,
  moments: Moment[],
  keep: (durable: boolean) => unknown,
): void {
  const before = moments.pop();
  if (before !== undefined) moments.push({ ...before, durable: true });
  connection.exec("PRAGMA wal_checkpoint(PASSIVE)");
  keep(true);
}

/** What a disk may hold that was told to write `after` and had surely written only `before`. */
function torn(before: Buffer, after: Buffer, random: () => number): Buffer {
  const reached = random();
  const result = Buffer.from(after);
  for (let at = 0; at < after.length; at += sectorBytes) {
    const end = Math.min(at + sectorBytes, after.length);
    const sectorWasWritten = random() < reached;
    if (!sectorWasWritten) result.fill(0, at, end).set(before.subarray(at, end), at);
  }
  const length = random() < 0.5 ? after.length : before.length;
  return result.subarray(0, Math.max(length, before.length));
}

// When SQLite begins the log again from its start, it syncs the new header before anything else: old
// entries below an old header, with new ones among them, would undo what is in the file already.
function tornLog(before: Buffer, after: Buffer, random: () => number): Buffer {
  const header = after.subarray(0, logHeaderBytes);
  if (header.equals(before.subarray(0, logHeaderBytes))) return torn(before, after, random);
  const headerIsSynced = random() < 0.8;
  const result = headerIsSynced ? torn(before, after, random) : Buffer.from(before);
  result.set(header);
  return result;
}

function factsOf(journal: Journal): Facts {
  const runs = journal.runs({ limit: 1000 }).toReversed();
  return {
    runs: runs.map(({ id }) => id),
    finished: runs.filter(({ end }) => end !== undefined).map(({ id }) => id),
    promises: journal.openPromises().map(({ entry }) => entry.subject),
    events: runs.reduce((sum, { id }) => sum + journal.events(id).length, 0),
  };
}

// After a power cut every process is of an earlier boot, so every promise is open.
const nobodyLives = { ...realProcesses, isAlive: () => "dead" as const };

function integrityOf(directory: string): unknown {
  using connection = new DatabaseSync(join(directory, "journal.sqlite"));
  return connection.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
}

/** The facts are those of a moment between the two: nothing durable is lost, nothing is half there. */
function assertBetween(found: Facts, least: Facts, most: Facts): void {
  for (const kind of ["runs", "finished", "promises"] as const) {
    assert.deepEqual(found[kind], most[kind].slice(0, found[kind].length));
    assert.ok(found[kind].length >= least[kind].length, `${kind} are lost`);
  }
  assert.ok(found.events >= least.events && found.events <= most.events, `${found.events} events`);
}

test("a power cut leaves a journal that holds all it has promised", (t: TestContext) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-power-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const seed = Date.now() % 2 ** 31;
  t.diagnostic(`seed ${seed}, ${cuts} power cuts`);
  const random = randomNumbers(seed);
  const moments = recordHistory(join(directory, "recorded"), random);

  for (let cut = 0; cut < cuts; cut += 1) {
    const at = 1 + Math.floor(random() * (moments.length - 1));
    const after = moments[at] ?? assert.fail();
    const before = moments.slice(0, at).findLast(({ durable }) => durable) ?? assert.fail();
    const left = join(directory, `cut-${cut}`);
    mkdirSync(left);
    writeFileSync(join(left, "journal.sqlite"), torn(before.file, after.file, random));
    writeFileSync(join(left, "journal.sqlite-wal"), tornLog(before.log, after.log, random));

    {
      using journal = openJournal(left, { processes: nobodyLives });
      assertBetween(factsOf(journal), before.facts, after.facts);
    }
    assert.equal(integrityOf(left), "ok");
    rmSync(left, { recursive: true });
  }
});
