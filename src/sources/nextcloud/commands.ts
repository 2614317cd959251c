// Knows: the commands that keep files as they are. Pure. Must not know: when they are run.
import type { Command, CommandResult } from "../../hosts/host.ts";

const plainWords = { LC_ALL: "C" };

function reads(...argv: Command["argv"]): Command {
  return { argv, env: plainWords, effect: "reads" };
}

function writes(...argv: Command["argv"]): Command {
  return { argv, env: plainWords, effect: "writes" };
}

/** The kind of file system that a path is on, such as "btrfs". */
export function fileSystemCommand(path: string): Command {
  return reads("stat", "-f", "-c", "%T", "--", path);
}

/** The number and the device of each of these paths, one a line. */
export function inodesCommand(paths: readonly string[]): Command {
  return reads("stat", "-c", "%i %d", "--", ...paths);
}

/** What its clock says: milliseconds since 1970. */
export const clockCommand: Command = reads("date", "+%s%3N");

/** Where everything really is, one after another, each followed by a zero byte. What does not exist yet may be named. */
export function realPathsCommand(paths: readonly string[]): Command {
  return reads("realpath", "--canonicalize-missing", "--zero", "--", ...paths);
}

export const mountsCommand: Command = reads("cat", "/proc/self/mountinfo");

/** The first subvolume that is nested in a folder, followed by a zero byte. Other file systems are not entered. */
export function nestedSubvolumeCommand(folder: string): Command {
  const tests = ["-mindepth", "1", "-type", "d", "-inum", "256"];
  return reads("find", folder, "-xdev", ...tests, "-print0", "-quit");
}

/** Some file with content, followed by a zero byte. */
export function anyFileCommand(folder: string): Command {
  return reads("find", folder, "-xdev", "-type", "f", "-size", "+0c", "-print0", "-quit");
}

/** What is in a folder, each name followed by a zero byte. */
export function namesCommand(folder: string): Command {
  return reads("find", folder, "-mindepth", "1", "-maxdepth", "1", "-printf", "%f\\0");
}

/** Which of the things in a folder of a btrfs are subvolumes, each name followed by a zero byte. */
export function subvolumesCommand(folder: string): Command {
  const tests = ["-mindepth", "1", "-maxdepth", "1", "-inum", "256"];
  return reads("find", folder, ...tests, "-printf", "%f\\0");
}

/** Bytes that folders take up on disk: a line for each. */
export function usageCommand(paths: readonly string[]): Command {
  // Files vanish while it counts.
  return { ...reads("du", "--summarize", "--block-size=1", "--", ...paths), okExits: [0, 1] };
}

/** What a symbolic link says; nothing where there is none. */
export function readLinkCommand(link: string): Command {
  return { ...reads("readlink", "--no-newline", "--", link), okExits: [0, 1] };
}

/** Makes a symbolic link that must not exist yet. */
export function linkCommand(text: string, link: string): Command {
  return writes("ln", "--symbolic", "--no-target-directory", "--", text, link);
}

/** A private folder, with the folders above it. */
export function makeFolderCommands(folder: string): readonly Command[] {
  return [
    writes("mkdir", "--parents", "--mode=0700", "--", folder),
    writes("chmod", "0700", "--", folder),
  ];
}

export function writeFileCommand(file: string, text: string): Command {
  return { ...writes("dd", `of=${file}`, "status=none"), stdin: text };
}

export function touchCommand(file: string): Command {
  return writes("touch", "--", file);
}

/** Removes files and folders with what is in them, but nothing that is mounted there. */
export function removeCommand(paths: readonly string[]): Command {
  return writes("rm", "--recursive", "--force", "--one-file-system", "--", ...paths);
}

/** A read-only snapshot. `to` must not exist: else it would be made in it. */
export function snapshotCommand(from: string, to: string): Command {
  return writes("btrfs", "subvolume", "snapshot", "-r", "--", from, to);
}

/** Removes subvolumes, and waits until that cannot be undone by a power cut. */
export function deleteSubvolumesCommand(paths: readonly string[]): Command {
  return writes("btrfs", "subvolume", "delete", "--commit-after", "--", ...paths);
}

/** Writes to the disk what the file system of a path still keeps in memory. */
export function flushCommand(path: string): Command {
  return writes("sync", "--file-system", "--", path);
}

/** A copy that shares all blocks with its original. Fails where that cannot be. */
export function reflinkCommand(from: string, to: string): Command {
  return writes(...copyWords("always"), from, to);
}

// Of a longer text only the end is kept: what else went wrong may be gone from it.
const longestText = 60_000;

/** Whether a copy failed for nothing but files that were removed before their turn came. */
export function hasOnlyVanished({
  exitStatus,
  stderr,
}: Pick<CommandResult, "exitStatus" | "stderr">): boolean {
  if (exitStatus !== 1 || stderr.length > longestText) return false;
  const lines = stderr.split("\n").filter((line) => line !== "");
  return lines.length > 0 && lines.every((line) => vanished.test(line));
}

// A file that was replaced while it was copied is left out as well, and is none of these: it is there.
const vanished = /^cp: cannot (stat|access|open) .*: No such file or directory$/;

/** A copy that shares blocks where it can. */
export function copyCommand(from: string, to: string): Command {
  return writes(...copyWords("auto"), from, to);
}

function copyWords(reflink: "always" | "auto") {
  return ["cp", "--archive", `--reflink=${reflink}`, "--no-target-directory", "--"] as const;
}

// Given the name of a file that is missing, flock would make an empty one.
const locking = `exec 9<"$1" || exit
if command -v flock >/dev/null; then flock --shared --wait 20 9 || exit; fi
shift
exec "$@"`;

/** Copies while nobody rewrites config.php: Nextcloud does so in place, under this lock. */
export function underConfigLock(config: string, command: Command): Command {
  return { ...command, argv: ["sh", "-c", locking, "sh", `${config}/config.php`, ...command.argv] };
}

/** Brings a copy up to date: `from` and `to` are both folders, or both files. */
export function synchroniseCommand(
  from: string,
  to: string,
  kind: "folder" | "file" = "folder",
): Command {
  const slash = kind === "folder" ? "/" : "";
  return {
    ...writes(
      "rsync",
      "--archive",
      "--hard-links",
      "--acls",
      "--xattrs",
      "--numeric-ids",
      "--sparse",
      "--delete",
      // Else a file that has changed within the second in which it was copied would pass for unchanged.
      "--modify-window=-1",
      "--",
      `${from}${slash}`,
      `${to}${slash}`,
    ),
    // 24: files vanished while it looked.
    okExits: [0, 24],
  };
}
