// Knows: how a process shows that it lives, to whoever sees the same directory. Must not know: what it owns.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqliteCode } from "./database.ts";

/** A file that a process keeps locked for as long as it lives. Plain JSON. */
export interface Sign {
  /** Of the file. No two signs ever have the same. */
  readonly name: string;
  /** Where the process was, only one machine at a time can have that file system in use. */
  readonly onLocalDisk: boolean;
}

/** Held by a living process, held by nobody, or not there to be looked at. */
export type SignState = "held" | "free" | "missing";

// A lock ends with the connection, and a connection with the last reference to it: these live as long
// as the process.
const kept = new Set<DatabaseSync>();

/**
 * The signs of life in one directory. Node has no lock on files, but SQLite takes one from the kernel,
 * which no way of dying can leave behind and no container or change of name can hide.
 *
 * The lock is one of POSIX: it is lost as soon as this process closes the file, however often it has
 * it open. So only SQLite, which knows that, may ever open one that is held.
 */
export class SignsOfLife {
  readonly #directory: string;
  #own: { readonly sign: Sign; readonly connection: DatabaseSync } | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether this process has a sign here. */
  get isGiven(): boolean {
    return this.#own !== undefined;
  }

  /** The sign of this process, which is made when it is first asked for. Not while others sweep. */
  give(): Sign {
    if (this.#own !== undefined) {
      if (existsSync(this.#file(this.#own.sign.name))) return this.#own.sign;
      // Somebody has deleted it. What begins from now on gets another.
      this.#release();
    }
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    // Chance enough: a process meets few others, and "wx" refuses a name that is there.
    const name = `${process.pid}-${Math.random().toString(36).slice(2)}`;
    const file = this.#file(name);
    closeSync(openSync(file, "wx", 0o600));
    const connection = new DatabaseSync(file);
    // The lock is all that is wanted: no file beside this one, and nothing is ever written.
    connection.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    kept.add(connection);
    const sign = { name, onLocalDisk: this.isOnLocalDisk() };
    this.#own = { sign, connection };
    return sign;
  }

  /** Looks whether a sign is held. May be asked by many at once, and changes nothing. */
  look(name: string): SignState {
    try {
      using connection = new DatabaseSync(this.#file(name), { readOnly: true, timeout: 0 });
      // A shared lock: it cannot be had while another process has an exclusive one.
      connection.prepare("SELECT 1 FROM sqlite_schema").get();
      return "free";
    } catch (error) {
      const code = sqliteCode(error);
      if (code === undefined) throw error;
      // One that cannot be read tells no more than one that is not there.
      return code === busy ? "held" : "missing";
    }
  }

  /** Whether there is none, and so nothing to sweep. */
  areNone(): boolean {
    return !existsSync(this.#directory) || readdirSync(this.#directory).length === 0;
  }

  /** Deletes the signs of the dead, but those in use: their owners' deaths have yet to be seen. */
  sweep(inUse: ReadonlySet<string>): void {
    if (!existsSync(this.#directory)) return;
    for (const name of readdirSync(this.#directory)) {
      if (inUse.has(name) || this.look(name) !== "free") continue;
      rmSync(this.#file(name), { force: true });
    }
  }

  /** Takes back the sign of this process. One that is in use stays until the process ends. */
  withdraw(inUse: ReadonlySet<string>): void {
    if (this.#own === undefined || inUse.has(this.#own.sign.name)) return;
    const file = this.#file(this.#own.sign.name);
    this.#release();
    rmSync(file, { force: true });
  }

  /** Whether only one machine at a time can have the file system in use. */
  isOnLocalDisk(): boolean {
    if (process.platform !== "linux" || !existsSync(this.#directory)) return false;
    return localFileSystems.has(statfsSync(this.#directory).type);
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  #release(): void {
    if (this.#own === undefined) return;
    kept.delete(this.#own.connection);
    this.#own.connection.close();
    this.#own = undefined;
  }
}

// Result codes of SQLite: https://www.sqlite.org/rescode.html
const busy = 5;

// What statfs(2) calls them, from linux/magic.h and the sources of ZFS and bcachefs. All others count
// as shared, among them FUSE: what is behind it nobody knows.
const localFileSystems: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0x2fc12fc1, // zfs
  0xca451a4e, // bcachefs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs, in containers: it cannot have its upper layer on a network
]);
