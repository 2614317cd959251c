// Knows: how a path is found in archives. Must not know: what is done with it.
import type { Found } from "../engine.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import { memberNamed, type Naming, namingOf, pathOf } from "./members.ts";
import type { Member } from "./output.ts";
import { listMembers, type Reading } from "./read.ts";
import type { Archive } from "./store.ts";

/** What is looked for, and where. */
export interface Search {
  /** A path, or a name or path with `*` and `?` in it. */
  readonly path: string;
  readonly snapshots: readonly Snapshot[];
  readonly archives: readonly Archive[];
}

/** Which snapshots hold a path, newest first. Reads each archive once; a differential one's base as well. */
export async function findMembers(
  reading: Reading,
  { path, snapshots, archives }: Search,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const known = new Map<string, Promise<Content>>();
  const contentOf = async (id: string): Promise<Content> => {
    const archive = archives.find((each) => each.id === id);
    const reads = known.get(id) ?? contentIn(reading, { archive, path, signal });
    known.set(id, reads);
    return await reads;
  };

  const found: Found[] = [];
  const newestFirst = snapshots.toSorted((a, b) => b.time.getTime() - a.time.getTime());
  for (const { id, base } of newestFirst) {
    const { members, unchanged } = await contentOf(id);
    const older = base === undefined ? [] : (await contentOf(base)).members;
    const naming = namingOf(archives.find((each) => each.id === id)?.manifest);
    const still = older.filter((each) => unchanged.has(each.path));
    for (const { path: name, bytes, modified } of [...still, ...members]) {
      found.push({ snapshot: id, path: pathOf(name, naming), bytes, modified });
    }
  }
  return found;
}

/** What is wanted of one archive: what it holds, and what it says is still in its full one. */
interface Content {
  readonly members: readonly Member[];
  readonly unchanged: ReadonlySet<string>;
}

async function contentIn(
  reading: Reading,
  asked: {
    readonly archive: Archive | undefined;
    readonly path: string;
    readonly signal: AbortSignal;
  },
): Promise<Content> {
  const { archive, path: wanted, signal } = asked;
  const members: Member[] = [];
  const unchanged = new Set<string>();
  if (archive !== undefined) {
    const isWanted = matcher(wanted, namingOf(archive.manifest));
    await listMembers(reading, archive, {
      signal,
      member: (member) => void (isWanted(member.path) && members.push(member)),
      unchanged: (path) => void (isWanted(path) && unchanged.add(path)),
    });
  }
  return { members, unchanged };
}

/** Matches a whole path, or, for a pattern without a slash, its last name. */
export function matcher(
  pattern: string,
  naming: Naming = { kind: "absolute" },
): (path: string) => boolean {
  const isName = !pattern.includes("/");
  const expression = (isName ? pattern : memberNamed(pattern, naming))
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const anywhere = isName ? "(.*/)?" : "";
  const regular = new RegExp(`^${anywhere}${expression}$`, "s");
  return (path) => regular.test(path);
}
