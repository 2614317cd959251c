// Knows: which files are what and where they were in the last snapshot, and that they need nothing but a link. Must not know: what the others need.
import { reasonAgainst, type Places } from "./layout.ts";
import type { Wanted } from "./joining.ts";
import { identityOf, isLineOf } from "./manifest.ts";
import type { Tally } from "./tally.ts";
import type { Threads } from "./threads.ts";

/** What it takes to link. */
interface Linking {
  readonly places: Pick<Places, "sha1">;
  readonly tree: string;
  readonly threads: Threads;
  readonly tally: Tally;
}

/**
 * Links what is as it was, which is nearly everything on most days: so little is done for each. Its line in the
 * last manifest says all there is to say, to the thread and in the new manifest. Fills in the lines of these
 * files, and answers with the places of the others.
 */
export async function linkUnchanged(
  { places: { sha1 }, tree, threads, tally }: Linking,
  files: readonly Wanted[],
  lines: string[],
): Promise<readonly number[]> {
  const others: number[] = [];
  const same: number[] = [];
  const known: string[] = [];
  for (const [index, wanted] of files.entries()) {
    if (wanted.earlier === undefined || !isAsBefore(wanted, wanted.earlier)) others.push(index);
    else {
      same.push(index);
      known.push(wanted.earlier);
    }
  }
  if (same.length === 0) return others;
  const outcomes = await threads.run({ work: "again", sha1, tree, rows: known.join("\n") });
  const failed = new Set(outcomes.map(([row]) => row));
  for (const [row, index] of same.entries()) {
    if (failed.has(row)) {
      others.push(index);
      continue;
    }
    lines[index] = `${known[row]}\n`;
    tally.kept(files[index]?.entry.size ?? 0);
  }
  return others;
}

/** Whether nothing at all is to be said or done about a file, but what was said and done before. */
function isAsBefore({ entry, object }: Wanted, line: string): boolean {
  const { size, path, refused } = entry;
  if (object?.size !== size || size === 0 || refused !== undefined) return false;
  return isLineOf(line, identityOf(entry, object), entry) && reasonAgainst(path) === undefined;
}
