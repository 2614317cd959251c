// Knows: what is to be known of a data directory before its files can be kept. Reads only. Must not know: what follows from it.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import {
  fileSystemCommand,
  inodesCommand,
  mountsCommand,
  nestedSubvolumeCommand,
} from "./commands.ts";

/** Where files are, and where they would be kept. */
export interface Ground {
  readonly host: Host;
  /** The data directory. */
  readonly data: string;
  readonly staging: string;
}

/** What is known of a data directory. */
export interface Facts {
  /** Such as "btrfs". */
  readonly fileSystem: string;
  /** The folder at the top of the subvolume of a btrfs that it is in, where that can be seen. */
  readonly subvolume?: string;
  /** What is mounted in it, or a subvolume in it: no snapshot of it holds that. */
  readonly nested?: string;
}

// The folder at the top of every subvolume has this number (BTRFS_FIRST_FREE_OBJECTID).
const topInode = "256";

/** Looks. */
export async function look({ host, data }: Ground, signal: AbortSignal): Promise<Facts> {
  const ask = async (command: Parameters<Host["run"]>[0]): Promise<string> =>
    (await host.run(command, signal)).stdout;
  const fileSystem = (await ask(fileSystemCommand(data))).trim();
  const mounted = mountsIn(await ask(mountsCommand), data)[0];
  if (fileSystem !== "btrfs") {
    return { fileSystem, ...(mounted === undefined ? {} : { nested: mounted }) };
  }
  const folders = upwards(data);
  const subvolume = topOf(folders, await ask(inodesCommand(folders)));
  const [inside = ""] = (await ask(nestedSubvolumeCommand(data))).split("\0");
  const nested = mounted ?? (inside === "" ? undefined : inside);
  return {
    fileSystem,
    ...(subvolume === undefined ? {} : { subvolume }),
    ...(nested === undefined ? {} : { nested }),
  };
}

/** A path and all folders above it, the path first. */
export function upwards(path: string): readonly string[] {
  const above = posix.dirname(path);
  return above === path ? [path] : [path, ...upwards(above)];
}

/** The first of these folders that is the top of the subvolume that the first one is in. */
export function topOf(folders: readonly string[], inodes: string): string | undefined {
  const lines = inodes
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" "));
  const device = lines[0]?.[1];
  const index = lines.findIndex(([inode]) => inode === topInode);
  // On another device: what is above is another file system, and the top is not to be seen from here.
  return index === -1 || lines[index]?.[1] !== device ? undefined : folders[index];
}

/** The places in a folder where something is mounted, as /proc/self/mountinfo says. */
export function mountsIn(mountinfo: string, folder: string): readonly string[] {
  return mountinfo
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replaceAll(/\\(\d{3})/g, unescapeOctal))
    .filter((path) => path.startsWith(`${folder}/`));
}

function unescapeOctal(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}
