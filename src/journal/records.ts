// Knows: how what is kept is written as text and read back. Must not know: in which tables.
// Read without zod: this file wrote all of it, and `status` should not wait for a schema library.
import type { LedgerEntry } from "../kernel/ledger.ts";
import { redact } from "../kernel/secret.ts";
import type { Row } from "./database.ts";
import type {
  JournalEvent,
  LockHolder,
  RepositoryFacts,
  RunEnd,
  RunRecord,
  Trigger,
} from "./journal.ts";
import { parseOwner } from "./owner.ts";

/** The columns that `readRun` reads. */
export const runColumns = `id, job, "trigger", started, finished, details`;

const triggers: Readonly<Record<Trigger, Trigger>> = {
  command: "command",
  schedule: "schedule",
  "catch-up": "catch-up",
  retry: "retry",
  available: "available",
};

/** Reads a row of `runs`. */
export function readRun(row: Row): RunRecord {
  const trigger = Object.values(triggers).find((known) => known === row["trigger"]);
  if (trigger === undefined) throw new TypeError(`no run starts by "${String(row["trigger"])}"`);
  const run = {
    id: text(row, "id"),
    job: text(row, "job"),
    trigger,
    started: time(row, "started"),
  };
  if (row["finished"] === null) return run;
  return { ...run, finished: time(row, "finished"), end: readEnd(text(row, "details")) };
}

// Only what reading relies on is looked at: whatever else an end holds comes back as it was written,
// so that a new field of `RunEnd` or `Evidence` needs no change here.
function readEnd(details: string): RunEnd {
  const end: RunEnd = JSON.parse(details);
  if (typeof end.outcome !== "string" || !Array.isArray(end.snapshots)) {
    throw new TypeError(`this is not the end of a run: ${details}`);
  }
  return end;
}

/** Writes the end of a run: words that may quote a tool are redacted, names and ids are not. */
export function writeEnd(end: RunEnd): string {
  const { snapshots, ...rest } = end;
  return JSON.stringify({ ...JSON.parse(writeRedacted(rest)), snapshots });
}

/** Writes data so that no secret this process knows is in any text of it. */
export function writeRedacted(data: unknown): string {
  return JSON.stringify(data, (_key, value: unknown) =>
    typeof value === "string" ? redact(value) : value,
  );
}

/** Reads a row of `events`. */
export function readEvent(row: Row): JournalEvent {
  return { time: time(row, "time"), event: text(row, "event"), data: object(row, "data") };
}

/** Reads the entry in a row of `promises`. */
export function readEntry(row: Row): LedgerEntry {
  return { kind: text(row, "kind"), subject: text(row, "subject"), data: object(row, "data") };
}

/** Reads a row of `locks`: who holds it. */
export function readHolder(row: Row): LockHolder {
  const { host, pid } = parseOwner(row["owner"]);
  return { host, pid, since: time(row, "since"), purpose: text(row, "purpose") };
}

/** Reads a row of `repositories`: what of it is known. */
export function readFacts(row: Row): Partial<RepositoryFacts> {
  return {
    ...(row["seen"] !== null && { seen: time(row, "seen") }),
    ...(row["newest"] !== null && { newest: time(row, "newest") }),
    ...(row["count"] !== null && { count: Number(row["count"]) }),
    ...(row["last_prune"] !== null && { lastPrune: time(row, "last_prune") }),
    ...(row["last_check"] !== null && { lastCheck: time(row, "last_check") }),
  };
}

/** Reads a text. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`"${column}" is not a text`);
  return value;
}

/** Reads a moment. */
export function time(row: Row, column: string): Date {
  const value = new Date(text(row, column));
  if (Number.isNaN(value.getTime())) throw new TypeError(`"${column}" is not a time`);
  return value;
}

function object(row: Row, column: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text(row, column));
  if (typeof value !== "object" || value === null) throw new TypeError(`"${column}" is no object`);
  return { ...value };
}
