// Knows: that a differential archive comes on top of its full one. Must not know: how one is extracted.
import { HoldfastError } from "../../kernel/errors.ts";
import type { RestoreRequest, RestoreResult, Work } from "../engine.ts";
import { memberNamed, type Naming, namingOf } from "./members.ts";
import { unescape } from "./output.ts";
import { presentMembers } from "./presence.ts";
import { extract, type Reading } from "./read.ts";
import type { Archive } from "./store.ts";

/** Restores one point in time into a directory of this machine. Throws `snapshot-missing`. */
export async function restoreArchives(
  reading: Reading,
  {
    archives,
    request,
  }: { readonly archives: readonly Archive[]; readonly request: RestoreRequest },
  { signal, progress }: Work,
): Promise<RestoreResult> {
  const chain = chainOf(archives, request.snapshot, reading.folder.name);
  const { target, include } = request;
  await reading.here.run(
    { argv: ["mkdir", "--parents", "--mode=0700", "--", target], effect: "writes" },
    signal,
  );
  const wanted = await membersWanted(reading, { chain, include }, signal);
  const problems = [...wanted.problems];
  const lacking: ReadonlySet<string>[] = [];
  const bytesTotal = chain.reduce((sum, { size }) => sum + size, 0);
  let bytesDone = 0;
  for (const archive of wanted.isNothing ? [] : chain) {
    progress({ bytesDone, bytesTotal, current: archive.file });
    const extracted = await extract(reading, archive, { target, members: wanted.members, signal });
    problems.push(...extracted.problems);
    lacking.push(new Set(extracted.notFound.map(unescape)));
    bytesDone += archive.size;
  }
  // What has not changed since the full archive is in that one only.
  const absent = [...(lacking[0] ?? [])].filter((each) => lacking.every((none) => none.has(each)));
  const { files, bytes } = chain.at(-1)?.manifest ?? {};
  return {
    ...(include.length > 0 || files === undefined ? {} : { files }),
    ...(include.length > 0 || bytes === undefined ? {} : { bytes }),
    problems: [...absent.map((member) => notThere(member)), ...problems],
  };
}

interface Wanted {
  /** Empty: everything, unless `isNothing`. */
  readonly members: readonly string[];
  readonly isNothing: boolean;
  readonly problems: readonly string[];
}

/**
 * Which members are to be extracted. What was removed after the full archive was made is none, though that one
 * holds it: whoever wants only a part has no folder in which tar would remove it again.
 */
async function membersWanted(
  reading: Reading,
  { chain, include }: { readonly chain: readonly Archive[]; readonly include: readonly string[] },
  signal: AbortSignal,
): Promise<Wanted> {
  const newest = chain.at(-1);
  if (include.length === 0 || newest === undefined) {
    return { members: [], isNothing: false, problems: [] };
  }
  const naming: Naming = namingOf(newest.manifest);
  const members = [...new Set(include.map((path) => memberNamed(path, naming)))];
  if (chain.length === 1) return { members, isNothing: false, problems: [] };
  const { present, moved } = await presentMembers(reading, { archive: newest, members }, signal);
  const gone = members.filter((member) => !present.has(member));
  const problems = [
    ...gone.map(notThere),
    ...moved.map(
      (to) =>
        `what is in /${to} was moved there after the full archive was made, and is restored only with everything else`,
    ),
  ];
  return { members: [...present], isNothing: present.size === 0, problems };
}

function notThere(member: string): string {
  return `/${member.replace(/^\.\//, "")} is not in the snapshot`;
}

/** A full archive, or one with what changed after it. Throws `snapshot-missing`. */
function chainOf(archives: readonly Archive[], id: string, repository: string): readonly Archive[] {
  const archive = archives.find((each) => each.id === id);
  if (archive === undefined)
    throw missing(`there is no snapshot ${id} in repository "${repository}"`);
  if (archive.kind === "full") return [archive];
  const base = archives.find((each) => each.id === archive.base);
  if (base !== undefined) return [base, archive];
  throw missing(
    `snapshot ${id} cannot be restored: its full archive ${archive.base ?? ""} is gone`,
  );
}

function missing(message: string): HoldfastError {
  return new HoldfastError("snapshot-missing", message, {
    hint: "see what there is with: holdfast snapshots",
  });
}
