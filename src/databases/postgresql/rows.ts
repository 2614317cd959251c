// Knows: the text format of COPY, in which PostgreSQL writes rows exactly. Pure. Must not know: what was asked.
import type { RowReader, RowSink } from "../asking.ts";

/** What ends the rows of a query: COPY never writes such a line itself. */
export const endOfQuery = String.raw`\;`;

/** Reads what `COPY (…) TO STDOUT` prints, one line a row. */
export function copyRows(sink: RowSink): RowReader {
  return {
    line(line) {
      if (line === endOfQuery) sink.next();
      else sink.push(line.split("\t").map(column));
    },
  };
}

// https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
const characters: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function column(text: string): string | null {
  if (text === String.raw`\N`) return null;
  if (!text.includes("\\")) return text;
  return text.replaceAll(/\\(.)/gs, (_, character: string) => characters[character] ?? character);
}
