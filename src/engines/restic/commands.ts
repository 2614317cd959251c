// Knows: which command restic wants for which verb. Must not know: how it is run, and what it answers.
import type { Command } from "../../hosts/host.ts";
import type { CheckLevel, RestoreRequest, Selection } from "../engine.ts";
import { tagsOf } from "./series.ts";
import { hasRestCredentials, type Options } from "./options.ts";

/** What every command needs to know of its repository. */
export interface Setting {
  readonly options: Options;
  readonly location: string;
  /** The host name that snapshots are recorded under. */
  readonly machine: string;
}

/** Creates a repository; with `from` so that data copied from there is shared. */
export function initCommand(setting: Setting, from?: Setting): Command {
  const chunker = from === undefined ? [] : ["--copy-chunker-params", ...fromRepository(from)];
  return command(setting, "init", { effect: "writes", args: chunker, from });
}

/** Succeeds where there is a repository that the password opens. */
export function probeCommand(setting: Setting): Command {
  return command(setting, "cat", { effect: "reads", args: ["--no-lock", "config"] });
}

/**
 * Lists snapshots. Without a lock, so that a repository can be looked at while it is pruned, and on
 * a disk that is mounted read-only: a snapshot is one file, there or not.
 */
export function snapshotsCommand(setting: Setting): Command {
  return command(setting, "snapshots", { effect: "reads", args: ["--no-lock"] });
}

/** What one `restic backup` saves. */
export interface BackupScope {
  readonly job: string;
  readonly paths: readonly string[];
  readonly selection: Selection;
  readonly labels: readonly string[];
  readonly full: boolean;
}

// The kernel takes 128 KiB for one argument and 2 MiB for all; beyond this paths go by standard input.
const pathsInArgv = 64 * 1024;

/** Saves paths as one snapshot. Exit status 3 is not of this command: some files were unreadable. */
export function backupCommand(setting: Setting, scope: BackupScope): Command {
  const { options, machine } = setting;
  const tags = tagsOf(scope.job, [...options.tags, ...scope.labels]);
  const args = [
    "--host",
    machine,
    ...tags.flatMap((tag) => ["--tag", tag]),
    ...(scope.full ? ["--force"] : []),
    ...flag("--compression", options.compression),
    ...flag("--read-concurrency", options["read-concurrency"]),
    ...packSize(options),
    ...exclusions(scope.selection),
  ];
  const okExits = [0, 3];
  const inArgv = scope.paths.reduce((length, path) => length + path.length, 0) <= pathsInArgv;
  return inArgv
    ? command(setting, "backup", {
        effect: "writes",
        okExits,
        args: [...args, "--", ...scope.paths],
      })
    : command(setting, "backup", {
        effect: "writes",
        okExits,
        args: [...args, "--files-from-raw", "-"],
        stdin: scope.paths.map((path) => `${path}\0`).join(""),
      });
}

function exclusions(selection: Selection): readonly string[] {
  const i = selection.ignoreCase ? "i" : "";
  return [
    ...selection.exclude.flatMap((pattern) => [`--${i}exclude`, pattern]),
    ...selection.excludeFiles.flatMap((file) => [`--${i}exclude-file`, file]),
    ...selection.excludeIfPresent.flatMap((marker) => ["--exclude-if-present", marker]),
    ...flag("--exclude-larger-than", selection.excludeLargerThanBytes),
    ...(selection.oneFileSystem ? ["--one-file-system"] : []),
  ];
}

/** Receives snapshots of another repository: as many commands as their ids need. */
export function copyCommands(
  setting: Setting,
  from: Setting,
  ids: readonly string[],
): readonly Command[] {
  const args = [
    ...fromRepository(from),
    ...flag("--compression", setting.options.compression),
    ...packSize(setting.options),
  ];
  return portions(ids).map((portion) =>
    command(setting, "copy", { effect: "writes", args: [...args, "--", ...portion], from }),
  );
}

/** Drops snapshots: as many commands as their ids need. */
export function forgetCommands(setting: Setting, ids: readonly string[]): readonly Command[] {
  return portions(ids).map((portion) =>
    // Exit status 3, from 0.19 on: some could not be removed; the output names them in all versions.
    command(setting, "forget", { effect: "writes", okExits: [0, 3], args: ["--", ...portion] }),
  );
}

