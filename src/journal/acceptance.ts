// Knows: which runs were suspicious, which of them a person has accepted, and what must be kept of the past. Must not know: why a run was suspicious.
import type { Row } from "./database.ts";
import type { Journal, RunRecord } from "./journal.ts";
import type { JournalParts } from "./parts.ts";
import { readRun, runColumns } from "./records.ts";

type AcceptanceMethods = Pick<Journal, "accept" | "unaccepted" | "baseline" | "discardBefore">;

// A run counts in the order in which it finished: a person accepts what was there to be looked at.
const acceptedUpTo = "coalesce((SELECT finish FROM accepted WHERE accepted.job = runs.job), 0)";
const isUnaccepted = `suspicious > 0 AND finish > ${acceptedUpTo}`;
const newestWithEvidence = `
  SELECT max(finish) FROM runs
  WHERE details ->> '$.evidence' IS NOT NULL AND NOT (${isUnaccepted})`;
// Whoever asks for the last run asks for one of these kinds: whether it was scheduled, ended well, only
// found another one at work, was to back up …
const kinds = `job, "trigger", outcome, details ->> '$.code', details ->> '$.withoutBackup'`;
// How often the last start has been tried again decides whether it still is. None by hand: they answer no schedule.
const isRetryOfLastStart = `
  "trigger" = 'retry' AND sequence > (
    SELECT coalesce(max(sequence), 0) FROM runs AS starts
    WHERE starts.job = runs.job AND starts."trigger" NOT IN ('retry', 'command'))`;

/** The part of a journal that judges its past: what a person accepted, and what may be discarded. */
export function acceptanceMethods(parts: JournalParts): AcceptanceMethods {
  const { database, now } = parts;
  const record = (row: Row): RunRecord => database.decode(() => readRun(row));
  return {
    accept(job) {
      database.run(
        `INSERT OR REPLACE INTO accepted (job, time, finish)
         VALUES (?1, ?2, (SELECT coalesce(max(finish), 0) FROM runs))`,
        job,
        now().toISOString(),
      );
    },

    unaccepted: (job) =>
      database
        .all(
          `SELECT ${runColumns} FROM runs WHERE job = ? AND ${isUnaccepted} ORDER BY finish DESC`,
          job,
        )
        .map(record),

    baseline(job) {
      const row = database.get(
        `SELECT ${runColumns} FROM runs WHERE finish = (${newestWithEvidence} AND job = ?)`,
        job,
      );
      return row && record(row).end?.evidence;
    },

    discardBefore(time) {
      database.run(
        `DELETE FROM runs
         WHERE finished < ?
           AND finish NOT IN (SELECT max(finish) FROM runs WHERE finish IS NOT NULL GROUP BY ${kinds})
           AND sequence NOT IN (SELECT max(sequence) FROM runs GROUP BY ${kinds})
           AND NOT (${isRetryOfLastStart})
           AND finish NOT IN (${newestWithEvidence} GROUP BY job)
           AND NOT (${isUnaccepted})
           AND id NOT IN (SELECT run FROM promises WHERE settled IS NULL AND run IS NOT NULL)`,
        time.toISOString(),
      );
    },
  };
}
