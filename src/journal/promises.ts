// Knows: the table of promises (the ledger). Must not know: how anything is undone.
import type { LedgerEntry, Promised } from "../kernel/ledger.ts";
import type { Row } from "./database.ts";
import type { Journal, OpenPromise } from "./journal.ts";
import type { JournalParts } from "./parts.ts";
import { isProvenDead } from "./owner.ts";
import { readEntry } from "./records.ts";
import { isUsed } from "./uses.ts";

type PromiseMethods = Pick<Journal, "ledger" | "ledgerOf" | "openPromises" | "promisesOf">;

/** The part of a journal that keeps promises. */
export function promiseMethods(parts: JournalParts): PromiseMethods {
  return {
    ledger: (run) => ({ promise: (entry) => promise(parts, { run }, entry) }),
    ledgerOf: (resource, run) => ({
      promise: (entry) => promise(parts, { resource, run }, entry),
    }),
    openPromises: () => openPromises(parts),
    promisesOf: (resource) => promisesOf(parts, resource),
  };
}

interface PromiseFor {
  readonly run: string | undefined;
  readonly resource?: string;
}

function promise(parts: JournalParts, made: PromiseFor, entry: LedgerEntry): Promised {
  const { database, now } = parts;
  const { kind, subject, data } = entry;
  const { run = null, resource = null } = made;
  // Not redacted: the undoing needs every letter. A `Secret` is written as *** all the same.
  const values = [run, resource, now().toISOString(), kind, subject, JSON.stringify(data)];
  const sequence = database.durably(() => {
    database.run(
      "INSERT INTO promises (run, resource, promised, kind, subject, data) VALUES (?, ?, ?, ?, ?, ?)",
      ...values,
    );
    return Number(database.get("SELECT last_insert_rowid() AS sequence")?.["sequence"]);
  });
  return { settle: () => settle(parts, sequence) };
}

function settle({ database, now }: JournalParts, sequence: number): void {
  database.run(
    "UPDATE promises SET settled = ? WHERE sequence = ? AND settled IS NULL",
    now().toISOString(),
    sequence,
  );
}

// Asked again after its owner was found dead: it may have been kept between the two looks.
function isUnsettled({ database }: JournalParts, { sequence = null }: Row): boolean {
  const sql = "SELECT 1 FROM promises WHERE sequence = ? AND settled IS NULL";
  return database.get(sql, sequence) !== undefined;
}

function openPromises(parts: JournalParts): readonly OpenPromise[] {
  return parts.database
    .all(
      `SELECT promises.*, owner, finish FROM promises LEFT JOIN runs ON runs.id = run
       WHERE settled IS NULL ORDER BY promises.sequence`,
    )
    .filter((row) => isOpen(parts, row) && isUnsettled(parts, row))
    .map((row) => read(parts, row));
}

/** What belongs to a thing is open when nobody uses that; all else when its run is over. */
function isOpen(parts: JournalParts, { resource = null, finish, owner }: Row): boolean {
  if (resource !== null) return !isUsed(parts, String(resource));
  return finish !== null || isProvenDead(parts, owner);
}

function promisesOf(parts: JournalParts, resource: string): readonly OpenPromise[] {
  return parts.database
    .all(
      "SELECT * FROM promises WHERE resource = ? AND settled IS NULL ORDER BY sequence",
      resource,
    )
    .map((row) => read(parts, row));
}

function read(parts: JournalParts, row: Row): OpenPromise {
  const { run = null, resource = null } = row;
  return {
    ...(run === null ? {} : { run: String(run) }),
    ...(resource === null ? {} : { resource: String(resource) }),
    entry: parts.database.decode(() => readEntry(row)),
    settle: () => settle(parts, Number(row["sequence"])),
  };
}
