// Knows: the tables of runs and events. Must not know: what runs are for.
import type { Database, Row } from "./database.ts";
import type { Journal, JournalEvent, RunEnd, RunRecord, Trigger } from "./journal.ts";
import { isProvenDead, newOwner } from "./owner.ts";
import type { JournalParts } from "./parts.ts";
import { newRunId } from "./run-id.ts";
import { readEvent, readRun, writeRedacted, runColumns, writeEnd } from "./records.ts";

type RunMethods = Pick<
  Journal,
  "startRun" | "append" | "finishRun" | "run" | "runs" | "events" | "lastRun" | "deadRuns"
>;

/** The part of a journal that keeps runs and their events. */
export function runMethods(parts: JournalParts): RunMethods {
  const { database } = parts;
  const record = (row: Row): RunRecord => database.decode(() => readRun(row));

  return {
    startRun: (job, trigger) => startRun(parts, job, trigger),
    append: (run, event) => append(database, run, event),
    finishRun: (run, end) => finishRun(parts, run, end),

    run(id) {
      const row = database.get(`SELECT ${runColumns} FROM runs WHERE id = ?`, id);
      return row && record(row);
    },

    runs: ({ job, limit }) => newestRuns(database, job, limit).map(record),

    events: (run) =>
      database
        .all("SELECT time, event, data FROM events WHERE run = ? ORDER BY sequence", run)
        .map((row) => database.decode(() => readEvent(row))),

    lastRun(job, outcomes) {
      const row = database.get(
        `SELECT ${runColumns} FROM runs
         WHERE job = ?1 AND finish IS NOT NULL AND details ->> '$.withoutBackup' IS NULL
           AND (?2 IS NULL OR outcome IN (SELECT value FROM json_each(?2)))
         ORDER BY finish DESC LIMIT 1`,
        job,
        outcomes === undefined ? null : JSON.stringify(outcomes),
      );
      return row && record(row);
    },

    deadRuns: () =>
      database
        .all(`SELECT ${runColumns}, owner FROM runs WHERE finish IS NULL ORDER BY sequence`)
        .filter((row) => isProvenDead(parts, row["owner"]) && isUnfinished(database, row))
        .map(record),
  };
}

// Asked again after its owner was found dead: it may have ended well between the two looks.
function isUnfinished(database: Database, { id = null }: Row): boolean {
  return database.get("SELECT 1 FROM runs WHERE id = ? AND finish IS NULL", id) !== undefined;
}

function newestRuns(database: Database, job: string | undefined, limit: number): readonly Row[] {
  const order = "ORDER BY sequence DESC LIMIT ?";
  return job === undefined
    ? database.all(`SELECT ${runColumns} FROM runs ${order}`, limit)
    : database.all(`SELECT ${runColumns} FROM runs WHERE job = ? ${order}`, job, limit);
}

function startRun(parts: JournalParts, job: string, trigger: Trigger): RunRecord {
  const { database, now } = parts;
  const started = now();
  return database.durably(() => {
    const id = freeRunId(database, started);
    database.run(
      `INSERT INTO runs (id, job, "trigger", started, owner) VALUES (?, ?, ?, ?, ?)`,
      id,
      job,
      trigger,
      started.toISOString(),
      newOwner(parts),
    );
    return { id, job, trigger, started };
  });
}

function freeRunId(database: Database, started: Date): string {
  for (;;) {
    const id = newRunId(started);
    if (database.get("SELECT 1 FROM runs WHERE id = ?", id) === undefined) return id;
  }
}

function append(database: Database, run: string, { time, event, data }: JournalEvent): void {
  database.run(
    "INSERT INTO events (run, time, event, data) VALUES (?, ?, ?, ?)",
    run,
    time.toISOString(),
    event,
    writeRedacted(data),
  );
}

// The first end counts: two processes may find the same dead run.
function finishRun({ database, now }: JournalParts, run: string, end: RunEnd): void {
  database.durably(() => {
    if (database.get("SELECT 1 FROM runs WHERE id = ?", run) === undefined) {
      throw new Error(`there is no run ${run} to finish`);
    }
    database.run(
      `UPDATE runs
       SET finish = (SELECT coalesce(max(finish), 0) + 1 FROM runs),
           finished = ?, outcome = ?, suspicious = ?, details = ?
       WHERE id = ? AND finish IS NULL`,
      now().toISOString(),
      end.outcome,
      end.suspicious.length,
      writeEnd(end),
      run,
    );
  });
}
