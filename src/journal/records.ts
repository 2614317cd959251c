// Knows: how what is kept is written as text and read back. Must not know: in which tables.
import * as z from "zod";
import type { Evidence } from "../kernel/evidence.ts";
import type { LedgerEntry } from "../kernel/ledger.ts";
import { redact } from "../kernel/secret.ts";
import type { Row } from "./database.ts";
import type { JournalEvent, LockHolder, RunEnd, RunRecord, Trigger } from "./journal.ts";
import { parseOwner } from "./owner.ts";

/** A moment as it is stored. */
export const Time = z.iso.datetime().transform((text) => new Date(text));

// Only what reading relies on is looked at: whatever else an end holds comes back as it was written,
// so that a new field of `RunEnd` or `Evidence` needs no change here.
const End = z.custom<RunEnd>(
  (value) =>
    z
      .object({
        outcome: z.string(),
        snapshots: z.array(z.unknown()),
        suspicious: z.array(z.string()),
      })
      .safeParse(value).success,
);

const RunRow = z.object({
  id: z.string(),
  job: z.string(),
  trigger: z.custom<Trigger>((value) => typeof value === "string"),
  started: Time,
  finished: Time.nullable(),
  details: z.string().nullable(),
});

/** The columns that `readRun` reads. */
export const runColumns = `id, job, "trigger", started, finished, details`;

/** Reads a row of `runs`. */
export function readRun(row: Row): RunRecord {
  const { finished, details, ...run } = RunRow.parse(row);
  if (finished === null || details === null) return run;
  return { ...run, finished, end: End.parse(JSON.parse(details)) };
}

/** The evidence of a run, if its end holds any. */
export function readEvidence(row: Row): Evidence | undefined {
  return readRun(row).end?.evidence;
}

/** Writes the end of a run: words that may quote a tool are redacted, names and ids are not. */
export function writeEnd(end: RunEnd): string {
  const { snapshots, ...rest } = end;
  return JSON.stringify({ ...JSON.parse(redactedJson(rest)), snapshots });
}

/** Writes the data of an event: no secret that this process knows is in it. */
export function redactedJson(data: unknown): string {
  return JSON.stringify(data, (_key, value: unknown) =>
    typeof value === "string" ? redact(value) : value,
  );
}

const EventRow = z.object({ time: Time, event: z.string(), data: z.string() });
const Data = z.record(z.string(), z.unknown());

/** Reads a row of `events`. */
export function readEvent(row: Row): JournalEvent {
  const { data, ...event } = EventRow.parse(row);
  return { ...event, data: Data.parse(JSON.parse(data)) };
}

const PromiseRow = z.object({
  sequence: z.number(),
  run: z.string(),
  kind: z.string(),
  subject: z.string(),
  data: z.string(),
});

/** Reads a row of `promises`. */
export function readPromise(row: Row): { sequence: number; run: string; entry: LedgerEntry } {
  const { sequence, run, data, ...entry } = PromiseRow.parse(row);
  return { sequence, run, entry: { ...entry, data: Data.parse(JSON.parse(data)) } };
}

const LockRow = z.object({ owner: z.string(), since: Time, purpose: z.string() });

/** Reads a row of `locks`: who holds it. */
export function readHolder(row: Row): LockHolder {
  const { owner, since, purpose } = LockRow.parse(row);
  const { host, pid } = parseOwner(owner);
  return { host, pid, since, purpose };
}
