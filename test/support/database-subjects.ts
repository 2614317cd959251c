// Knows: how each kind of database gets the content that tests expect. Must not know: what is tested.
import { rm } from "node:fs/promises";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "../../src/kernel/secret.ts";
import { canary } from "./canaries.ts";
import { type Kind, oddTexts, printed } from "./database-contract.ts";
import { mariadbTools, startMariadb } from "./mariadb-server.ts";
import { postgresqlTools, startPostgresql } from "./postgresql-server.ts";
import { withoutTools } from "./tools.ts";

// Quotes, spaces, and what a shell would expand.
const password = canary("database", ` p' w"$(id)\\%😀`);
// No quotes: mariadb-dump itself does not find such a database.
const name = "shop 1 -- ünd";
const other = "-other; drill";

const many = "numbered row with enough text to fill a page or two of any buffer in between ";

function texts(quote: (text: string) => string): string {
  const rows = oddTexts.map((text, index) => `(${index}, ${text === null ? "NULL" : quote(text)})`);
  return `INSERT INTO texts VALUES ${rows.join(", ")}`;
}

const bytes = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, "0")).join(
  "",
);

/** A MariaDB server with one database, reached over TCP with a password. */
export const mariadbKind: Kind = {
  name: "MariaDB",
  skip: withoutTools(...mariadbTools, "zstd"),
  async start() {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await startMariadb());
    const quoted = password.replaceAll("\\", "\\\\").replaceAll("'", "''");
    await server.createDatabase(name, "nc", quoted);
    await server.query(`GRANT ALL ON \`${other}\`.* TO 'nc'@'%'`);
    await server.query(
      `CREATE TABLE texts (id int PRIMARY KEY, t text) COMMENT 'it''s';
       CREATE TABLE numbers (id int PRIMARY KEY, n varchar(200));
       CREATE TABLE blobs (id int PRIMARY KEY AUTO_INCREMENT, b longblob, f bit(9), d datetime(6), j double);
       INSERT INTO blobs (b, f, d, j) VALUES (x'${bytes}', b'101010101', '2026-01-02 03:04:05.678901', 0.1), (x'', NULL, NULL, -1e300);
       ${texts((text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`)};
       INSERT INTO numbers SELECT seq, CONCAT('${many}', seq) FROM seq_1_to_2000;
       CREATE VIEW first_texts AS SELECT id FROM texts WHERE id < 3;
       CREATE TRIGGER on_insert BEFORE INSERT ON blobs FOR EACH ROW SET NEW.j = NEW.j;
       CREATE PROCEDURE routine() SELECT 1;
       CREATE EVENT sometime ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1;
       UPDATE mysql.proc SET definer = 'nc@%' WHERE db = DATABASE();
       UPDATE mysql.event SET definer = 'nc@%' WHERE db = DATABASE();
       ALTER DEFINER='nc'@'%' VIEW first_texts AS SELECT id FROM texts WHERE id < 3;
       DROP TRIGGER on_insert;
       CREATE DEFINER='nc'@'%' TRIGGER on_insert BEFORE INSERT ON blobs FOR EACH ROW SET NEW.j = NEW.j;`,
      name,
    );
    const settings = {
      kind: "mariadb",
      name,
      user: "nc",
      password: new Secret(password),
      host: server.host,
      port: server.port,
    } as const;
    const held = stack.move();
    const database = (isOther = false): string => (isOther ? other : name);
    return {
      settings,
      other: { name: other, settings: { ...settings, name: other } },
      allowLess: async () => {
        await server.query(`
          REVOKE ALL ON \`${name}\`.* FROM 'nc'@'%';
          GRANT SELECT, SHOW VIEW, TRIGGER ON \`${name}\`.numbers TO 'nc'@'%';
          GRANT LOCK TABLES ON \`${name}\`.* TO 'nc'@'%';
          GRANT INSERT ON \`${name}\`.texts TO 'nc'@'%'`);
      },
      count: async (chosen = name) =>
        (await server.query("SELECT count(*) FROM numbers", chosen)).trim(),
      makeOther: async () => {
        await server.query(`CREATE OR REPLACE DATABASE \`${other}\` CHARACTER SET utf8mb4`);
      },
      query: async (statements, isOther) => await server.query(statements, database(isOther)),
      content: async (isOther) => {
        const how = ["--no-defaults", `--socket=${server.socket}`, "--user=root", "--hex-blob"];
        const what = ["--routines", "--events", "--triggers", "--skip-dump-date"];
        const dump = await printed("mariadb-dump", [...how, ...what, "--", database(isOther)]);
        // It says which database it is of.
        return dump.replaceAll(/^-- (Host:|Dumping (events|routines) for) .*$/gm, "");
      },
      [Symbol.asyncDispose]: async () => await held.disposeAsync(),
    };
  },
};