/** Gives back the space of what no snapshot needs. */
export function pruneCommand(setting: Setting): Command {
  const { options } = setting;
  const args = [...flag("--max-unused", options["max-unused"]), ...packSize(options)];
  return command(setting, "prune", { effect: "writes", args });
}

/** Looks for damage. Exit status 1 is also that of a repository with errors: the output tells. */
export function checkCommand(setting: Setting, { readData }: CheckLevel): Command {
  const whole = readData !== undefined && Number.parseFloat(readData) === 100;
  const data = whole ? ["--read-data"] : flag("--read-data-subset", readData);
  // It takes a lock, and so writes.
  return command(setting, "check", { effect: "writes", args: data });
}

/** Writes a snapshot into a directory. */
export function restoreCommand(setting: Setting, request: RestoreRequest): Command {
  const includes = request.include.flatMap((path) => ["--include", literalPattern(path)]);
  return command(setting, "restore", {
    effect: "writes",
    args: ["--target", request.target, ...includes, "--", request.snapshot],
  });
}

/** The same without a lock, for a repository that cannot be written. */
export function withoutLock({ argv, ...rest }: Command): Command {
  const [program, ...args] = argv;
  return { ...rest, argv: [program, "--no-lock", ...args] };
}

/** Searches snapshots for a path; without ids all of them. */
export function findCommand(setting: Setting, pattern: string, ids: readonly string[]): Command {
  const scope = ids.flatMap((id) => ["--snapshot", id]);
  return command(setting, "find", {
    effect: "reads",
    args: ["--no-lock", ...scope, "--", pattern],
  });
}

/** Names the locks, one a line. */
export function listLocksCommand(setting: Setting): Command {
  return command(setting, "list", { effect: "reads", args: ["--no-lock", "locks"] });
}

/** Shows one lock. */
export function showLockCommand(setting: Setting, id: string): Command {
  return command(setting, "cat", { effect: "reads", args: ["--no-lock", "lock", id] });
}

/** Removes the locks that restic itself takes for stale. Never `--remove-all`. */
export function unlockCommand(setting: Setting): Command {
  return command(setting, "unlock", { effect: "writes", args: [] });
}

/** A path as a pattern that matches nothing else. */
export function literalPattern(path: string): string {
  return path.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
}

interface Parts {
  readonly effect: Command["effect"];
  readonly args: readonly string[];
  readonly okExits?: readonly number[];
  readonly stdin?: string;
  /** The repository that is read from, whose extended options count as well. */
  readonly from?: Setting | undefined;
}

function command(setting: Setting, verb: string, parts: Parts): Command {
  const { options } = setting;
  const { effect, args, okExits, stdin, from } = parts;
  const extended = { ...from?.options.options, ...options.options };
  return {
    argv: [
      options.program,
      ...(hasRestCredentials(options) ? [] : ["--repo", setting.location]),
      verb,
      "--json",
      ...cache(options),
      ...rate("--limit-upload", options.limits.upload),
      ...rate("--limit-download", options.limits.download),
      ...flag("--cacert", options.cacert),
      ...flag("--tls-client-cert", options["tls-client-cert"]),
      ...Object.entries(extended).flatMap(([key, value]) => ["--option", `${key}=${value}`]),
      ...args,
    ],
    effect,
    // Up to 0.15 restic takes its lock away after SIGINT only.
    endSignal: "SIGINT",
    ...(okExits === undefined ? {} : { okExits }),
    ...(stdin === undefined ? {} : { stdin }),
  };
}

function fromRepository(from: Setting): readonly string[] {
  return hasRestCredentials(from.options) ? [] : ["--from-repo", from.location];
}

function cache(options: Options): readonly string[] {
  return options["no-cache"] ? ["--no-cache"] : flag("--cache-dir", options["cache-dir"]);
}

function packSize(options: Options): readonly string[] {
  const bytes = options["pack-size"];
  return bytes === undefined ? [] : ["--pack-size", String(Math.round(bytes / 1024 ** 2))];
}

function rate(name: string, bytesPerSecond: number | undefined): readonly string[] {
  // restic counts in KiB.
  return bytesPerSecond === undefined ? [] : [name, String(Math.floor(bytesPerSecond / 1024))];
}

function flag(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [name, String(value)];
}

// 500 ids of 64 digits are far below what the kernel takes.
function portions(ids: readonly string[]): readonly (readonly string[])[] {
  const size = 500;
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, index) =>
    ids.slice(index * size, (index + 1) * size),
  );
}
