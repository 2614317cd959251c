// The main job on real data: writes a small configuration, backs a folder up, lists what is there,
// restores it into a new folder and compares both byte for byte. Everything it makes is in one folder.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import { styleText } from "node:util";
import { parse } from "yaml";
import { type Comparison, compareTrees } from "./compare-trees.ts";

const clone = resolve(import.meta.dirname, "..");
const holdfast = join(clone, "bin/holdfast");
const minimumRestic = [0, 14] as const;
const job = "quickstart";

// What this script makes in its folder, or says how to make. A folder with anything else in it belongs to somebody else.
const ownNames = /^(holdfast\.yaml|restic\.key|repository|state|restored-\d+(-part)?)$/;

const usage = `npm run quickstart [-- DIR] [--into FOLDER]

Backs DIR up (default: this clone), restores it into a new folder and compares both.
All that it makes is in FOLDER (default: ~/holdfast-quickstart); DIR is only read.
`;

interface Wish {
  readonly directory: string;
  readonly into: string;
}

/** Ends with the exit status of a bad command line. */
function refuse(sentence: string, hint?: string): never {
  process.stderr.write(`error: ${sentence}\n${hint === undefined ? "" : `hint: ${hint}\n`}`);
  process.exit(2);
}

function fail(sentence: string, hint: string): never {
  process.stderr.write(`error: ${sentence}\nhint: ${hint}\n`);
  process.exit(1);
}

function heading(text: string): void {
  process.stdout.write(`\n${styleText("bold", `== ${text}`)}\n`);
}

/** What is asked for. A folder may begin with a dash; npm changes the directory that it is relative to. */
function parseArguments(given: readonly string[]): Wish {
  const from = process.env["INIT_CWD"] ?? process.cwd();
  const directories: string[] = [];
  let into = join(homedir(), "holdfast-quickstart");
  for (let index = 0; index < given.length; index += 1) {
    const argument = given[index] ?? "";
    if (argument === "--help" || argument === "-h") {
      process.stdout.write(usage);
      process.exit(0);
    } else if (argument === "--into") {
      index += 1;
      into = resolve(from, given[index] ?? refuse("--into needs a folder"));
    } else if (argument.startsWith("--into=")) into = resolve(from, argument.slice(7));
    else if (argument !== "--") directories.push(argument);
  }
  const [first, second] = directories;
  if (second !== undefined) refuse(`one folder at a time: "${first}" and "${second}" were given`);
  return { directory: existingFolder(first === undefined ? clone : resolve(from, first)), into };
}

function existingFolder(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    refuse(`there is no folder ${path}`, "name one that is there: npm run quickstart -- DIR");
  }
  return realpathSync(path);
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith("../"));
}

/** Installs restic where that is allowed, and ends where there is none that is new enough. */
function needRestic(): void {
  if (spawnSync("restic", ["version"]).error !== undefined) {
    const packages = join(clone, "scripts/system-packages.sh");
    const { status } = spawnSync("sh", [packages, "restic"], { stdio: "inherit" });
    if (status !== 0) fail("restic is missing", "install it, then start this again");
  }
  const { stdout } = spawnSync("restic", ["version"], { encoding: "utf8" });
  const [, major = 0, minor = 0] = /^restic (\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
  const [wantedMajor, wantedMinor] = minimumRestic;
  if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
    fail(
      `restic ${wantedMajor}.${wantedMinor} or newer is needed, and this is: ${stdout.trim()}`,
      "get a newer one from https://restic.net",
    );
  }
}

// restic reads these as wildcards in a pattern.
function literalPattern(path: string): string {
  return path.replaceAll(/[*?[\]\\]/g, "\\$&");
}

/** The configuration. JSON strings are YAML, and need no other care for odd names. */
function configuration({ directory, into }: Wish): string {
  const text = JSON.stringify;
  const leftOut = [
    ...leftOutNames(directory),
    ...(isInside(into, directory) ? [literalPattern(into)] : []),
  ];
  return `# Written by "npm run quickstart". It is a whole configuration: change it as you like.
version: 1
# Where Holdfast remembers what it did.
state: ${text(join(into, "state"))}

repositories:
  local:
    engine: restic
    # A folder on this disk is good for a first try and for mistakes. It is gone when the disk is gone.
    at: ${text(join(into, "repository"))}
    # Nobody can read the backups without what is in this file, you included. Keep a copy elsewhere.
    password: { file: ${text(join(into, "restic.key"))} }

jobs:
  ${job}:
    sources: [${text(directory)}]
    repository: local
    # What can be had again without a backup.
    exclude: [${leftOut.map((pattern) => text(pattern)).join(", ")}]
    # Every night at two, as soon as "holdfast daemon" or a timer runs.
    schedule: "0 2 * * *"
    keep: { last: 3, daily: 7, weekly: 4, monthly: 12 }
`;
}

/** In the clone what bootstrap and build make again; everywhere else nothing. */
function leftOutNames(directory: string): readonly string[] {
  return directory === clone ? ["node_modules", ".runtime", "dist"] : [];
}

/**
 * Makes the folder with its password and configuration; what is there already stays. Returns whether the
 * configuration is still the one that was written here.
 */
