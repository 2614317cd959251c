// Knows: the tables of what outlives a run: verified snapshots, repositories, marks. Must not know: who asks.
import * as z from "zod";
import type { Journal, RepositoryFacts } from "./journal.ts";
import type { JournalParts } from "./parts.ts";
import { Time } from "./records.ts";

type FactMethods = Pick<
  Journal,
  "markVerified" | "verified" | "noteRepository" | "repository" | "setMark" | "mark"
>;

/** The part of a journal that keeps facts. */
export function factMethods(parts: JournalParts): FactMethods {
  const { database } = parts;
  return {
    markVerified: (repository, snapshots) => markVerified(parts, repository, snapshots),

    verified: (repository) =>
      database.decode(
        () =>
          new Map(
            database
              .all("SELECT snapshot, time FROM verified WHERE repository = ?", repository)
              .map((row) => VerifiedRow.parse(row))
              .map(({ snapshot, time }) => [snapshot, time]),
          ),
      ),

    noteRepository: (repository, facts) => noteRepository(parts, repository, facts),

    repository: (name) => listedFacts(parts, name),

    setMark(name, value) {
      if (value === undefined) database.run("DELETE FROM marks WHERE name = ?", name);
      else database.run("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)", name, value);
    },

    mark(name) {
      const row = database.get("SELECT value FROM marks WHERE name = ?", name);
      return row && String(row["value"]);
    },
  };
}

const VerifiedRow = z.object({ snapshot: z.string(), time: Time });

const FactsRow = z
  .object({
    seen: Time.nullable(),
    newest: Time.nullable(),
    count: z.number().nullable(),
    last_prune: Time.nullable(),
    last_check: Time.nullable(),
  })
  .transform(({ seen, newest, count, last_prune, last_check }): Partial<RepositoryFacts> => ({
    ...(seen && { seen }),
    ...(newest && { newest }),
    ...(count !== null && { count }),
    ...(last_prune && { lastPrune: last_prune }),
    ...(last_check && { lastCheck: last_check }),
  }));

function knownFacts({ database }: JournalParts, repository: string): Partial<RepositoryFacts> {
  const row = database.get("SELECT * FROM repositories WHERE name = ?", repository);
  return row === undefined ? {} : database.decode(() => FactsRow.parse(row));
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

function stored(time: Date | undefined): string | null {
  return time?.toISOString() ?? null;
}

function markVerified({ database, now }: JournalParts, repository: string, ids: readonly string[]) {
  const time = now().toISOString();
  database.atomically(() => {
    for (const id of ids) {
      database.run(
        "INSERT OR REPLACE INTO verified (repository, snapshot, time) VALUES (?, ?, ?)",
        repository,
        id,
        time,
      );
    }
  });
}
