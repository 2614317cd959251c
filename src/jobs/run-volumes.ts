// Knows: which volumes a run needs, and which it can do without. Must not know: how one is attached.
import { HoldfastError } from "../kernel/errors.ts";
import type { SharedVolumes, VolumeUser } from "./attachments.ts";
import { placedRepository, repositoriesOf, volumesOf, type VolumePaths } from "./open.ts";
import type { Plan } from "./plan.ts";
import type { Program } from "./program.ts";

/** The volumes of one run. */
export interface RunVolumes {
  readonly paths: VolumePaths;
  /** Further repositories whose volume could not be attached: their steps are left out, or fail. */
  readonly unattached: ReadonlyMap<string, HoldfastError>;
}

/** Thrown when a volume without which nothing can be done went away after the look at it. */
export class GoneAway extends Error {
  readonly absence: HoldfastError;

  constructor(absence: HoldfastError) {
    super(absence.message, { cause: absence });
    this.absence = absence;
  }
}

/**
 * Attaches what a plan needs. Throws what keeps a volume of the sources or of the first repository from
 * being attached, `GoneAway` when it is not there any more.
 */
export async function attachForRun(
  program: Program,
  asked: { readonly plan: Plan; readonly volumes: SharedVolumes; readonly user: VolumeUser },
  signal: AbortSignal,
): Promise<RunVolumes> {
  const { plan, volumes, user } = asked;
  const paths = new Map<string, string>();
  for (const name of neededVolumes(program, plan)) {
    paths.set(name, await attached(name, asked, signal));
  }
  const unattached = new Map<string, HoldfastError>();
  for (const copy of copiesInUse(plan)) {
    const { volume } = placedRepository(program, copy).place;
    if (volume === undefined || paths.has(volume)) continue;
    try {
      paths.set(volume, await volumes.attach(volume, user, signal));
    } catch (error) {
      if (!(error instanceof HoldfastError) || signal.aborted) throw error;
      unattached.set(copy, error);
    }
  }
  return { paths, unattached };
}

async function attached(
  name: string,
  { volumes, user }: { readonly volumes: SharedVolumes; readonly user: VolumeUser },
  signal: AbortSignal,
): Promise<string> {
  try {
    return await volumes.attach(name, user, signal);
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "volume-away") throw new GoneAway(error);
    throw error;
  }
}

/** Without these nothing of the plan can be done. */
function neededVolumes(program: Program, { job, steps }: Plan): readonly string[] {
  const backsUp = steps.some(({ verb, action }) => verb === "backup" && action === "do");
  const sources = backsUp ? job.sources : [];
  return volumesOf([...sources, placedRepository(program, job.repository)].map(placeOf));
}

function placeOf<Place>({ place }: { readonly place: Place }): Place {
  return place;
}

/** The further repositories on which something is to be done. */
function copiesInUse({ job, steps }: Plan): readonly string[] {
  return job.copies.filter((name) =>
    steps.some(({ repository, action }) => repository === name && action === "do"),
  );
}

/** The volumes that a plan needs or can use. */
export function volumesOfPlan(program: Program, plan: Plan): readonly string[] {
  const copies = copiesInUse(plan).map((name) => placedRepository(program, name).place);
  return [...new Set([...neededVolumes(program, plan), ...volumesOf(copies)])];
}

/** All volumes that a run of this job may need. */
export function volumesOfJob(program: Program, name: string): readonly string[] {
  const job = program.config.jobs.get(name);
  if (job === undefined) return [];
  const repositories = repositoriesOf(job).map((each) => placedRepository(program, each));
  return volumesOf([...job.sources, ...repositories].map(placeOf));
}

/** All volumes that runs of these jobs may need, each once. */
export function volumesOfJobs(program: Program, names: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((name) => volumesOfJob(program, name)))];
}
