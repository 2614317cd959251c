// Knows: what the messages of PostgreSQL's tools mean. Must not know: which command comes next.
import { type Deed, explainFailure, type Meaning } from "../failures.ts";

const meanings: readonly Meaning[] = [
  {
    says: /password authentication failed|no password supplied|Peer authentication failed|Ident authentication failed/,
    code: "password-wrong",
    hint: "see `user` and `password` in the configuration; for peer authentication lead to its tools with `through`, as in [sudo, -u, postgres]",
  },
  {
    says: /server version mismatch/,
    code: "tool-too-old",
    hint: "use the pg_dump of the server's own version: install it, or lead to it with `through`",
  },
  {
    says: /database .* does not exist|role .* does not exist/,
    code: "database-unusable",
    hint: "see `name` and `user` in the configuration",
  },
  {
    says: /could not connect|connection to server|server closed the connection|the database system is/,
    code: "database-unusable",
    hint: "see that the server runs and answers there: `host`, `port`, `socket` and `through` in the configuration",
  },
];

const further: Readonly<Record<Deed, readonly Meaning[]>> = {
  ask: [],
  dump: [
    {
      says: /permission denied|row-level security/i,
      code: "dump-failed",
      hint: "let its user read all of it, as in: GRANT pg_read_all_data TO its user (PostgreSQL 14 or later)",
    },
  ],
  restore: [
    {
      says: /role .* does not exist/,
      code: "database-unusable",
      hint: "make the roles first that own what is in the dump: createuser NAME",
    },
    {
      says: /permission denied|must be owner|must be able to SET ROLE/i,
      code: "database-unusable",
      hint: "restore as its owner; a database that is missing is made with: createdb --owner=USER NAME",
    },
    {
      says: /invalid command \\(un)?restrict/,
      code: "tool-too-old",
      hint: "dumps of newer tools need a psql of August 2025 or later: upgrade it",
    },
  ],
};

/** Puts what failed into words about the database. */
export function explain(error: unknown, label: string, deed: Deed): unknown {
  return explainFailure(error, {
    label,
    deed,
    meanings: [...further[deed], ...meanings],
    // While all goes well pg_dump says what it is at.
    chatter: /^pg_dump: (?!error|detail|hint|warning|fatal)/,
  });
}
