// Knows: which command btrfs wants for which act. Must not know: when it is run, and what it answers.
import { posix } from "node:path";
import type { Command } from "../../hosts/host.ts";
import type { Options } from "./options.ts";

/** How btrfs is started. */
export type Setting = Pick<Options, "program" | "sudo">;

/** Every subvolume of the file system that a folder is on, with its ids. */
export function listAllCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "reads", ["subvolume", "list", "-c", "-p", "-u", "-q", "-R", "--", path]);
}

/** The read-only ones. */
export function listReadOnlyCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "reads", ["subvolume", "list", "-r", "--", path]);
}

/** Those that are snapshots of another one, with the time when they were made. */
export function listTimesCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "reads", ["subvolume", "list", "-s", "--", path]);
}

/** The number of the subvolume that a path is in, or is. */
export function subvolumeIdCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "reads", ["inspect-internal", "rootid", "--", path]);
}

/** All that is known of one subvolume. */
export function showCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "reads", ["subvolume", "show", "--", path]);
}

/** The names of the subvolumes in a folder, each followed by a zero byte. */
export function namesCommand(folder: string, which: "all" | "read-only" = "all"): Command {
  // The folder at the top of a subvolume has this number; of a read-only one it cannot be written by anyone.
  const tests = ["-inum", "256", ...(which === "all" ? [] : ["!", "-writable"])];
  const bounds = ["-mindepth", "1", "-maxdepth", "1"];
  return {
    argv: ["find", folder, ...bounds, ...tests, "-printf", "%f\\0"],
    effect: "reads",
  };
}

/** The kind of file system that a path is on, such as "btrfs", and the number that it has there. */
export function fileSystemCommand(path: string): Command {
  return { argv: ["stat", "-f", "-c", "%T %i", "--", path], effect: "reads" };
}

/** Makes the folder of a repository. */
export function makeFolderCommand(folder: string): Command {
  return { argv: ["mkdir", "-p", "--", folder], effect: "writes" };
}

/** A snapshot, read-only unless it is to be used. `to` must not exist: else it would be made inside it. */
export function snapshotCommand(
  setting: Setting,
  { from, to, writable = false }: { from: string; to: string; writable?: boolean },
): Command {
  const readOnly = writable ? [] : ["-r"];
  return btrfs(setting, "writes", ["subvolume", "snapshot", ...readOnly, "--", from, to]);
}

/** An empty subvolume: as a folder is made where only btrfs may be run by sudo. */
export function createCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "writes", ["subvolume", "create", "--", path]);
}

/** Removes subvolumes, and waits until that cannot be undone by a power cut. The last may hold the others. */
export function deleteCommand(setting: Setting, paths: readonly string[]): Command {
  return btrfs(setting, "writes", ["subvolume", "delete", "--commit-after", "--", ...paths]);
}

/** Makes a snapshot writable: only then can a user who is not root delete it. */
export function makeWritableCommand(setting: Setting, path: string): Command {
  // -f: it loses its Received UUID, which nobody will need any more.
  return btrfs(setting, "writes", ["property", "set", "-f", "-t", "subvol", path, "ro", "false"]);
}

/** One snapshot, and the one that it is told as a difference to. */
export interface Sent {
  readonly path: string;
  readonly parent?: string;
  readonly compressedData: boolean;
}

/** Writes a snapshot to standard output. It changes nothing, but only a copy has use for it. */
export function sendCommand(setting: Setting, { path, parent, compressedData }: Sent): Command {
  const protocol = compressedData ? ["--proto", "2", "--compressed-data"] : [];
  const difference = parent === undefined ? [] : ["-p", parent];
  return btrfs(setting, "writes", ["send", "-q", ...protocol, ...difference, "--", path]);
}

/** Reads a snapshot from standard input, into a folder. Says on standard error what it writes. */
export function receiveCommand(setting: Setting, folder: string): Command {
  return btrfs(setting, "writes", ["receive", "-v", "--", folder]);
}

/** Waits until the space of deleted subvolumes is free. */
export function reclaimCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "writes", ["subvolume", "sync", "--", path]);
}

/** Gives a folder another name beside its old one. */
export function renameCommand(from: string, to: string): Command {
  return {
    argv: ["mv", "--no-clobber", "--no-target-directory", "--", from, to],
    effect: "writes",
  };
}

/** What the last scrub of a file system found. */
export function scrubStatusCommand(setting: Setting, path: string): Command {
  return btrfs(setting, "reads", ["scrub", "status", "-R", "--", path]);
}

/** The version of btrfs. */
export function versionCommand(setting: Setting): Command {
  return btrfs({ ...setting, sudo: false }, "reads", ["--version"]);
}

/** What the kernel can send and receive: prints a number from Linux 5.16 on. */
export const kernelProtocolCommand: Command = {
  argv: ["cat", "/sys/fs/btrfs/features/send_stream_version"],
  effect: "reads",
  okExits: [0, 1],
};

/** Where a repository keeps the snapshot of this name. */
export function snapshotPath(location: string, name: string): string {
  return posix.join(location, name);
}

function btrfs(
  { program, sudo }: Setting,
  effect: Command["effect"],
  args: readonly string[],
): Command {
  return {
    argv: sudo ? ["sudo", "-n", program, ...args] : [program, ...args],
    effect,
    env: plainAnswers,
  };
}

// Times in what it prints are local ones, without saying where.
const plainAnswers = { LC_ALL: "C", TZ: "UTC" };