function prepare(wish: Wish): boolean {
  const { directory, into } = wish;
  const there = statSync(into, { throwIfNoEntry: false });
  if (there?.isDirectory() === false) refuse(`${into} is not a folder`);
  const stranger =
    there === undefined ? undefined : readdirSync(into).find((name) => !ownNames.test(name));
  if (stranger !== undefined) {
    refuse(`${into} is in use: there is "${stranger}" in it`, "name a new folder with --into");
  }
  mkdirSync(into, { recursive: true, mode: 0o700 });
  const key = join(into, "restic.key");
  if (!existsSync(key)) {
    const password = randomBytes(32).toString("base64url");
    writeFileSync(key, `${password}\n`, { mode: 0o600, flag: "wx", flush: true });
  }
  const file = join(into, "holdfast.yaml");
  const wanted = configuration(wish);
  if (!existsSync(file)) writeFileSync(file, wanted, { mode: 0o600, flush: true });
  const found = readFileSync(file, "utf8");
  const source: unknown = parse(found)?.jobs?.[job]?.sources?.[0];
  if (source !== directory) {
    refuse(
      `${file} backs up ${String(source)}`,
      `for ${directory} name another folder with --into`,
    );
  }
  return found === wanted;
}

/** Runs the program as a person would, and ends with its exit status when it fails. */
function run(wish: Wish, ...given: readonly string[]): number {
  heading(`holdfast ${given.map(quoted).join(" ")}`);
  const config = join(wish.into, "holdfast.yaml");
  const { status, error } = spawnSync(holdfast, ["--config", config, ...given], {
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  const warning = 3;
  if (status !== 0 && status !== warning) process.exit(status ?? 1);
  return status;
}

function newTarget(into: string): string {
  for (let number = 1; ; number += 1) {
    const target = join(into, `restored-${number}`);
    if (!existsSync(target)) return target;
  }
}

/** Prints how the restored folder compares; whether it is the same. */
function tell(comparison: Comparison): boolean {
  const { files, folders, links, bytes, differences, notCompared } = comparison;
  const shown = 20;
  for (const path of notCompared.slice(0, shown)) {
    process.stdout.write(`not compared, for it changed meanwhile or cannot be read: ${path}\n`);
  }
  if (notCompared.length > shown) {
    process.stdout.write(`… and ${notCompared.length - shown} more\n`);
  }
  for (const difference of differences.slice(0, shown)) {
    process.stdout.write(`${styleText("red", "different:")} ${difference}\n`);
  }
  const figures = [
    `${count(files, "file")} with ${count(bytes, "byte")}`,
    count(folders, "folder"),
    count(links, "symbolic link"),
  ].join(", ");
  const same = differences.length === 0;
  process.stdout.write(
    same
      ? `${styleText("green", "the same")}: ${figures}: names, contents, permissions and times\n`
      : `${styleText("red", "NOT the same")}: ${count(differences.length, "difference")} in ${figures}\n`,
  );
  return same;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function tellWhatNext({ directory, into }: Wish, target: string): void {
  const config = quoted(join(into, "holdfast.yaml"));
  const command = `${quoted(holdfast)} --config ${config}`;
  heading("what next");
  process.stdout.write(`The configuration is ${config}; what was restored is in ${quoted(target)}.

  see what a run would do, and why
    ${command} run --dry-run
  restore only a part of ${basename(directory)}, as it was at a time
    ${command} restore ${job}@latest --target ${quoted(`${target}-part`)} ${quoted(somePath(directory))}
  see whether anything stands in the way
    ${command} doctor
  begin your own: print a commented configuration with all that there is
    ${quoted(holdfast)} config example
  undo all of this
    rm -r ${quoted(into)}

README.md says how to let it run every night.
`);
}

/** Something in the folder that is in the backup, for an example. */
function somePath(directory: string): string {
  const names = readdirSync(directory).filter((name) => !leftOutNames(directory).includes(name));
  return join(directory, names.find((name) => /^readme/i.test(name)) ?? names[0] ?? "");
}

const wish = parseArguments(process.argv.slice(2));
if (isInside(wish.directory, wish.into)) {
  refuse(`${wish.directory} is in ${wish.into}, where the backup would be`);
}
needRestic();
const ours = prepare(wish);

const leftOut = ours ? leftOutNames(wish.directory) : [];
process.stdout.write(`Backing up ${wish.directory} into ${wish.into}.\n`);
if (leftOut.length > 0) {
  process.stdout.write(
    `Left out, for bootstrap and build make them again: ${leftOut.join(", ")}.\n`,
  );
}
run(wish, "init");
const since = new Date();
const status = run(wish, "run");
run(wish, "status");
run(wish, "snapshots");
const target = newTarget(wish.into);
run(wish, "restore", job, "--target", target);

heading(`compare ${wish.directory} with ${target}`);
const comparison = await compareTrees({
  original: wish.directory,
  restored: join(target, wish.directory),
  leftOutNames: new Set(leftOut),
  leftOutPaths: new Set([wish.into]),
  mayLack: !ours,
  since,
});
const same = tell(comparison);
tellWhatNext(wish, target);
process.exitCode = same ? status : 1;
