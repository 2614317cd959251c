// Knows: which files are what they were in the last snapshot, and that they need nothing but a link. Must not know: what the others need.
import { reasonAgainst, shelfOf, type Places } from "./layout.ts";
import type { Wanted } from "./joining.ts";
import { contentInLine, fileLine, identityOf } from "./manifest.ts";
import type { Tally } from "./tally.ts";
import type { Threads } from "./threads.ts";

/** What it takes to link. */
interface Linking {
  readonly places: Places;
  readonly tree: string;
  readonly threads: Threads;
  readonly tally: Tally;
}

/** A file that is what it was. */
interface Unchanged {
  readonly index: number;
  readonly wanted: Wanted;
  readonly identity: string;
  readonly content: string;
}

/**
 * Links what is as it was, which is nearly everything on most days: so little is done for each. Fills in the
 * lines of these files, and answers with the places of the others.
 */
export async function linkUnchanged(
  { places: { sha1, etag }, tree, threads, tally }: Linking,
  files: readonly Wanted[],
  lines: string[],
): Promise<readonly number[]> {
  const others: number[] = [];
  const same: Unchanged[] = [];
  let rows = "";
  for (const [index, wanted] of files.entries()) {
    const identity = identityOf(wanted.entry, wanted.object);
    const content = contentAsBefore(wanted, identity);
    if (content === undefined) others.push(index);
    else {
      rows += `${rows === "" ? "" : "\0"}s\0${shelfOf(content)}\0\0${wanted.entry.path}\0\0`;
      same.push({ index, wanted, identity, content });
    }
  }
  if (same.length === 0) return others;
  const outcomes = await threads.run({ work: "link", sha1, etag, tree, rows });
  const failed = new Set(outcomes.map(([row]) => row));
  for (const [row, { index, wanted, identity, content }] of same.entries()) {
    if (failed.has(row)) {
      others.push(index);
      continue;
    }
    lines[index] = fileLine(identity, wanted.entry, { content });
    tally.kept(wanted.entry.size);
  }
  return others;
}

/** SHA-1 of the content, when nothing at all is to be said of the file. */
function contentAsBefore({ entry, object, earlier }: Wanted, identity: string): string | undefined {
  const { size, sha1, path, refused } = entry;
  if (earlier === undefined || object?.size !== size || size === 0) return undefined;
  const content = contentInLine(earlier, identity, sha1);
  if (content === undefined || content === "" || (sha1 !== undefined && sha1 !== content)) {
    return undefined;
  }
  return refused === undefined && reasonAgainst(path) === undefined ? content : undefined;
}
