// Knows: how restic writes a snapshot into a directory, and never beside it. Must not know: who chose the snapshot.
import { posix } from "node:path";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Command, Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Progress } from "../../kernel/progress.ts";
import type { RestoreRequest, RestoreResult, Work } from "../engine.ts";
import {
  findCommand,
  literalPattern,
  restoreCommand,
  snapshotsCommand,
  withoutLock,
} from "./commands.ts";
import { isReadOnly } from "./errors.ts";
import { parseFailedItem, parseFindings, parseRestoreLine, parseSnapshots } from "./output.ts";
import type { Restic } from "./restic.ts";

// So many problems are told one by one.
const toldProblems = 1000;

/** Restores a snapshot, or paths of it. Throws `snapshot-missing`, and `target-invalid` for an unsafe target. */
export async function restoreSnapshot(
  restic: Restic,
  host: Host,
  { request, work }: { readonly request: RestoreRequest; readonly work: Work },
): Promise<RestoreResult> {
  await refuseSymbolicLinks(restic, host, { request, work });
  const problems = new Problems();
  let figures: Progress = {};
  const run = async (command: Command) =>
    await restic.run(command, {
      signal: work.signal,
      stdoutLine(line) {
        const said = parseRestoreLine(line);
        if (said === undefined) return;
        figures = said;
        work.progress(said);
      },
      stderrLine: (line) => problems.hear(line),
    });
  const command = restoreCommand(restic.setting, request);
  try {
    await run(command);
  } catch (error) {
    // A disk that cannot be written any more can still be restored from; a lock cannot be set there.
    if (isReadOnly(error) && problems.count === 0) await run(withoutLock(command));
    // The rest is restored: what is missing is said one by one.
    else if (!endedByItself(error) || problems.count === 0) throw error;
  }

  const absent = await absentPaths(restic, host, { request, work });
  // restic counts folders among the files, so there is no number of files to tell.
  const { bytesDone: bytes } = figures;
  return {
    ...(bytes === undefined ? {} : { bytes }),
    problems: [
      ...problems.told(),
      ...absent.map((path) => `${path} is not in snapshot ${request.snapshot.slice(0, 8)}`),
    ],
  };
}

function endedByItself(error: unknown): boolean {
  if (!(error instanceof HoldfastError) || !(error.cause instanceof CommandFailed)) return false;
  // One that was killed has left out more than it could say.
  return error.cause.result.signal === undefined;
}

/** Collects what could not be restored: JSON lines from 0.16 on, words before. */
class Problems {
  readonly #told: string[] = [];
  count = 0;

  hear(line: string): void {
    const failed = parseFailedItem(line);
    const words = /^ignoring error for (?<problem>.+)$/.exec(line)?.groups?.["problem"];
    const problem = failed === undefined ? words : `${failed.item}: ${failed.message}`;
    if (problem === undefined) return;
    this.count += 1;
    if (this.#told.length < toldProblems) this.#told.push(problem);
  }

  told(): readonly string[] {
    const more = this.count - this.#told.length;
    return more === 0 ? this.#told : [...this.#told, `and ${more} more`];
  }
}

interface Restoring {
  readonly request: RestoreRequest;
  readonly work: Work;
}

/** Of the paths that were asked for, those that the snapshot does not have: restic says nothing of them. */
async function absentPaths(
  restic: Restic,
  host: Host,
  { request, work }: Restoring,
): Promise<readonly string[]> {
  const { include, target, snapshot } = request;
  const literal = include.filter((path) => path.startsWith("/"));
  const states = await host.inspect(
    literal.map((path) => posix.join(target, path)),
    work.signal,
  );
  // The name of something, wherever it is, tells no place to look at.
  const unseen = [
    ...literal.filter((_, index) => states[index]?.kind === "missing"),
    ...include.filter((path) => !path.startsWith("/")),
  ];
  const absent: string[] = [];
  // A restored symbolic link that leads nowhere here looks missing too, so the snapshot is asked.
  for (const path of unseen) {
    const command = findCommand(restic.setting, literalPattern(path), [snapshot]);
    const findings = parseFindings(await restic.read(command, work.signal));
    if (findings.every(({ matches }) => matches.length === 0)) absent.push(path);
  }
  return absent;
}

/**
 * Before 0.17 restic writes through symbolic links that are in the target already, and so outside
 * it. A new or empty target has none. Another one, which a second snapshot of the same point in time
 * is restored into, must have none where this snapshot goes.
 */
async function refuseSymbolicLinks(
  restic: Restic,
  host: Host,
  { request, work }: Restoring,
): Promise<void> {
  const { signal } = work;
  const { target } = request;
  const [state] = await host.inspect([target], signal);
  if (state?.kind !== "directory" || state.empty) return;

  const listing = parseSnapshots(await restic.read(snapshotsCommand(restic.setting), signal));
  const paths = listing.find(({ id }) => id === request.snapshot)?.paths ?? [];
  const below = paths.map((path) => posix.join(target, path));
  const above = new Set(below.flatMap((path) => ancestors(path, target)));
  const states = await host.inspect(below, signal);
  const existing = below.filter((_, index) => states[index]?.kind !== "missing");
  const link =
    (await firstLink(host, [...above], { depth: 0, signal })) ??
    (await firstLink(host, existing, { signal }));
  if (link === undefined) return;
  throw new HoldfastError(
    "target-invalid",
    `the target holds a symbolic link where snapshot ${request.snapshot.slice(0, 8)} goes: ${link}`,
    { hint: "restore into a new directory" },
  );
}

/** The folders on the way from the target to a path in it. */
function ancestors(path: string, target: string): readonly string[] {
  const parent = posix.dirname(path);
  return parent === path || !parent.startsWith(`${target}/`)
    ? []
    : [...ancestors(parent, target), parent];
}

async function firstLink(
  host: Host,
  paths: readonly string[],
  { depth, signal }: { readonly depth?: number; readonly signal: AbortSignal },
): Promise<string | undefined> {
  if (paths.length === 0) return undefined;
  const limit = depth === undefined ? [] : ["-maxdepth", String(depth)];
  const { stdout } = await host.run(
    {
      argv: ["find", ...paths, ...limit, "-type", "l", "-print", "-quit"],
      effect: "reads",
      // Some of the folders may not be there yet.
      okExits: [0, 1],
    },
    signal,
  );
  return stdout === "" ? undefined : stdout.trimEnd();
}
