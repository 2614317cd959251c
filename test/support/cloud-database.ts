// Knows: databases of a test's Nextcloud, of every kind: how one is had, and how a dump of it is read by the database's own tools. Must not know: who dumps.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import type { DatabaseSettings } from "../../src/databases/database.ts";
import { Secret } from "../../src/kernel/secret.ts";
import { mariadbTools, startMariadb } from "./mariadb-server.ts";
import { postgresqlTools, startPostgresql } from "./postgresql-server.ts";

const execute = promisify(execFile);

export type DatabaseKind = DatabaseSettings["kind"];

/** What a database of this kind needs, for `withoutTools`. */
export const databaseTools: Readonly<Record<DatabaseKind, readonly string[]>> = {
  mariadb: mariadbTools,
  postgresql: postgresqlTools,
  sqlite: ["sqlite3"],
};

/** A database for a Nextcloud. What was made for it vanishes with it. */
export interface CloudDatabase extends AsyncDisposable {
  readonly kind: DatabaseKind;
  /** Absent: a file in the data directory, which the Nextcloud makes itself. */
  readonly settings?: DatabaseSettings;
  /** The words of its own client, which reads statements and prints rows with tabs between columns. Absent: SQLite. */
  readonly client?: readonly [string, ...string[]];
  /** Runs statements; answers with what they printed. SQLite: of this file. */
  query(statements: string, file?: string): Promise<string>;
  /** Loads a dump into an empty database of its own, and answers with what a query says there. */
  queryDump(dump: string, query: string): Promise<string>;
}

const name = "nextcloud";
const user = "nextcloud";
const password = "a password of a test";

/** Makes one; an empty one, where it is on a server. */
export async function newCloudDatabase(kind: DatabaseKind): Promise<CloudDatabase> {
  if (kind === "sqlite") return sqlite();
  return kind === "mariadb" ? await mariadb() : await postgresql();
}

async function mariadb(): Promise<CloudDatabase> {
  const server = await startMariadb();
  await server.createDatabase(name, user, password);
  const { socket, host, port } = server;
  const client = (database: string) =>
    [
      "mariadb",
      "--no-defaults",
      `--socket=${socket}`,
      "--user=root",
      "--batch",
      "--raw",
      "--unbuffered",
      "--skip-column-names",
      database,
    ] as const;
  return {
    kind: "mariadb",
    settings: { kind: "mariadb", name, user, host, port, password: new Secret(password) },
    client: client(name),
    query: async (statements) => await server.query(statements, name),
    async queryDump(dump, query) {
      await server.query("DROP DATABASE IF EXISTS restored; CREATE DATABASE restored");
      await feed(client("restored"), dump);
      return await server.query(query, "restored");
    },
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  };
}

async function postgresql(): Promise<CloudDatabase> {
  const server = await startPostgresql();
  await server.createDatabase(name, user, password);
  const { socket, host, port } = server;
  const client = (database: string) =>
    [
      "psql",
      "-XqAt",
      "--field-separator=\t",
      "--set=ON_ERROR_STOP=1",
      `--host=${socket}`,
      `--port=${port}`,
      // Over the socket nobody is asked for a password.
      `--username=${user}`,
      `--dbname=${database}`,
    ] as const;
  return {
    kind: "postgresql",
    settings: { kind: "postgresql", name, user, host, port, password: new Secret(password) },
    client: client(name),
    query: async (statements) => {
      const [program, ...words] = client(name);
      return (await execute(program, [...words, "-c", statements])).stdout;
    },
    async queryDump(dump, query) {
      await server.query("DROP DATABASE IF EXISTS restored");
      await server.query(`CREATE DATABASE restored OWNER ${user}`);
      await feed(client("restored"), dump);
      const [program, ...words] = client("restored");
      return (await execute(program, [...words, "-c", query], { maxBuffer: 2 ** 28 })).stdout;
    },
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  };
}

async function querySqlite(statements: string, file = ""): Promise<string> {
  using database = new DatabaseSync(file);
  database.exec("PRAGMA busy_timeout = 10000");
  const rows = database.prepare(statements).all();
  return rows.map((row) => `${Object.values(row).join("\t")}\n`).join("");
}

function sqlite(): CloudDatabase {
  return {
    kind: "sqlite",
    query: querySqlite,
    async queryDump(dump, asked) {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-sqlite-"));
      try {
        const copy = join(folder, "copy.db");
        await copyFile(dump, copy);
        assert.equal(await querySqlite("PRAGMA integrity_check", copy), "ok\n");
        return await querySqlite(asked, copy);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    async [Symbol.asyncDispose]() {
      // It lies in the data directory.
    },
  };
}

/** Runs a client on a file of statements. */
async function feed([program, ...words]: readonly [string, ...string[]], file: string) {
  const child = spawn(program, words, { stdio: ["pipe", "ignore", "pipe"] });
  const ended = once(child, "close");
  const [said] = await Promise.all([
    text(child.stderr),
    pipeline(createReadStream(file), child.stdin),
  ]);
  await ended;
  assert.equal(child.exitCode, 0, said);
}
