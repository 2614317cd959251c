// Knows: what `init` is about, and how it is said of each thing what became of it. Must not know: whether anything is made.
import { join } from "node:path";
import type { Repository } from "../engines/engine.ts";
import type { Host } from "../hosts/host.ts";
import { showCommand, showLineOn } from "../hosts/show-command.ts";
import { exitStatusOf, HoldfastError } from "../kernel/errors.ts";
import type { Ledger } from "../kernel/ledger.ts";
import { markerName } from "../volumes/marker.ts";
import type { VolumeAway } from "../volumes/volume.ts";
import {
  configuredJob,
  hostOf,
  openRepository,
  placedRepository,
  repositoriesOf,
  type VolumePaths,
} from "./open.ts";
import type { Program } from "./program.ts";
import type { InitReport } from "./report.ts";

/** A repository, and the one that it will receive copies of. */
export interface ToInit {
  readonly name: string;
  readonly from: string | undefined;
}

/** The repositories of these jobs, in the order in which they can be made. */
export function repositoriesOfJobs(program: Program, jobs: readonly string[]): readonly ToInit[] {
  return jobs.flatMap((name) => {
    const job = configuredJob(program, name);
    return repositoriesOf(job).map((repository) => ({
      name: repository,
      from: repository === job.repository ? undefined : job.repository,
    }));
  });
}

/** A repository that can be made. */
export interface OpenedPair {
  readonly repository: Repository;
  /** Made without the first one it would store anew what it has: that cannot be mended later. */
  readonly from?: Repository;
}

/** Opens a repository and the one before it. Throws `volume-away` when either is not there. */
export function openPair(
  program: Program,
  { name, from }: ToInit,
  access: { readonly volumes: VolumePaths; readonly ledger?: Ledger },
): OpenedPair {
  const repository = openRepository(program, name, access);
  return from === undefined
    ? { repository }
    : { repository, from: openRepository(program, from, access) };
}

/** Where a repository is, and the commands that make it. */
export function whatIsMade(
  program: Program,
  name: string,
  { repository, from }: OpenedPair,
): Pick<InitReport, "path" | "commands"> {
  const { place, spec } = placedRepository(program, name);
  const host = hostOf(program, place);
  const planned = { verb: "init", ...(from === undefined ? {} : { from }) } as const;
  const commands = repository.preview(planned).map((command) => onHost(host, showCommand(command)));
  // An address of a service may hold a password.
  const isPath = place.volume !== undefined || spec.localPath !== undefined;
  return { commands, ...(isPath ? { path: pathOn(host, repository.location) } : {}) };
}

/** The marker of a volume, and the command that makes it. */
export function markerOf(
  program: Program,
  name: string,
  path: string,
): Pick<InitReport, "path" | "commands"> {
  const host = program.hosts.get(program.config.volumes.get(name)?.host);
  const marker = join(path, markerName);
  return { path: pathOn(host, marker), commands: [markCommand(host, marker)] };
}

function markCommand(host: Host, marker: string): string {
  return onHost(host, showCommand({ argv: ["touch", "--", marker], effect: "writes" }));
}

function onHost(host: Host, line: string): string {
  return host.remote === undefined ? line : showLineOn(host, line);
}

function pathOn(host: Host, path: string): string {
  return host.remote === undefined ? path : `${host.name}:${path}`;
}

/** Remembers that a volume has been marked. */
export function markedBefore(name: string): string {
  return `volume-marked:${name}`;
}

/**
 * A volume gets its marker once. What has lost it is most likely the folder below a drive that is not
 * mounted: marked as well, it would be taken for the drive from then on.
 */
export function lostMarker(program: Program, name: string, { reason }: VolumeAway): HoldfastError {
  const spec = program.config.volumes.get(name);
  const host = program.hosts.get(spec?.host);
  const command = markCommand(host, join(spec?.path ?? "", markerName));
  return new HoldfastError("volume-away", `it was marked before, but ${reason}`, {
    hint: `mount it; a new drive that takes its place is marked with: ${command}`,
  });
}

/**
 * What is away now, or on a machine that does not answer, is said and left for another time. What fails
 * is said as well, and the rest is made. An interruption ends it all.
 */
export async function attempted(
  thing: Pick<InitReport, "kind" | "name">,
  make: () => Promise<Omit<InitReport, "kind" | "name" | "away">>,
): Promise<InitReport> {
  const subject = `${thing.kind} ${thing.name}`;
  try {
    const made = await make();
    return { ...thing, ...made, away: false, message: `${subject} ${made.message}` };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { code } = error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    const away = laterCodes.has(code);
    const failure = away ? {} : { code, exitStatus: exitStatusOf(error) };
    const what = away ? "is left for later" : "could not be made";
    const message = `${subject} ${what}: ${error.message}`;
    return { ...thing, created: false, away, message, ...hint, ...failure };
  }
}

const laterCodes: ReadonlySet<string> = new Set(["volume-away", "host-unreachable"]);
