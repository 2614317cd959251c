// Knows: the tables of the journal's file and how older ones become newer. Must not know: what is asked of them.

/**
 * Every step from an empty file to the present tables; `PRAGMA user_version` counts how many have
 * been taken. A published step never changes: a further one is added.
 *
 * Times are ISO 8601 in UTC. The order of things is that of their `sequence`, never that of their
 * times, because clocks are set back.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    started TEXT NOT NULL,
    owner TEXT NOT NULL,
    finish INTEGER UNIQUE,
    finished TEXT,
    outcome TEXT,
    suspicious INTEGER NOT NULL DEFAULT 0,
    details TEXT
  ) STRICT;
  CREATE INDEX runs_by_job ON runs (job, finish);
  CREATE INDEX runs_open ON runs (sequence) WHERE finish IS NULL;

  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    time TEXT NOT NULL,
    event TEXT NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_run ON events (run);

  CREATE TABLE promises (
    sequence INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    promised TEXT NOT NULL,
    settled TEXT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  CREATE INDEX promises_by_run ON promises (run);
  CREATE INDEX promises_open ON promises (sequence) WHERE settled IS NULL;

  CREATE TABLE locks (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    resource TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    since TEXT NOT NULL,
    purpose TEXT NOT NULL
  ) STRICT;

  CREATE TABLE accepted (
    job TEXT PRIMARY KEY,
    time TEXT NOT NULL,
    finish INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE verified (
    repository TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    time TEXT NOT NULL,
    PRIMARY KEY (repository, snapshot)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE repositories (
    name TEXT PRIMARY KEY,
    seen TEXT,
    newest TEXT,
    count INTEGER,
    last_prune TEXT,
    last_check TEXT
  ) STRICT;

  CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT;
  `,
  // The newest runs of each job are asked for every minute, also those of a job that seldom runs.
  `
  CREATE INDEX runs_by_start ON runs (job, sequence);
  `,
  // A drive is used by several runs, and by commands that are none. What was promised for it belongs to
  // the drive, and whether anybody is left who needs it is told by its uses.
  `
  CREATE TABLE uses (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    resource TEXT NOT NULL,
    owner TEXT NOT NULL,
    kept INTEGER NOT NULL,
    since TEXT NOT NULL,
    purpose TEXT NOT NULL
  ) STRICT;
  CREATE INDEX uses_by_resource ON uses (resource);

  CREATE TABLE promises_with_resource (
    sequence INTEGER PRIMARY KEY,
    run TEXT REFERENCES runs (id) ON DELETE CASCADE,
    resource TEXT,
    promised TEXT NOT NULL,
    settled TEXT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  INSERT INTO promises_with_resource
    SELECT sequence, run, NULL, promised, settled, kind, subject, data FROM promises;
  DROP TABLE promises;
  ALTER TABLE promises_with_resource RENAME TO promises;
  CREATE INDEX promises_by_run ON promises (run);
  CREATE INDEX promises_open ON promises (sequence) WHERE settled IS NULL;
  `,
];

/** Written into the file's header, so that a stranger's SQLite file is never taken for a journal: "HFJ1". */
export const applicationId = 0x48464a31;
