// Knows: the tables of what outlives a run: verified snapshots, repositories, marks. Must not know: who asks.
import type { Journal, RepositoryFacts } from "./journal.ts";
import type { JournalParts } from "./parts.ts";
import { readFacts, text, time } from "./records.ts";

type FactMethods = Pick<
  Journal,
  | "markVerified"
  | "verified"
  | "forgetVerified"
  | "noteRepository"
  | "repository"
  | "setMark"
  | "mark"
>;

/** The part of a journal that keeps facts. */
export function factMethods(parts: JournalParts): FactMethods {
  const { database } = parts;
  return {
    markVerified: (repository, snapshots) => markVerified(parts, repository, snapshots),

    verified(repository) {
      const rows = database.all(
        "SELECT snapshot, time FROM verified WHERE repository = ?",
        repository,
      );
      return database.decode(
        () => new Map(rows.map((row) => [text(row, "snapshot"), time(row, "time")])),
      );
    },

    forgetVerified(repository, listed) {
      database.run(
        `DELETE FROM verified
         WHERE repository = ? AND snapshot NOT IN (SELECT value FROM json_each(?))`,
        repository,
        JSON.stringify(listed),
      );
    },

    noteRepository: (repository, facts) => noteRepository(parts, repository, facts),

    repository: (name) => listedFacts(parts, name),

    setMark(name, value) {
      if (value === undefined) database.run("DELETE FROM marks WHERE name = ?", name);
      else database.run("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", name, value);
    },

    mark(name) {
      const row = database.get("SELECT value FROM marks WHERE name = ?", name);
      return row && database.decode(() => text(row, "value"));
    },
  };
}

function knownFacts({ database }: JournalParts, repository: string): Partial<RepositoryFacts> {
  const row = database.get("SELECT * FROM repositories WHERE name = ?", repository);
  return row === undefined ? {} : database.decode(() => readFacts(row));
}

// Pruned or checked, but never listed: how many snapshots it holds is then not known.
function listedFacts(parts: JournalParts, repository: string): RepositoryFacts | undefined {
  const { seen, count, ...rest } = knownFacts(parts, repository);
  return seen === undefined || count === undefined ? undefined : { seen, count, ...rest };
}

function noteRepository(
  parts: JournalParts,
  repository: string,
  facts: Partial<RepositoryFacts>,
): void {
  parts.database.atomically(() => {
    const { newest, ...known } = knownFacts(parts, repository);
    // A count is a listing, and replaces what the one before it found.
    const listed = facts.count === undefined ? { newest } : { seen: parts.now() };
    const { seen, count, lastPrune, lastCheck, ...rest } = { ...known, ...listed, ...facts };
    parts.database.run(
      `INSERT OR REPLACE INTO repositories (name, seen, newest, count, last_prune, last_check)
       VALUES (?, ?, ?, ?, ?, ?)`,
      repository,
      stored(seen),
      stored(rest.newest),
      count ?? null,
      stored(lastPrune),
      stored(lastCheck),
    );
  });
}

function stored(moment: Date | undefined): string | null {
  return moment?.toISOString() ?? null;
}

function markVerified({ database, now }: JournalParts, repository: string, ids: readonly string[]) {
  const proven = now().toISOString();
  database.atomically(() => {
    for (const id of ids) {
      database.run(
        "INSERT OR REPLACE INTO verified (repository, snapshot, time) VALUES (?, ?, ?)",
        repository,
        id,
        proven,
      );
    }
  });
}
