// Knows: how the client of MariaDB writes rows as XML, the only form in which it tells NULL from text. Pure. Must not know: what was asked.
import type { RowReader, RowSink } from "../asking.ts";

const fieldStart = "\t<field ";
const fieldEnd = "</field>";

/** Reads what `mariadb --xml --quick` prints: one result set a query. */
export function xmlRows(sink: RowSink): RowReader {
  let row: (string | null)[] = [];
  let sets = 0;
  // A text and a statement can have several lines. `<` and `>` are escaped in both.
  let text: string[] | undefined;
  let inHeader = false;
  const field = (line: string): void => {
    const close = line.indexOf(">");
    if (line[close - 1] === "/") row.push(null);
    else if (line.endsWith(fieldEnd)) row.push(unescape(line.slice(close + 1, -fieldEnd.length)));
    else text = [line.slice(close + 1)];
  };
  const header = (line: string): void => {
    if (sets > 0) sink.next();
    sets += 1;
    inHeader = line.indexOf(">") === -1;
  };
  return {
    line(line) {
      if (text !== undefined) {
        const isLast = line.endsWith(fieldEnd);
        text.push(isLast ? line.slice(0, -fieldEnd.length) : line);
        if (!isLast) return;
        row.push(unescape(text.join("\n")));
        text = undefined;
      } else if (inHeader) inHeader = line.indexOf(">") === -1;
      else if (line.startsWith(fieldStart)) field(line);
      else if (line === "  <row>") row = [];
      else if (line === "  </row>") sink.push(row);
      else if (line.startsWith("<resultset ")) header(line);
    },
  };
}

const characters: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', amp: "&" };

function unescape(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(
    /&(lt|gt|quot|amp);/g,
    (entity, name: string) => characters[name] ?? entity,
  );
}
