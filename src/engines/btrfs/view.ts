// Knows: how to find out what is in the folder of a repository. Must not know: what is done with it.
import { posix } from "node:path";
import type { Command, Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import {
  listAllCommand,
  listReadOnlyCommand,
  listTimesCommand,
  namesCommand,
  snapshotPath,
  subvolumeIdCommand,
  type Setting,
} from "./commands.ts";
import { saysNotPermitted } from "./errors.ts";
import { parseName, type SnapshotName } from "./names.ts";
import { parseIds, parseNames, parseSubvolumes, parseTimes, type Subvolume } from "./output.ts";

/** A folder on a machine, and how btrfs is run there. */
export interface Scene {
  readonly host: Host;
  readonly setting: Setting;
  readonly location: string;
}

/** A subvolume in the folder of a repository whose name is that of a snapshot. */
export interface Entry {
  readonly name: string;
  readonly said: SnapshotName;
  readonly readOnly: boolean;
  /** What btrfs knows of it. Absent: this user may not ask. */
  readonly subvolume?: Subvolume;
  /** When it was made, where it was made here as a snapshot of another subvolume. */
  readonly created?: Date;
}

/** What is there. */
export interface View {
  /** The names of all subvolumes in the folder. */
  readonly names: ReadonlySet<string>;
  readonly entries: readonly Entry[];
  /** All subvolumes of the file system; none where this user may not ask. */
  readonly all: readonly Subvolume[];
}

/** Looks at a folder. Throws `CommandFailed` where btrfs does. */
export async function lookAt(scene: Scene, signal: AbortSignal): Promise<View> {
  const { host, setting, location } = scene;
  const output = async (command: Command): Promise<string> => {
    // As lines, because a list may be longer than what a host keeps of an output.
    const lines: string[] = [];
    await host.run(command, signal, { stdoutLine: (line) => lines.push(line) });
    return lines.join("\n");
  };
  const list = Promise.all([
    output(listAllCommand(setting, location)),
    output(listReadOnlyCommand(setting, location)),
    output(listTimesCommand(setting, location)),
    output(subvolumeIdCommand(setting, location)),
  ]);
  const [found, listed] = await Promise.all([
    output(namesCommand(location)),
    list.catch((error: unknown) => {
      if (saysNotPermitted(error)) return undefined;
      throw error;
    }),
  ]);
  const names = new Set(parseNames(found));
  if (listed === undefined) return await lookFromOutside(scene, names, signal);
  const [everything, readOnly, times, within] = listed;
  const all = parseSubvolumes(everything);
  const byName =
    matchByPath({ names, all, location, within: Number(within) }) ??
    (await matchByAsking(scene, { names, all }, signal));
  const readOnlyIds = parseIds(readOnly);
  const created = parseTimes(times);
  const entries = namedAsSnapshots(names).flatMap(([name, said]): readonly Entry[] => {
    const subvolume = byName.get(name);
    // It was deleted while this looked.
    if (subvolume === undefined) return [];
    const time = subvolume.receivedUuid === undefined ? created.get(subvolume.id) : undefined;
    const common = { name, said, subvolume, readOnly: readOnlyIds.has(subvolume.id) };
    return [time === undefined ? common : { ...common, created: time }];
  });
  return { names, entries, all };
}

function namedAsSnapshots(names: ReadonlySet<string>) {
  return [...names].flatMap((name) => {
    const said = parseName(name);
    return said === undefined ? [] : [[name, said] as const];
  });
}

/** As a user who may not ask btrfs: names, and which of them nobody can write to. */
async function lookFromOutside(
  { host, location }: Scene,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<View> {
  const { stdout } = await host.run(namesCommand(location, "read-only"), signal);
  const readOnly = new Set(parseNames(stdout));
  const entries = namedAsSnapshots(names).map(([name, said]) => ({
    name,
    said,
    readOnly: readOnly.has(name),
  }));
  return { names, entries, all: [] };
}

/**
 * Finds the subvolumes of a folder by their paths, which btrfs tells from the top of the file system and not
 * from where that is mounted: of all folders, the one whose path fits and that holds exactly these names.
 * Undefined where that leaves a doubt.
 */
export function matchByPath(question: {
  readonly names: ReadonlySet<string>;
  readonly all: readonly Subvolume[];
  readonly location: string;
  /** The number of the subvolume that the folder is in. */
  readonly within: number;
}): ReadonlyMap<string, Subvolume> | undefined {
  const { names, all, location, within } = question;
  if (names.size === 0) return new Map();
  const around = all.find(({ id }) => id === within)?.path;
  const top = around === undefined ? "" : `${around}/`;
  const byFolder = Map.groupBy(
    all.filter((each) => each.within === within && each.path.startsWith(top)),
    ({ path }) => posix.dirname(path.slice(top.length)),
  );
  const fitting = [...byFolder].filter(([folder, members]) => {
    if (folder !== "." && !location.endsWith(`/${folder}`)) return false;
    const theirs = new Set(members.map(({ path }) => posix.basename(path)));
    return theirs.size === members.length && theirs.size === names.size && isSubset(names, theirs);
  });
  const [only, ...others] = fitting;
  if (only === undefined || others.length > 0) return undefined;
  return new Map(only[1].map((each) => [posix.basename(each.path), each]));
}

function isSubset(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  return [...some].every((name) => all.has(name));
}

// So many at once: each is a process that takes about a millisecond.
const askedAtOnce = 16;

/** Asks btrfs for the number of each: slower, and right wherever the folder is mounted. */
async function matchByAsking(
  { host, setting, location }: Scene,
  { names, all }: Pick<View, "names" | "all">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Subvolume>> {
  const byId = new Map(all.map((each) => [each.id, each]));
  const found = new Map<string, Subvolume>();
  const wanted = namedAsSnapshots(names).map(([name]) => name);
  for (let start = 0; start < wanted.length; start += askedAtOnce) {
    await Promise.all(
      wanted.slice(start, start + askedAtOnce).map(async (name) => {
        const command = subvolumeIdCommand(setting, snapshotPath(location, name));
        const { stdout } = await host.run({ ...command, okExits: [0, 1] }, signal);
        const subvolume = byId.get(Number(stdout));
        if (stdout.trim() !== "" && subvolume !== undefined) found.set(name, subvolume);
      }),
    );
  }
  return found;
}

/** Why there is no repository: nothing is there, or something else. Undefined: there is one. */
export async function absence(
  { host, location }: Scene,
  name: string,
  signal: AbortSignal,
): Promise<HoldfastError | undefined> {
  const [state] = await host.inspect([location], signal);
  if (state?.kind === "directory") return undefined;
  if (state?.kind === "missing") {
    return new HoldfastError(
      "repository-missing",
      `repository "${name}" does not exist at ${location}`,
      {
        hint: "is its disk mounted? A new one is made with: holdfast init",
      },
    );
  }
  const reason = state?.kind === "unreadable" ? state.reason : "it is no folder";
  return new HoldfastError(
    "repository-unsupported",
    `repository "${name}" cannot be used: ${location}: ${reason}`,
    { hint: "name a folder on a btrfs" },
  );
}
