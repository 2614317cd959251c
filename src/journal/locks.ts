// Knows: the table of locks, and when a lock has lost its owner. Must not know: what is locked.
import type { Database } from "./database.ts";
import type { HeldLock, Journal, LockResult } from "./journal.ts";
import type { JournalParts } from "./parts.ts";
import { isProvenDead, newOwner } from "./owner.ts";
import { readHolder } from "./records.ts";

/** The part of a journal that keeps locks. */
export function lockMethods(parts: JournalParts): Pick<Journal, "lock"> {
  return { lock: (resource, purpose) => lock(parts, resource, purpose) };
}

// One immediate transaction: between the look and the taking no other process can write.
function lock(parts: JournalParts, resource: string, purpose: string): LockResult {
  const { database, now } = parts;
  return database.atomically(() => {
    const held = database.get(
      "SELECT owner, since, purpose FROM locks WHERE resource = ?",
      resource,
    );
    if (held !== undefined && !isProvenDead(parts, held["owner"])) {
      return { taken: false, holder: database.decode(() => readHolder(held)) };
    }
    database.run("DELETE FROM locks WHERE resource = ?", resource);
    database.run(
      "INSERT INTO locks (resource, owner, since, purpose) VALUES (?, ?, ?, ?)",
      resource,
      newOwner(parts),
      now().toISOString(),
      purpose,
    );
    return { taken: true, lock: heldLock(database, resource) };
  });
}

function heldLock(database: Database, resource: string): HeldLock {
  // The number is never given twice, so a lock can only release itself.
  const sequence = Number(database.get("SELECT last_insert_rowid() AS sequence")?.["sequence"]);
  return {
    resource,
    [Symbol.dispose]: () => {
      database.run("DELETE FROM locks WHERE sequence = ?", sequence);
    },
  };
}
