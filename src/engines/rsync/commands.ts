// Knows: which command does what to the folders of a repository. Must not know: when, and how rsync copies (transfer).
import { posix } from "node:path";
import type { Command } from "../../hosts/host.ts";
import { folderOf, hiddenFolderOf, type Places } from "./layout.ts";
import { recordText, type Record } from "./record.ts";

type Argv = Command["argv"];

function reads(...argv: Argv): Command {
  return { argv, env: { LC_ALL: "C" }, effect: "reads" };
}

function writes(...argv: Argv): Command {
  return { argv, env: { LC_ALL: "C" }, effect: "writes" };
}

const entryFormat = String.raw`%H\0%P\0%y\0%l\0%i\0`;

/**
 * Looks at a repository with snapshots and prints all records: what `standingOf` and `recordsIn` read. Exit
 * status 1: one of the folders is missing.
 */
export function lookCommand({ root, snapshots, records }: Places): Command {
  const below = ["-mindepth", "1", "-maxdepth", "1"];
  const isRecord = ["-path", `${literalPattern(records)}/*`];
  const print = ["-name", "*.json", "-exec", "cat", "--", "{}", "+"];
  // What may be written to: not a read-only subvolume, not even by root.
  const w = ["(", "-writable", "-printf", String.raw`w\0`, "-o", "-printf", String.raw`-\0`, ")"];
  const show = ["-printf", entryFormat, ...w];
  const either = ["(", ...isRecord, ...print, ")", "-o", "!", ...isRecord, ...show];
  return { ...reads("find", "-H", root, snapshots, records, ...below, ...either), okExits: [0, 1] };
}

/** Prints the record of a mirror without snapshots. */
export function mirrorRecordCommand({ mirrorRecord }: Places): Command {
  return { ...reads("cat", "--", mirrorRecord), okExits: [0, 1] };
}

/** Writes the record of a snapshot that is not visible yet. What is cut off counts for none. */
export function recordCommand({ records }: Places, record: Record): Command {
  const path = posix.join(records, `${record.id}.json`);
  return { ...writes("dd", `of=${path}`, "status=none"), stdin: recordText(record) };
}

/** Writes the record of a mirror anew, whole or not at all. */
export function mirrorRecordCommands({ mirrorRecord }: Places, record: Record): readonly Command[] {
  const next = `${mirrorRecord}.new`;
  return [
    { ...writes("dd", `of=${next}`, "conv=fsync", "status=none"), stdin: recordText(record) },
    writes("mv", "-fT", "--", next, mirrorRecord),
  ];
}

/**
 * Adds what is known now to the record of a mirror, of which the last line counts. The folder keeps the
 * time of the source so, which a new file in it would change. A line that an earlier try left cut off
 * is ended first, and what is added is on the disk before any file changes.
 */
export function appendRecordCommand({ mirrorRecord }: Places, record: Record): Command {
  return {
    ...writes("dd", `of=${mirrorRecord}`, "oflag=append", "conv=notrunc,fsync", "status=none"),
    stdin: `\n${recordText(record)}`,
  };
}

/** Forgets what is known of a mirror without snapshots; its files stay. */
export function forgetMirrorCommand({ mirrorRecord }: Places): Command {
  return writes("truncate", "-s", "0", "--", mirrorRecord);
}

/** Makes `latest` lead to a snapshot, or nowhere yet. At no moment is there no link. */
export function latestCommands({ latest, nextLatest }: Places, id?: string): readonly Command[] {
  return [
    writes("ln", "-sfn", "--", id === undefined ? "/dev/null" : `snapshots/${id}`, nextLatest),
    writes("mv", "-fT", "--", nextLatest, latest),
  ];
}

/** What makes an empty repository. What says that it is there comes last. */
export function initCommands(places: Places): readonly Command[] {
  const { layout, root, records, staging, snapshots, mirrorRecord } = places;
  switch (layout) {
    case "none":
      return [writes("mkdir", "-p", "--", root), writes("touch", "--", mirrorRecord)];
    case "hard-links":
      return [
        writes("mkdir", "-p", "--", records),
        ...latestCommands(places),
        writes("mkdir", "-p", "--", snapshots),
      ];
    case "btrfs":
      return [
        writes("mkdir", "-p", "--", records),
        writes("btrfs", "subvolume", "create", staging),
        ...latestCommands(places),
        writes("mkdir", "-p", "--", snapshots),
      ];
  }
}

