// Knows: what the program may take for granted of any database. Must not know: any of them, and what is in them.
import type { Host } from "../hosts/host.ts";
import type { Finding } from "../kernel/finding.ts";
import type { Secret } from "../kernel/secret.ts";

/** Which database, and how its own tools reach it. */
export type DatabaseSettings =
  | ({ readonly kind: "mariadb" | "postgresql" } & ServerSettings)
  | { readonly kind: "sqlite"; readonly file: string };

export interface ServerSettings {
  readonly name: string;
  /** Absent: the tool's own default. */
  readonly user?: string;
  readonly password?: Secret;
  readonly host?: string;
  readonly port?: number;
  /** A socket, or for PostgreSQL the folder of one. */
  readonly socket?: string;
}

/** Where its tools run. */
export interface DatabaseAccess {
  readonly host: Host;
  /** Words before every command, such as `docker compose -f … exec -T db`. Standard input must get through. */
  readonly through: readonly string[];
}

export type DumpCompression = "none" | "gzip" | "zstd";

/** A dump on its way into a file. Both promises reject with the same error when it fails. */
export interface Dump {
  /** Resolves once the view that the dump will show exists: what is written from then on is not in it. */
  readonly viewTaken: Promise<void>;
  /**
   * Resolves when the dump is whole, proven by its end marker, and on disk: with its bytes before they were
   * compressed, and sentences about what it cannot promise.
   */
  readonly finished: Promise<{ readonly bytes: number; readonly notes: readonly string[] }>;
}

/** One row: its columns as text. */
export type Row = readonly (string | null)[];

/** One database. All throw `tool-missing`, `database-unusable`, `interrupted`. */
export interface Database {
  readonly kind: DatabaseSettings["kind"];
  /** What a person calls it. */
  readonly label: string;
  /**
   * Begins to dump into a new file (0600), on the machine of `host`. Neither promise is left unhandled when the
   * other one rejects. Rejects with `dump-failed`.
   */
  dump(
    request: { readonly file: string; readonly compress: DumpCompression },
    signal: AbortSignal,
  ): Dump;
  /** Bytes that a dump may take, roughly: from its tables' sizes. */
  estimate(signal: AbortSignal): Promise<number>;
  /**
   * Replaces what is in it, or in another one of this name on the same server, by a dump: `.gz` and `.zst` are
   * read by their names. Nothing is touched when the dump is not whole. A database that is missing is made.
   */
  restore(
    request: { readonly file: string; readonly into?: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** The rows of several queries, all from one consistent view, each in batches. */
  rows(
    queries: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<{ readonly query: number; readonly rows: readonly Row[] }>;
  /** Whether its tools are there and it answers, and what mends it. Reads only. */
  examine(signal: AbortSignal): Promise<readonly Finding[]>;
}
