// Knows: how a differential archive says which files there were when it was made. Must not know: what is done with them.
import { dirname } from "node:path/posix";
import { listMembers, type Reading } from "./read.ts";
import type { Archive } from "./store.ts";

/**
 * Which of these members there were when a differential archive was made: in it, or unchanged. Reads all of
 * it. It lists what is in each folder; of what is in none that it lists, it can only be assumed.
 */
export async function presentMembers(
  reading: Reading,
  { archive, members }: { readonly archive: Archive; readonly members: readonly string[] },
  signal: AbortSignal,
): Promise<{ readonly present: ReadonlySet<string>; readonly moved: readonly string[] }> {
  const wanted = new Set(members);
  const above = new Set(members.flatMap(foldersAbove));
  const seen = new Set<string>();
  const listed = new Set<string>();
  const moved: string[] = [];
  const see = (path: string): void => {
    if (wanted.has(path)) seen.add(path);
  };
  await listMembers(reading, archive, {
    signal,
    member: ({ path }) => {
      see(path);
      if (above.has(path)) listed.add(path);
    },
    unchanged: see,
    moved: (to) => {
      if (members.some((member) => isWithin(member, to) || isWithin(to, member))) moved.push(to);
    },
  });
  const present = members.filter(
    (member) =>
      seen.has(member) ||
      isAmbiguous(member) ||
      !foldersAbove(member).some((folder) => listed.has(folder)),
  );
  return { present: new Set(present), moved };
}

/** A name that reads in a listing like the end of one and the begin of another. */
function isAmbiguous(member: string): boolean {
  return /\n(?:[A-Z] |\n|$)/.test(member);
}

function foldersAbove(member: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = dirname(member); folder !== "."; folder = dirname(folder)) folders.push(folder);
  return member.startsWith("./") ? [...folders, "."] : folders;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === "." || path.startsWith(`${folder}/`);
}