/** A PostgreSQL server with one database, reached over TCP with a password. */
export const postgresqlKind: Kind = {
  name: "PostgreSQL",
  skip: withoutTools(...postgresqlTools, "zstd"),
  async start() {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await startPostgresql());
    await server.createDatabase(name, "nc", password.replaceAll("'", "''"));
    await server.query(`ALTER ROLE nc CREATEDB`);
    await server.query(
      `SET ROLE nc;
       CREATE TABLE texts (id int PRIMARY KEY, t text);
       COMMENT ON TABLE texts IS 'it''s';
       CREATE TABLE numbers (id int PRIMARY KEY, n varchar(200));
       CREATE TYPE mood AS ENUM ('sad', 'ok');
       CREATE TABLE blobs (id serial PRIMARY KEY, b bytea, m mood, d timestamptz, j double precision);
       INSERT INTO blobs (b, m, d, j) VALUES ('\\x${bytes}', 'ok', '2026-01-02 03:04:05.678901+00', 0.1), ('', NULL, NULL, -1e300);
       ${texts((text) => `'${text.replaceAll("'", "''")}'`)};
       INSERT INTO numbers SELECT n, '${many}' || n FROM generate_series(1, 2000) n;
       CREATE VIEW first_texts AS SELECT id FROM texts WHERE id < 3;
       CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
       CREATE SCHEMA "Further one"; CREATE TABLE "Further one".more (id int);
       SELECT lo_from_bytea(4711, '\\x0011');`,
      name,
    );
    const settings = {
      kind: "postgresql",
      name,
      user: "nc",
      password: new Secret(password),
      host: server.host,
      port: server.port,
    } as const;
    const held = stack.move();
    const database = (isOther = false): string => (isOther ? other : name);
    return {
      settings,
      other: { name: other, settings: { ...settings, name: other } },
      allowLess: async () => {
        await server.query("CREATE TABLE secret (id int); REVOKE ALL ON secret FROM nc", name);
      },
      count: async (chosen = name) =>
        (await server.query("SELECT count(*) FROM numbers", chosen)).trim(),
      makeOther: async () => {
        await server.query(`DROP DATABASE IF EXISTS "${other}"`);
        await server.query(`CREATE DATABASE "${other}" OWNER nc`);
      },
      query: async (statements, isOther) =>
        await server.query(`SET ROLE nc; ${statements}`, database(isOther)),
      content: async (isOther) => {
        const chosen = `dbname='${database(isOther).replaceAll("'", String.raw`\'`)}'`;
        const how = ["-h", server.socket, "-p", String(server.port), "-U", "postgres"];
        const dump = await printed("pg_dump", [...how, "-d", chosen]);
        return dump.replaceAll(/^\\(un)?restrict .*$/gm, "");
      },
      [Symbol.asyncDispose]: async () => await held.disposeAsync(),
    };
  },
};

/** A file of SQLite that is in use: what was written last is in its write-ahead log. */
export const sqliteKind: Kind = {
  name: "SQLite",
  skip: withoutTools("sqlite3", "zstd"),
  async start() {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-sqlite-"));
    const file = join(folder, `app "1" it's.db`);
    const drill = join(folder, "drill.db");
    const query = async (statements: string, isOther = false): Promise<string> =>
      await printed("sqlite3", [isOther ? drill : file, ".timeout 60000", statements]);
    await query(
      `PRAGMA journal_mode = WAL;
       CREATE TABLE texts (id integer PRIMARY KEY, t text);
       CREATE TABLE numbers (id integer PRIMARY KEY, n text);
       CREATE TABLE blobs (id integer PRIMARY KEY, b blob, j double);
       INSERT INTO blobs (b, j) VALUES (x'${bytes}', 0.1), (x'', NULL);
       ${texts((text) => `'${text.replaceAll("'", "''")}'`)};
       WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter LIMIT 2000)
       INSERT INTO numbers SELECT n, '${many}' || n FROM counter;
       CREATE VIEW first_texts AS SELECT id FROM texts WHERE id < 3;`,
    );
    return {
      settings: { kind: "sqlite", file },
      other: { name: drill, settings: { kind: "sqlite", file: drill } },
      count: async () => (await query("SELECT count(*) FROM numbers")).trim(),
      makeOther: async () => await rm(drill, { force: true }),
      query,
      content: async (isOther) => await query(".dump", isOther),
      [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
    };
  },
};
