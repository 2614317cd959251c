// Knows: how the rows of a dump are asked for as if a server held them. Must not know: what they mean.
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import type { Host } from "../../../hosts/host.ts";
import type { Row } from "../../../databases/database.ts";
import { HoldfastError } from "../../../kernel/errors.ts";
import { LineCutter } from "./lines.ts";
import { BrokenDump } from "./mariadb-values.ts";
import { DumpReader } from "./reader.ts";
import { readDumpText } from "./text.ts";

/** The tables of a Nextcloud that are read, and of each the columns, after its number or not. */
const tables = {
  filecache: {
    numbers: ["fileid", "storage", "mimetype", "size", "mtime", "encrypted"],
    texts: ["path", "checksum"],
  },
  storages: { numbers: ["numeric_id"], texts: ["id"] },
  mimetypes: { numbers: ["id"], texts: ["mimetype"] },
  mounts: { numbers: ["storage_id"], texts: ["user_id", "mount_point"] },
} as const;
const names = ["filecache", "storages", "mimetypes", "mounts"] as const;

const rowsAtOnce = 1000;

/** The rows of a dump, for queries in the words of SQLite. */
export interface DumpRows extends AsyncDisposable {
  rows(
    queries: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly query: number; readonly rows: readonly Row[] }>;
}

/**
 * Reads a dump into a file of its own, which vanishes with it: dumps are in no order that could be relied on,
 * and memory must not grow with them. Throws `source-missing`, `source-unreadable`, `interrupted`.
 */
export async function openDump(
  { file, prefix, host }: { readonly file: string; readonly prefix: string; readonly host: Host },
  signal: AbortSignal,
): Promise<DumpRows> {
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await host.scratch());
  const database = new DatabaseSync(join(scratch.path, "dump.sqlite"));
  stack.defer(() => database.close());
  await fill(database, { file, prefix }, signal);
  const kept = stack.move();
  return {
    rows: (queries, until) => rowsOf(database, queries, until),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

async function fill(
  database: DatabaseSync,
  { file, prefix }: { readonly file: string; readonly prefix: string },
  signal: AbortSignal,
): Promise<void> {
  // It is nobody's only copy, and gone after a crash.
  database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE");
  const take = new Map(names.map((name) => [prefix + name, taker(database, prefix, name)]));
  const reader = new DumpReader(new Set(take.keys()), (table, columns, row) =>
    take.get(table)?.(columns, row),
  );
  const cutter = new LineCutter(reader);
  database.exec("BEGIN");
  try {
    await readDumpText(file, (chunk) => cutter.push(chunk), signal);
    cutter.end();
  } catch (error) {
    throw error instanceof BrokenDump ? unusable(file, error.message) : error;
  }
  database.exec("COMMIT");
  if (!reader.isComplete) {
    throw unusable(file, "it has no end marker: it was cut off, or made without comments");
  }
  const missing = names.map((name) => prefix + name).find((name) => !reader.found.has(name));
  if (missing !== undefined && missing !== `${prefix}mounts`) {
    const hint = "correct table-prefix, or make a dump of the whole database";
    throw unusable(file, `it holds no table ${missing}`, hint);
  }
}

/** Makes a table, and answers with what puts a row into it. */
function taker(
  database: DatabaseSync,
  prefix: string,
  name: (typeof names)[number],
): (columns: readonly string[], row: Row) => void {
  const { numbers, texts } = tables[name];
  const wanted: readonly string[] = [...numbers, ...texts];
  const table = `"${(prefix + name).replaceAll('"', '""')}"`;
  const definitions = [
    ...numbers.map((column) => `${column} INTEGER`),
    ...texts.map((column) => `${column} TEXT`),
  ];
  database.exec(`CREATE TABLE ${table} (${definitions.join(", ")})`);
  const insert = database.prepare(`INSERT INTO ${table} VALUES (${wanted.map(() => "?").join()})`);
  let known: readonly string[] = [];
  let places: readonly number[] = [];
  return (columns, row) => {
    if (columns !== known) {
      known = columns;
      places = wanted.map((column) => columns.indexOf(column));
      const lacking = wanted[places.indexOf(-1)];
      if (lacking !== undefined) throw new BrokenDump(`${prefix}${name} has no column ${lacking}`);
    }
    insert.run(...places.map((place) => row[place] ?? null));
  };
}

async function* rowsOf(
  database: DatabaseSync,
  queries: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<{ readonly query: number; readonly rows: readonly Row[] }> {
  for (const [query, sql] of queries.entries()) {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    let rows: Row[] = [];
    for (const values of statement.iterate()) {
      rows.push(Object.values(values).map(textOf));
      if (rows.length < rowsAtOnce) continue;
      if (signal.aborted)
        throw new HoldfastError("interrupted", "reading the dump was interrupted");
      yield { query, rows };
      rows = [];
    }
    if (rows.length > 0) yield { query, rows };
  }
}

function textOf(value: SQLOutputValue): string | null {
  if (value === null || typeof value === "string") return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
}

function unusable(file: string, reason: string, hint?: string): HoldfastError {
  return new HoldfastError("source-unreadable", `the dump ${file} cannot be used: ${reason}`, {
    ...(hint !== undefined && { hint }),
  });
}
