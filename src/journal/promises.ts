// Knows: the table of promises (the ledger). Must not know: how anything is undone.
import type { LedgerEntry, Promised } from "../kernel/ledger.ts";
import type { Row } from "./database.ts";
import type { Journal, OpenPromise } from "./journal.ts";
import type { JournalParts } from "./parts.ts";
import { isProvenDead } from "./owner.ts";
import { readEntry } from "./records.ts";

/** The part of a journal that keeps promises. */
export function promiseMethods(parts: JournalParts): Pick<Journal, "ledger" | "openPromises"> {
  return {
    ledger: (run) => ({ promise: (entry) => promise(parts, run, entry) }),
    openPromises: () => openPromises(parts),
  };
}

function promise(parts: JournalParts, run: string, { kind, subject, data }: LedgerEntry): Promised {
  const { database, now } = parts;
  // Not redacted: the undoing needs every letter. A `Secret` is written as *** all the same.
  const values = [run, now().toISOString(), kind, subject, JSON.stringify(data)];
  const sequence = database.durably(() => {
    database.run(
      "INSERT INTO promises (run, promised, kind, subject, data) VALUES (?, ?, ?, ?, ?)",
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
      `SELECT promises.*, owner, finish FROM promises JOIN runs ON runs.id = run
       WHERE settled IS NULL ORDER BY promises.sequence`,
    )
    .filter((row) => row["finish"] !== null || isProvenDead(parts, row["owner"]))
    .filter((row) => isUnsettled(parts, row))
    .map((row) => ({
      run: String(row["run"]),
      entry: parts.database.decode(() => readEntry(row)),
      settle: () => settle(parts, Number(row["sequence"])),
    }));
}
