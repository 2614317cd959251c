// Knows: what the messages of SQLite's tool mean. Must not know: which command comes next.
import { type Deed, explainFailure, type Meaning } from "../failures.ts";

const further: Readonly<Record<Deed, readonly Meaning[]>> = {
  ask: [],
  dump: [
    {
      says: /database or disk is full|No space left on device/,
      code: "dump-failed",
      hint: "make room where its copy is put: in the folder of the dump, or in /tmp where `through` leads",
    },
    {
      says: /holdfast: damaged|malformed/,
      code: "dump-failed",
      hint: "see what is wrong with: sqlite3 FILE 'PRAGMA integrity_check', and restore an older snapshot",
    },
  ],
  restore: [
    {
      says: /holdfast: damaged|malformed/,
      code: "database-unusable",
      hint: "nothing was changed; restore another snapshot: holdfast snapshots",
    },
  ],
};

const meanings: readonly Meaning[] = [
  {
    says: /holdfast: there is no file|unable to open database/,
    code: "database-unusable",
    hint: "see `file` in the configuration",
  },
  {
    says: /file is not a database/,
    code: "database-unusable",
    hint: "no database of SQLite is there, or it is encrypted",
  },
  {
    says: /database is locked|database is busy/i,
    code: "database-unusable",
    hint: "something has kept it locked for a minute: let that end first",
  },
];

/** Puts what failed into words about the database. */
export function explain(error: unknown, label: string, deed: Deed): unknown {
  return explainFailure(error, {
    label,
    deed,
    meanings: [...further[deed], ...meanings],
    chatter: /^holdfast: (the view exists|\d+ bytes)$/,
  });
}
