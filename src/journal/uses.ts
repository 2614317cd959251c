// Knows: the table of uses, of what several processes may use at once. Must not know: what is used.
import { thisProcess } from "../hosts/process-identity.ts";
import type { Row } from "./database.ts";
import type { Journal, LockHolder } from "./journal.ts";
import { isProvenDead, newOwner, parseOwner } from "./owner.ts";
import type { JournalParts } from "./parts.ts";
import { readHolder } from "./records.ts";

type UseMethods = Pick<Journal, "use" | "keep" | "drop" | "users">;

/** The part of a journal that knows who uses what. */
export function useMethods(parts: JournalParts): UseMethods {
  const { database } = parts;
  return {
    use(resource, purpose) {
      const sequence = enter(parts, { resource, purpose, kept: 0 });
      return {
        resource,
        [Symbol.dispose]: () => {
          database.run("DELETE FROM uses WHERE sequence = ?", sequence);
        },
      };
    },
    keep: (resource, purpose) => void enter(parts, { resource, purpose, kept: 1 }),
    drop: (resource) =>
      database.run("DELETE FROM uses WHERE resource = ? AND kept = 1", resource) > 0,
    users: (resource) => users(parts, resource),
  };
}

// Durable for those that are kept: after a power cut nothing else is in use any more.
function enter(
  parts: JournalParts,
  { resource, purpose, kept }: { resource: string; purpose: string; kept: 0 | 1 },
): number {
  const { database, now } = parts;
  const write = (): number => {
    for (const row of database.all("SELECT * FROM uses WHERE resource = ?", resource)) {
      if (isOver(parts, row))
        database.run("DELETE FROM uses WHERE sequence = ?", row["sequence"] ?? null);
    }
    database.run(
      "INSERT INTO uses (resource, owner, kept, since, purpose) VALUES (?, ?, ?, ?, ?)",
      resource,
      newOwner(parts),
      kept,
      now().toISOString(),
      purpose,
    );
    return Number(database.get("SELECT last_insert_rowid() AS sequence")?.["sequence"]);
  };
  return kept === 1 ? database.durably(write) : database.atomically(write);
}

function users(parts: JournalParts, resource: string): readonly LockHolder[] {
  return parts.database
    .all("SELECT * FROM uses WHERE resource = ? ORDER BY sequence", resource)
    .filter((row) => !isOver(parts, row))
    .map((row) => parts.database.decode(() => readHolder(row)));
}

/** Whether anybody uses it, as far as is known. */
export function isUsed(parts: JournalParts, resource: string): boolean {
  return users(parts, resource).length > 0;
}

/** A use ends with its process; one that is kept with the machine: nothing stays attached beyond that. */
function isOver(parts: JournalParts, row: Row): boolean {
  if (row["kept"] === 0) return isProvenDead(parts, row["owner"]);
  const { bootId } = parts.database.decode(() => parseOwner(row["owner"]));
  return bootId !== thisProcess().bootId;
}
