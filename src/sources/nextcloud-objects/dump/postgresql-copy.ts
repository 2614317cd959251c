// Knows: how PostgreSQL writes rows after COPY. Must not know: which rows.
import type { Row } from "../../../databases/database.ts";

const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const name = String.raw`(?:"(?:[^"]|"")+"|[^\s".]+)`;
const copy = new RegExp(String.raw`^COPY (?:${name}\.)?(${name}) \((.*)\) FROM stdin;$`);

/** The table and columns of a COPY statement; nothing when the line is none. */
export function readCopy(
  line: string,
): { readonly table: string; readonly columns: readonly string[] } | undefined {
  const [, table, columns] = copy.exec(line) ?? [];
  if (table === undefined || columns === undefined) return undefined;
  const names = columns.match(new RegExp(name, "g")) ?? [];
  return {
    table: unquoted(table),
    columns: names.map((column) => unquoted(column.replace(/,$/, ""))),
  };
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

/** One row in COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html */
export function readCopyRow(line: string): Row {
  return line.split("\t").map((field) => {
    if (field === String.raw`\N`) return null;
    return field.includes("\\") ? field.replaceAll(escaped, unescaped) : field;
  });
}

const escaped = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|([^]))/g;

function unescaped(...[, octal, hex, character = ""]: readonly (string | undefined)[]): string {
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  return escapes[character] ?? character;
}