export function makeFolderCommand(path: string): Command {
  return writes("mkdir", "-p", "--", path);
}

/**
 * Takes from an unfinished snapshot what it shares with others: if only the owner of such a file had
 * changed since, rsync would change it there too. What was copied stays.
 */
export function unshareCommand({ partial }: Places): Command {
  return writes("find", partial, "!", "-type", "d", "-links", "+1", "-delete");
}

/** Makes a complete snapshot visible. */
export function revealCommand(places: Places, id: string): Command {
  return writes("mv", "-T", "--", places.partial, folderOf(places, id));
}

export function subvolumeSnapshotCommand(places: Places, from: string, id: string): Command {
  return writes("btrfs", "subvolume", "snapshot", "-r", from, folderOf(places, id));
}

/** Everything written so far is on the disk when it ends. */
export function syncCommand({ root }: Places): Command {
  return writes("sync", "-f", "--", root);
}

/** Lists what is directly in a folder, each name ended by NUL. */
export function namesCommand(folder: string): Command {
  return reads(
    "find",
    "-H",
    folder,
    "-mindepth",
    "1",
    "-maxdepth",
    "1",
    "-printf",
    String.raw`%f\0`,
  );
}

/** Removes files and folders. */
export function removeCommand(paths: readonly string[]): Command {
  return writes("rm", "-rf", "--one-file-system", "--", ...paths);
}

/**
 * Lets the owner of folders delete what is in them. Only folders: files may be shared with other
 * snapshots.
 */
export function unlockCommand(paths: readonly string[]): Command {
  const locked = ["-type", "d", "!", "-perm", "-u=rwx"];
  return writes("find", ...paths, ...locked, "-exec", "chmod", "u+rwx", "--", "{}", ";");
}

/** Hides snapshots, so that none is listed that is half deleted. */
export function hideCommands(places: Places, ids: readonly string[]): readonly Command[] {
  const folders = ids.map((id) => folderOf(places, id));
  return [makeFolderCommand(places.deleted), writes("mv", "-t", places.deleted, "--", ...folders)];
}

/**
 * Hides a snapshot of a subvolume where it is: while it is read-only it cannot be moved to another folder.
 * Otherwise one would be listed that can be written to, when something interrupts its deletion.
 */
export function hideSubvolumeCommand(places: Places, id: string): Command {
  return writes("mv", "-T", "--", folderOf(places, id), hiddenFolderOf(places, id));
}

/** Deletes a hidden snapshot of a subvolume. Only root could delete one that is read-only. */
export function deleteSubvolumeCommands(places: Places, id: string): readonly Command[] {
  const path = hiddenFolderOf(places, id);
  return [
    writes("btrfs", "property", "set", "-ts", path, "ro", "false"),
    writes("btrfs", "subvolume", "delete", path),
  ];
}

/** Removes the records of snapshots. */
export function removeRecordsCommand({ records }: Places, ids: readonly string[]): Command {
  return writes("rm", "-f", "--", ...ids.map((id) => posix.join(records, `${id}.json`)));
}

const foundFormat = String.raw`%H\0%P\0%s\0%T@\0`;

/** Finds, below these folders, what has a name. */
export function findNamesCommand(folders: readonly string[], pattern: string): Command {
  return reads("find", "-H", ...folders, "-name", pattern, "-printf", foundFormat);
}

/** Of these paths, those that exist. */
export function findPathsCommand(paths: readonly string[]): Command {
  return { ...reads("find", ...paths, "-maxdepth", "0", "-printf", foundFormat), okExits: [0, 1] };
}

/** Finds, below one folder, what has one of these paths, in which `*` and `?` fit anything. */
export function findPatternCommand(folder: string, patterns: readonly string[]): Command {
  const paths = patterns.map((pattern) => `${literalPattern(folder)}/${pattern}`);
  const any = paths.flatMap((path) => ["-o", "-path", path]).slice(1);
  return reads("find", "-H", folder, "(", ...any, ")", "-printf", foundFormat);
}

/** Lists all files below a folder, each path ended by NUL. */
export function filesCommand(folder: string): Command {
  return reads("find", "-H", folder, "-type", "f", "-printf", String.raw`%P\0`);
}

function literalPattern(path: string): string {
  return path.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
}
