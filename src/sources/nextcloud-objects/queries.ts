// Knows: what is asked of a Nextcloud's database, in the words of each. Must not know: how it is asked.
import type { DatabaseSettings } from "../../databases/database.ts";

/** The kind of a database decides how things are written in SQL. */
export type Dialect = DatabaseSettings["kind"];

/** Which tables are asked, and how. */
export interface Tables {
  readonly dialect: Dialect;
  /** What the names of Nextcloud's tables begin with. */
  readonly prefix: string;
}

const folderType = "httpd/unix-directory";

/** The columns of `filesQuery` and `filesByIdQuery`. */
const fileColumns = "fileid, storage, path, mimetype, size, mtime, encrypted, checksum";

/** Numbers and names of all storages. */
export function storagesQuery(tables: Tables): string {
  return `SELECT numeric_id, id FROM ${table(tables, "storages")}`;
}

/** Users, and the storages that are their homes. */
export function homesQuery(tables: Tables): string {
  const home = tables.dialect === "mariadb" ? "CONCAT('/', user_id, '/')" : "'/' || user_id || '/'";
  return `SELECT user_id, storage_id FROM ${table(tables, "mounts")} WHERE mount_point = ${home}`;
}

/** Numbers and names of all types of files. */
export function typesQuery(tables: Tables): string {
  return `SELECT id, mimetype FROM ${table(tables, "mimetypes")}`;
}

/** Storage, path and time of each folder. */
export function foldersQuery(tables: Tables, wanted: readonly Wanted[]): string {
  return `SELECT storage, path, mtime FROM ${table(tables, "filecache")} WHERE mimetype IN (${folderTypes(tables)}) AND (${condition(tables, wanted)})`;
}

/** All files, in the order of the bytes of their keys. */
export function filesQuery(tables: Tables, wanted: readonly Wanted[]): string {
  return `SELECT ${fileColumns} FROM ${table(tables, "filecache")} WHERE mimetype NOT IN (${folderTypes(tables)}) AND (${condition(tables, wanted)}) ORDER BY ${asText(tables.dialect)}`;
}

/** The numbers of all files that are not wanted. */
export function otherFilesQuery(tables: Tables, wanted: readonly Wanted[]): string {
  return `SELECT fileid FROM ${table(tables, "filecache")} WHERE mimetype NOT IN (${folderTypes(tables)}) AND NOT (${condition(tables, wanted)})`;
}

/** Some files, by their numbers. */
export function filesByIdQuery(tables: Tables, numbers: readonly number[]): string {
  return `SELECT ${fileColumns} FROM ${table(tables, "filecache")} WHERE mimetype NOT IN (${folderTypes(tables)}) AND fileid IN (${numbers.join(", ")})`;
}

/** A storage, and what the paths that are wanted of it begin with. */
export interface Wanted {
  readonly storage: number;
  /** With its slash. Empty: all. */
  readonly prefix: string;
}

// May let through more than is wanted, by whatever rules the database compares texts: what comes is
// looked at again. It never holds back what is wanted, since equal texts are equal everywhere.
function condition({ dialect }: Tables, wanted: readonly Wanted[]): string {
  const terms = wanted.map(({ storage, prefix }) => {
    if (prefix === "") return `storage = ${storage}`;
    const root = prefix.slice(0, -1);
    const path = "COALESCE(path, '')";
    const start = `SUBSTR(${path}, 1, ${Array.from(prefix).length})`;
    return `(storage = ${storage} AND (${start} = ${literal(dialect, prefix)} OR ${path} = ${literal(dialect, root)}))`;
  });
  return terms.length === 0 ? "1 = 0" : terms.join(" OR ");
}

function folderTypes(tables: Tables): string {
  return `SELECT id FROM ${table(tables, "mimetypes")} WHERE mimetype = '${folderType}'`;
}

function asText(dialect: Dialect): string {
  switch (dialect) {
    case "mariadb":
      return "CAST(fileid AS CHAR CHARACTER SET ascii)";
    case "postgresql":
      return 'CAST(fileid AS text) COLLATE "C"';
    case "sqlite":
      return "CAST(fileid AS text)";
  }
}

function table({ dialect, prefix }: Tables, name: string): string {
  const quote = dialect === "mariadb" ? "`" : '"';
  const whole = `${prefix}${name}`.replaceAll(quote, quote + quote);
  return `${quote}${whole}${quote}`;
}

/** A text as bytes, so that nothing in it can be taken for SQL, whatever the server's settings. */
function literal(dialect: Dialect, text: string): string {
  const hex = Buffer.from(text).toString("hex");
  switch (dialect) {
    case "mariadb":
      return `_utf8mb4 X'${hex}'`;
    case "postgresql":
      return `convert_from(decode('${hex}', 'hex'), 'UTF8')`;
    case "sqlite":
      return `CAST(X'${hex}' AS text)`;
  }
}
