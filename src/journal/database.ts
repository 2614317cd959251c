// Knows: SQLite. Keeps statements and transactions, and says in our words what went wrong with the file.
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { HoldfastError } from "../kernel/errors.ts";

/** One row as SQLite gives it. */
export type Row = Record<string, SQLOutputValue>;

/**
 * An open journal file. Every method throws `journal-unusable` where the file, and not this program,
 * is at fault.
 *
 * A plain `run` is safe from a killed process, not from a power cut: it has left for the kernel, and
 * the next `durably` takes it to the disk as well. An event is worth no more than that, and costs
 * microseconds instead of milliseconds.
 */
export class Database implements Disposable {
  readonly #file: string;
  readonly #connection: DatabaseSync;
  readonly #readOnly: boolean;
  readonly #statements = new Map<string, StatementSync>();

  constructor(file: string, connection: DatabaseSync, access: { readonly readOnly: boolean }) {
    this.#file = file;
    this.#connection = connection;
    this.#readOnly = access.readOnly;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  all(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#explained(() => this.#statement(sql).all(...values));
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#explained(() => this.#statement(sql).get(...values));
  }

  /** Changes rows. Returns how many. */
  run(sql: string, ...values: SQLInputValue[]): number {
    this.#refuseWhenReadOnly();
    return this.#explained(() => Number(this.#statement(sql).run(...values).changes));
  }

  /** Does all of it or nothing, with every other process's writes before or after it. */
  atomically<T>(work: () => T): T {
    this.#refuseWhenReadOnly();
    return this.#explained(() => {
      this.#connection.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#connection.exec("COMMIT");
        return result;
      } catch (error) {
        // SQLite has already rolled back by itself after some failures, such as a full disk.
        if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** Like `atomically`, and on disk (fsync) when it returns, with everything that was written before. */
  durably<T>(work: () => T): T {
    this.#refuseWhenReadOnly();
    this.#explained(() => this.#connection.exec("PRAGMA synchronous = FULL"));
    try {
      return this.atomically(work);
    } finally {
      this.#connection.exec("PRAGMA synchronous = NORMAL");
    }
  }

  /** Reads a value that this program stored as text. What does not parse any more is damage. */
  decode<T>(parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      throw damaged(this.#file, cause);
    }
  }

  [Symbol.dispose](): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #refuseWhenReadOnly(): void {
    if (this.#readOnly) throw new Error("the journal was opened for reading only");
  }

  #explained<T>(work: () => T): T {
    return explained(this.#file, work);
  }
}

/** Does some work on a journal file and turns SQLite's failures about the file into `journal-unusable`. */
export function explained<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explain(file, error);
  }
}

/** The failure of a file that is no journal, or is one no more. */
export function damaged(file: string, cause?: unknown): HoldfastError {
  return new HoldfastError("journal-unusable", `the journal ${file} is damaged`, {
    hint: "check the disk it is on; then move it and the files beside it to another place and run again: the backups are whole, but what interrupted runs left open is forgotten",
    cause,
  });
}

// What the primary result codes of SQLite (https://www.sqlite.org/rescode.html) mean for a user. The
// others (SQL, constraint, misuse …) are mistakes of this program.
const failures: ReadonlyMap<number, { readonly is: string; readonly hint: string }> = new Map([
  [3, { is: "cannot be used", hint: "check the permissions of the file and its directory" }],
  [5, { is: "is busy", hint: "another holdfast has been writing for too long; try again" }],
  [8, { is: "cannot be written", hint: "check the permissions of the file and its directory" }],
  [
    10,
    {
      is: "cannot be read or written",
      hint: "check the disk it is on: it may be full, or failing",
    },
  ],
  [13, { is: "cannot be written: its disk is full", hint: "free some space there" }],
  [14, { is: "cannot be opened", hint: "check the permissions of the file and its directory" }],
  [22, { is: "has grown too large for its file system", hint: "move `state` to another disk" }],
]);

const damageCodes: ReadonlySet<number> = new Set([11, 26]);

/** The primary result code of a failure of SQLite. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

function explain(file: string, error: unknown): unknown {
  if (error instanceof HoldfastError || !(error instanceof Error)) return error;
  const code = sqliteCode(error);
  if (code === undefined) return isFileError(error) ? unusable(file, error) : error;
  if (damageCodes.has(code)) return damaged(file, error);
  const failure = failures.get(code);
  if (failure === undefined) return error;
  return new HoldfastError("journal-unusable", `the journal ${file} ${failure.is}`, {
    hint: failure.hint,
    cause: error,
  });
}

/** Whether this is a failure of node:fs: of a file or a folder, not of this program. */
export function isFileError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}

function unusable(file: string, cause: Error): HoldfastError {
  return new HoldfastError("journal-unusable", `the journal ${file} cannot be opened`, {
    hint: "check the permissions of its directory, or set `state` to a directory that can be written",
    cause,
  });
}
