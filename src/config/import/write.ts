// Knows: how an imported configuration is written down, with comments and without secrets. Must not know: where it came from.
import { Document, isMap, isPair, isScalar, isSeq, visit } from "yaml";
import { type Comment, FoundSecret, type Imported, parts, SecretFileOf } from "./imported.ts";

/** How it is written. */
export interface Writing {
  /** Lines above all. */
  readonly header: readonly string[];
  /** Where the file of a secret is: as the configuration names it, and absolute. */
  readonly placeOf: (secret: FoundSecret) => { readonly named: string; readonly path: string };
}

const width = 98;

/** The text of the configuration. Pure. */
export function writeConfig(imported: Imported, { header, placeOf }: Writing): string {
  const value = Object.fromEntries(
    parts.flatMap((part) => {
      const entries = imported.entries(part);
      if (entries.length === 0) return [];
      return [
        [part, Object.fromEntries(entries.map(([name, entry]) => [name, plain(entry, placeOf)]))],
      ];
    }),
  );
  const document = new Document(value, { aliasDuplicateObjects: false });
  const commented = Map.groupBy(imported.comments, ({ path }) => pathThatIs(document, path));
  for (const [path, comments] of commented) comment(document, path, comments);
  visit(document, {
    Seq(_, node) {
      if (node.items.every((item) => isScalar(item))) node.flow = true;
    },
    Pair(key, pair, above) {
      if (above.length === 2 && isScalar(pair.key) && key !== 0) pair.key.spaceBefore = true;
    },
  });
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  return `${header.map((line) => `# ${line}`.trimEnd()).join("\n")}\n\n${text}`;
}

/** The value with references in the place of secrets, and without what is undefined. */
function plain(value: unknown, placeOf: Writing["placeOf"]): unknown {
  if (value instanceof FoundSecret) return { file: placeOf(value).named };
  if (value instanceof SecretFileOf) return placeOf(value.secret).path;
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.map((item) => plain(item, placeOf));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) =>
      each === undefined ? [] : [[key, plain(each, placeOf)]],
    ),
  );
}

/** The longest beginning of a path that is there, as text. */
function pathThatIs(document: Document, path: Comment["path"]): string {
  for (let length = path.length; length > 1; length -= 1) {
    const beginning = path.slice(0, length);
    if (document.hasIn(beginning)) return JSON.stringify(beginning);
  }
  return "[]";
}

function comment(document: Document, pathText: string, comments: readonly Comment[]): void {
  const path: readonly (string | number)[] = JSON.parse(pathText);
  const last = path.at(-1);
  const above: unknown = document.getIn(path.slice(0, -1), true);
  if (last === undefined) return;
  const text = [...new Set(comments.map((each) => each.text))]
    .flatMap((each) => wrapped(each))
    .map((line) => ` ${line}`)
    .join("\n");
  if (isMap(above)) {
    const pair = above.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
    if (isPair(pair) && isScalar(pair.key)) pair.key.commentBefore = text;
  } else if (isSeq(above)) {
    comment(document, JSON.stringify(path.slice(0, -1)), comments);
  }
}

function wrapped(text: string): readonly string[] {
  // One line each: a line break of the file that was read must not end the comment.
  const words = text.split(/\s+/u).filter((word) => word !== "");
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= width - 8) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
