// Knows: how files come out of a snapshot, and never beside the target. Must not know: who chose the snapshot.
import { existsSync, lstatSync } from "node:fs";
import { posix } from "node:path";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { RestoreRequest, RestoreResult, Work } from "../engine.ts";
import { makeTargetCommand, restoreCommand } from "./commands.ts";
import { manifestPlace, type Places, reasonAgainst, snapshotPlace } from "./layout.ts";
import { entryInLine, linesOf } from "./manifest.ts";
import { Threads } from "./threads.ts";

/** Where files come from, and who copies them. */
export interface Restoring {
  readonly places: Places;
  readonly repository: string;
  readonly host: Host;
}

/**
 * Copies a snapshot, or paths of it, into a directory. No copy shares its inode with what is stored. Files have
 * the time that the manifest tells, as in the snapshot those of the same content have one. The snapshot is
 * known to exist.
 */
export async function restoreFiles(
  restoring: Restoring,
  request: RestoreRequest,
  work: Work,
): Promise<RestoreResult> {
  const { target, snapshot } = request;
  const { host, places } = restoring;
  const { signal } = work;
  await refuseLinks(host, target, signal);
  const root = snapshotPlace(places, snapshot);
  const wanted = request.include.map((path) => ({ path, inside: insideOf(path) }));
  const absent = wanted.filter(({ inside }) => !isIn(root, inside));
  const problems = absent.map(({ path }) => `${path} is not in snapshot ${snapshot}`);
  const inside = new Set(wanted.map((each) => each.inside)).difference(
    new Set(absent.map((each) => each.inside)),
  );
  if (request.include.length > 0 && inside.size === 0) return { problems };
  if (request.include.length === 0) inside.add(".");

  work.progress({ current: `snapshot ${snapshot}` });
  await host.run(makeTargetCommand(target), signal);
  const said = await copyOut(restoring, { root, inside: [...inside], target }, signal);
  const figures = await setTimes(restoring, { snapshot, inside, target }, work);
  return { ...figures, problems: [...problems, ...said] };
}

/** Where a path is in a snapshot, however it was written. */
export function insideOf(path: string): string {
  return (
    posix
      .normalize(`./${path}`)
      .replace(/^(\.\.?\/)+/, "")
      .replace(/\/$/, "") || "."
  );
}

/** One that leads through a symbolic link is not in it: somebody put that there, and it leads elsewhere. */
function isIn(root: string, inside: string): boolean {
  if (inside === ".") return true;
  const ways = inside.split("/").map((_, index, parts) => parts.slice(0, index + 1).join("/"));
  return ways.every((way, index) => {
    const state = lstatSync(posix.join(root, way), { throwIfNoEntry: false });
    return state !== undefined && (index === ways.length - 1 || state.isDirectory());
  });
}

// So many problems are told one by one.
const toldProblems = 1000;

/** What is said about single files is the answer, the rest is restored. */
async function copyOut(
  { host }: Restoring,
  asked: Parameters<typeof restoreCommand>[0],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const said: string[] = [];
  let count = 0;
  const stderrLine = (line: string): void => {
    if (!line.startsWith("cp: ")) return;
    count += 1;
    if (said.length < toldProblems) said.push(line.slice("cp: ".length));
  };
  try {
    await host.run(restoreCommand(asked), signal, { stderrLine });
  } catch (error) {
    const byItself = error instanceof CommandFailed && error.result.signal === undefined;
    if (!byItself || count === 0) throw error;
  }
  return count === said.length ? said : [...said, `and ${count - said.length} more`];
}

/** Gives restored files their own time, and counts them. Without a manifest nothing is known of them. */
async function setTimes(
  { places, repository }: Restoring,
  asked: { snapshot: string; inside: ReadonlySet<string>; target: string },
  { signal }: Work,
): Promise<{ readonly files?: number; readonly bytes?: number }> {
  const { snapshot, inside, target } = asked;
  const manifest = manifestPlace(places, snapshot);
  if (!existsSync(manifest)) return {};
  await using threads = new Threads(repository, signal);
  let files = 0;
  let bytes = 0;
  for await (const lines of linesOf(manifest)) {
    const rows: string[] = [];
    for (const line of lines) {
      const entry = entryInLine(line);
      if (entry?.kind !== "file" || entry.refused !== undefined) continue;
      // Written by us, and yet a path is only followed when it leads nowhere else.
      if (reasonAgainst(entry.path) !== undefined || !isAmong(entry.path, inside)) continue;
      files += 1;
      bytes += entry.size;
      if (entry.modified !== undefined) rows.push(entry.path, String(entry.modified));
    }
    if (rows.length > 0) await threads.run({ work: "times", tree: target, rows: rows.join("\0") });
  }
  return { files, bytes };
}

function isAmong(path: string, inside: ReadonlySet<string>): boolean {
  if (inside.has(".") || inside.has(path)) return true;
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    if (inside.has(path.slice(0, at))) return true;
  }
  return false;
}

/** A target that holds a symbolic link could lead out of it. A new or empty one holds none. */
async function refuseLinks(host: Host, target: string, signal: AbortSignal): Promise<void> {
  const [state] = await host.inspect([target], signal);
  if (state?.kind !== "directory" || state.empty) return;
  const { stdout } = await host.run(
    { argv: ["find", target, "-type", "l", "-print", "-quit"], effect: "reads" },
    signal,
  );
  if (stdout === "") return;
  throw new HoldfastError(
    "target-invalid",
    `the target holds a symbolic link: ${stdout.trimEnd()}`,
    { hint: "restore into a new directory" },
  );
}
