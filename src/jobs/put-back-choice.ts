// Knows: which application of a job is meant to be put back, and from which snapshots. Must not know: how it is put back.
import type { Job } from "../config/config.ts";
import type { Repository } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import type { PlacedSource, Source } from "../sources/source.ts";
import { chooseSnapshots } from "./choose-snapshots.ts";
import {
  configuredJob,
  hostOf,
  noLedger,
  openSource,
  placesOfVolumes,
  repositoriesOf,
} from "./open.ts";
import type { Program } from "./program.ts";
import type { Reach } from "./reach.ts";

/** What a person said about it. */
export interface ApplicationChoice {
  readonly job: string;
  readonly snapshot: string;
  /** Which of several applications of the job, as the configuration calls it. */
  readonly source?: string;
}

/** The applications of a job that can be put back, as the configuration calls them. */
export function applicationsOf(program: Program, name: string): readonly string[] {
  return reinstatable(program, configuredJob(program, name)).map(({ spec }) => spec.label);
}

/** A source, and the repository that keeps it. */
export interface Held {
  readonly repository: Repository;
  readonly source: Source;
  readonly reach: Reach;
}

/** The snapshots that a choice means, of those that hold the source. Throws `snapshot-missing`. */
export async function snapshotsOf(
  { repository, source, reach }: Held,
  choice: ApplicationChoice & { readonly now: Date },
  signal: AbortSignal,
): Promise<readonly Snapshot[]> {
  const all = await repository.snapshots(reach.identity, signal);
  const chosen = chooseSnapshots(all, choice);
  // Of a job that makes a snapshot for each of its sources, those of this one are enough.
  const own = chosen.filter(({ paths = [] }) =>
    paths.some((path) => source.paths.some((each) => isWithin(path, each))),
  );
  return own.length > 0 ? own : chosen;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Which of the job's sources can be put back by themselves. */
function reinstatable(program: Program, job: Job): readonly PlacedSource[] {
  const context = { volumes: placesOfVolumes(program), ledger: noLedger };
  return job.sources.filter(
    (placed) => openSource(program, placed, context).reinstate !== undefined,
  );
}

/**
 * The one application that is meant. Throws `unknown-name` unless it is one, and `repository-unsupported` where
 * it is on another machine.
 */
export function chosenSource(
  program: Program,
  job: Job,
  { source }: ApplicationChoice,
): PlacedSource {
  const all = reinstatable(program, job);
  const labels = all.map(({ spec }) => spec.label).join(", ");
  const chosen = source === undefined ? all : all.filter(({ spec }) => spec.label === source);
  const [only, ...others] = chosen;
  if (only !== undefined && others.length === 0) {
    if (hostOf(program, only.place).remote !== undefined) throw elsewhere(program, only);
    return only;
  }
  const message =
    source === undefined
      ? `job "${job.name}" has ${all.length} applications that could be put back`
      : `job "${job.name}" has no application "${source}" that could be put back`;
  throw new HoldfastError("unknown-name", message, { hint: `name one with --source: ${labels}` });
}

/** The repository of the job that is meant. Throws `unknown-name`. */
export function repositoryOf(job: Job, from: string | undefined): string {
  const all = repositoriesOf(job);
  const name = from ?? job.repository;
  if (all.includes(name)) return name;
  throw new HoldfastError("unknown-name", `job "${job.name}" has no repository "${name}"`, {
    hint: `its repositories are: ${all.join(", ")}`,
  });
}

function elsewhere(program: Program, { spec, place }: PlacedSource): HoldfastError {
  const { name } = hostOf(program, place);
  return new HoldfastError(
    "repository-unsupported",
    `${spec.label} is on host "${name}", and an application is put back by a holdfast on its own machine`,
    {
      hint: `run this there, with a configuration that names the same repository; or restore with --target DIRECTORY, bring that over with rsync -aHAX --numeric-ids, and follow docs/guides/restore.md`,
    },
  );
}
