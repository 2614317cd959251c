// Knows: how the journal's file is found, created and brought up to date. Must not know: what is in its tables.
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { HoldfastError } from "../kernel/errors.ts";
import { damaged, Database, explained, sqliteCode } from "./database.ts";
import { applicationId, migrations } from "./schema.ts";

// How long one process waits for another one's write. Writes take milliseconds; a slow disk may need seconds.
const busyTimeoutMs = 30_000;

// Result codes of SQLite: https://www.sqlite.org/rescode.html
const busy = 5;
const cannotOpen = 14;

/** Opens a journal's file for writing. What is missing is created: directory 0700, file 0600, tables. */
export function openForWriting(file: string, steps: readonly string[] = migrations): Database {
  return explained(file, () => {
    createPrivately(file);
    const connection = new DatabaseSync(file, { timeout: busyTimeoutMs });
    return closedOnError(connection, () => {
      if (versionOf(file, connection, steps) < steps.length) bringUpToDate(connection, steps);
      connection.exec("PRAGMA synchronous = NORMAL");
      return new Database(file, connection, { readOnly: false });
    });
  });
}

/** Opens a journal's file for reading. One that is not there yet is an empty journal; nothing is created. */
export function openForReading(file: string, steps: readonly string[] = migrations): Database {
  return explained(file, () => {
    if (!isThere(file)) return emptyJournal(file, steps);
    const connection = connectForReading(file);
    return closedOnError(connection, () => {
      const version = versionOf(file, connection, steps);
      if (version === steps.length) return new Database(file, connection, { readOnly: true });
      connection.close();
      // Another process is creating it at this moment.
      if (version === 0) return emptyJournal(file, steps);
      openForWriting(file, steps)[Symbol.dispose]();
      return openForReading(file, steps);
    });
  });
}

// Beside a file that it reads, SQLite keeps shared memory in another. On a file system that is read
// only it cannot, and need not: nobody writes there.
function connectForReading(file: string): DatabaseSync {
  const connection = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs });
  try {
    pragma(connection, "user_version");
    return connection;
  } catch (error) {
    connection.close();
    if (sqliteCode(error) !== cannotOpen || isThere(`${file}-wal`)) throw error;
    return new DatabaseSync(new URL("?immutable=1", pathToFileURL(file)), { readOnly: true });
  }
}

// Anything but a plain "no" is a journal that cannot be read, and not an empty one.
function isThere(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

function emptyJournal(file: string, steps: readonly string[]): Database {
  const connection = new DatabaseSync(":memory:");
  for (const step of steps) connection.exec(step);
  return new Database(file, connection, { readOnly: true });
}

// SQLite gives the files it keeps beside this one the same permissions.
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, "a", 0o600));
  const { mode, uid } = statSync(file);
  if ((mode & 0o077) !== 0 && uid === process.geteuid?.()) chmodSync(file, 0o600);
}

function closedOnError<T>(connection: DatabaseSync, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (connection.isOpen) connection.close();
    throw error;
  }
}

/** How many migrations the file has seen: 0 for a new one. */
function versionOf(file: string, connection: DatabaseSync, steps: readonly string[]): number {
  // In one transaction: between two looks another process may create it.
  connection.exec("BEGIN");
  const version = pragma(connection, "user_version");
  const id = pragma(connection, "application_id");
  const isOther = id !== applicationId && (id !== 0 || version !== 0 || hasTables(connection));
  connection.exec("COMMIT");
  if (isOther) throw damaged(file);
  if (version > steps.length) {
    throw new HoldfastError(
      "journal-unusable",
      `the journal ${file} was written by a newer version of holdfast (its format is ${version}, this version knows ${steps.length})`,
      { hint: "update holdfast" },
    );
  }
  return version;
}

function pragma(connection: DatabaseSync, name: string): number {
  return Number(connection.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function hasTables(connection: DatabaseSync): boolean {
  return connection.prepare("SELECT 1 FROM sqlite_schema").get() !== undefined;
}

function bringUpToDate(connection: DatabaseSync, steps: readonly string[]): void {
  useWriteAheadLog(connection);
  connection.exec("BEGIN IMMEDIATE");
  // Asked again: another process may have done it while this one waited for the transaction.
  const version = pragma(connection, "user_version");
  for (const step of steps.slice(version)) connection.exec(step);
  connection.exec(`PRAGMA application_id = ${applicationId}`);
  connection.exec(`PRAGMA user_version = ${steps.length}`);
  connection.exec("COMMIT");
}

// SQLite does not wait here as it does elsewhere when several processes create the file at once.
function useWriteAheadLog(connection: DatabaseSync): void {
  const giveUp = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      connection.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (sqliteCode(error) !== busy || performance.now() > giveUp) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
