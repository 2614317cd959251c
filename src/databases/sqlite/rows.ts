// Knows: how the tool of SQLite quotes values (`.mode quote`), the only form in which it tells NULL from text. Pure. Must not know: what was asked.
import type { RowReader, RowSink } from "../asking.ts";

/** What ends the rows of a query: no quoted row is like it. */
export const endOfQuery = ";";

/** Reads what `.mode quote` prints: a row is a line, unless a text in it has several. */
export function quotedRows(sink: RowSink): RowReader {
  let open: string[] = [];
  let isInText = false;
  return {
    line(line) {
      if (open.length === 0 && line === endOfQuery) {
        sink.next();
        return;
      }
      open.push(line);
      // Each quote changes it; one inside a text is written twice.
      if ((line.split("'").length - 1) % 2 === 1) isInText = !isInText;
      if (isInText) return;
      sink.push(values(open.join("\n")));
      open = [];
    },
  };
}

const value = /unistr\('((?:[^']|'')*)'\)|X'([0-9a-fA-F]*)'|'((?:[^']|'')*)'|([^,']+)/gy;

function values(row: string): readonly (string | null)[] {
  const found: (string | null)[] = [];
  value.lastIndex = 0;
  for (let match = value.exec(row); match !== null; match = value.exec(row)) {
    found.push(valueOf(match));
    // The comma.
    value.lastIndex += 1;
  }
  return found;
}

function valueOf([, escaped, blob, text, other = ""]: RegExpExecArray): string | null {
  if (escaped !== undefined) return unescape(escaped.replaceAll("''", "'"));
  if (blob !== undefined) return Buffer.from(blob, "hex").toString("utf8");
  if (text !== undefined) return text.replaceAll("''", "'");
  return other === "NULL" ? null : other;
}

// https://sqlite.org/lang_corefunc.html#unistr: newer tools write control characters so.
function unescape(text: string): string {
  return text.replaceAll(
    /\\(?:\\|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))/g,
    (_, ...forms: (string | undefined)[]) => {
      const code = forms.slice(0, 4).find((form) => form !== undefined);
      return code === undefined ? "\\" : String.fromCodePoint(Number.parseInt(code, 16));
    },
  );
}
