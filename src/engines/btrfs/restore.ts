// Knows: how files come out of a snapshot, and never beside the target. Must not know: who chose the snapshot.
import { posix } from "node:path";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Command } from "../../hosts/host.ts";
import { pipeAcross, type Stage } from "../../hosts/pipe-across.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { RestoreRequest, RestoreResult, Work } from "../engine.ts";
import { makeFolderCommand, snapshotPath } from "./commands.ts";
import { parseNames } from "./output.ts";
import type { Side } from "./side.ts";

/** Copies a snapshot, or paths of it, into a directory of this machine. The snapshot is known to exist. */
export async function restoreFiles(
  side: Side,
  request: RestoreRequest,
  work: Work,
): Promise<RestoreResult> {
  const { target, snapshot } = request;
  await refuseLinks(side, target, work.signal);
  const root = snapshotPath(side.location, snapshot);
  const wanted = request.include.map((path) => ({ path, inside: insideOf(path, request) }));
  const there = await presentIn(side, { root, wanted: wanted.map(({ inside }) => inside) }, work);
  const absent = wanted.filter(({ inside }) => !there.has(inside));
  const problems = absent.map(({ path }) => `${path} is not in snapshot ${snapshot}`);
  if (request.include.length > 0 && there.size === 0) return { problems };

  work.progress({ current: `snapshot ${snapshot}` });
  await side.here.run(makeFolderCommand(target), work.signal);
  const stages = restoreStages(side, { root, inside: [...there], target });
  const failed = await carryOver(side, stages, work.signal);
  return { problems: [...problems, ...failed] };
}

/** Where a path is in a snapshot: what was asked for as it is on the disk, or as it is inside. */
export function insideOf(path: string, { paths = [] }: Pick<RestoreRequest, "paths">): string {
  const base = paths.find((each) => path === each || path.startsWith(withSlash(each)));
  const inside = base === undefined ? path : path.slice(base.length);
  return (
    posix
      .normalize(`./${inside}`)
      .replace(/^(\.\.?\/)+/, "")
      .replace(/\/$/, "") || "."
  );
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}

/** What does it: a copy where both are on this machine, an archive that is unpacked at once elsewhere. */
export function restoreStages(
  { host, here }: Pick<Side, "host" | "here">,
  { root, inside, target }: { root: string; inside: readonly string[]; target: string },
): readonly Stage[] {
  const names = inside.map((path) => (path === "." ? "." : `./${path}`));
  if (host.remote === undefined) {
    const whole = names.length === 0 || names.includes(".");
    const what = whole ? ["--", "./."] : ["--parents", "--", ...names];
    const argv = ["cp", "--archive", "--reflink=auto", "--sparse=auto", ...what, target] as const;
    return [{ host, command: { argv: [...argv], cwd: root, effect: "writes", env: plainWords } }];
  }
  return [
    { host, command: archiveCommand(root, names.length === 0 ? ["."] : names) },
    { host: here, command: unpackCommand(target) },
  ];
}

const plainWords = { LC_ALL: "C" };
const attributes = ["--acls", "--xattrs", "--selinux", "--numeric-owner"];

function archiveCommand(root: string, names: readonly string[]): Command {
  const argv = ["tar", "--create", ...attributes, "--sparse", "--directory", root, "--file=-"];
  return { argv: ["tar", ...argv.slice(1), "--", ...names], effect: "writes", env: plainWords };
}

function unpackCommand(target: string): Command {
  const how = ["--preserve-permissions", "--same-owner", "--xattrs-include=*"];
  return {
    argv: ["tar", "--extract", ...attributes, ...how, "--directory", target, "--file=-"],
    effect: "writes",
    env: plainWords,
  };
}

// So many problems are told one by one.
const toldProblems = 1000;

/** Runs the stages; what they say about single files is the answer, the rest is restored. */
async function carryOver(
  side: Side,
  stages: readonly Stage[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const said: string[] = [];
  let count = 0;
  const stderrLine = (line: string): void => {
    if (!/^(cp|tar): /.test(line) || /socket ignored|Exiting with failure status/.test(line))
      return;
    count += 1;
    if (said.length < toldProblems) said.push(line.replace(/^(cp|tar): /, ""));
  };
  try {
    await pipeAcross(stages, { here: side.here, signal, watch: { stderrLine } });
  } catch (error) {
    const byItself = error instanceof CommandFailed && error.result.signal === undefined;
    if (!byItself || count === 0) await side.explained(() => Promise.reject(error));
  }
  return count === said.length ? said : [...said, `and ${count - said.length} more`];
}

/**
 * Which of these paths a snapshot has. One that leads through a symbolic link is not in it: the link
 * leads to somewhere else.
 */
async function presentIn(
  side: Side,
  { root, wanted }: { readonly root: string; readonly wanted: readonly string[] },
  { signal }: Work,
): Promise<ReadonlySet<string>> {
  if (wanted.length === 0) return new Set();
  const ways = new Set(wanted.flatMap(ancestorsOf));
  const links = await those(side, { root, paths: [...ways], test: ["-type", "l"] }, signal);
  const there = await those(side, { root, paths: wanted, test: [] }, signal);
  return new Set(
    wanted.filter((path) => there.has(path) && !ancestorsOf(path).some((way) => links.has(way))),
  );
}

function ancestorsOf(path: string): readonly string[] {
  const parent = posix.dirname(path);
  return parent === "." || parent === path ? [] : [...ancestorsOf(parent), parent];
}

// The kernel takes 2 MiB for all arguments.
const pathsAtOnce = 300;

async function those(
  side: Side,
  { root, paths, test }: { root: string; paths: readonly string[]; test: readonly string[] },
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let start = 0; start < paths.length; start += pathsAtOnce) {
    const some = paths.slice(start, start + pathsAtOnce).map((path) => `./${path}`);
    const argv = ["find", ...some, "-maxdepth", "0", ...test, "-printf", "%p\\0"];
    const { stdout } = await side.host.run(
      // 1: some are not there.
      { argv: ["find", ...argv.slice(1)], cwd: root, effect: "reads", okExits: [0, 1] },
      signal,
    );
    for (const name of parseNames(stdout)) found.add(name.slice(2) || ".");
  }
  return found;
}

/** A target that holds a symbolic link could lead out of it. A new or empty one holds none. */
async function refuseLinks({ here }: Side, target: string, signal: AbortSignal): Promise<void> {
  const [state] = await here.inspect([target], signal);
  if (state?.kind !== "directory" || state.empty) return;
  const argv = ["find", target, "-type", "l", "-print", "-quit"] as const;
  const { stdout } = await here.run({ argv: [...argv], effect: "reads" }, signal);
  if (stdout === "") return;
  throw new HoldfastError(
    "target-invalid",
    `the target holds a symbolic link: ${stdout.trimEnd()}`,
    {
      hint: "restore into a new directory",
    },
  );
}
