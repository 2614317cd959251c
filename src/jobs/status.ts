// Knows: how a job is doing, from the journal and a look at its volumes. Asks no repository: it must be quick.
import type { Job } from "../config/config.ts";
import type { RunRecord } from "../journal/journal.ts";
import type { VolumeState } from "../volumes/volume.ts";
import { isOverdue, nextWish } from "./due.ts";
import { observeVolumes } from "./observe.ts";
import { configuredJob, placedRepository, repositoriesOf } from "./open.ts";
import type { Program } from "./program.ts";
import type { JobStatus, RepositoryStatus } from "./report.ts";
import { neededVolumes } from "./sights.ts";

/** The state of these jobs, in their order. */
export async function jobStatus(
  program: Program,
  jobs: readonly string[],
  signal: AbortSignal,
): Promise<readonly JobStatus[]> {
  return await Promise.all(
    jobs.map(async (name) => {
      const job = configuredJob(program, name);
      const volumes = await observeVolumes(program, job, signal);
      return statusOf(program, job, volumes);
    }),
  );
}

function statusOf(
  program: Program,
  job: Job,
  volumes: ReadonlyMap<string, VolumeState>,
): JobStatus {
  const { journal } = program;
  const last =
    journal.runs({ job: job.name, limit: 20 }).find(tellsOfBackups) ?? journal.lastRun(job.name);
  const success = journal.lastRun(job.name, ["success", "warning"]);
  const due = expected(program, job, volumes);
  const waitsFor = job.schedule?.kind === "available" ? neededVolumes(program, job) : [];
  return {
    job: job.name,
    ...lastRunStatus(program, last),
    ...(success?.finished === undefined ? {} : { lastSuccess: success.finished }),
    ...(due === undefined ? {} : { nextDue: due }),
    ...(waitsFor.length === 0 ? {} : { waitsFor }),
    overdue: isOverdue(program, job),
    suspicious: [
      ...new Set(journal.unaccepted(job.name).flatMap(({ end }) => end?.suspicious ?? [])),
    ],
    repositories: repositoriesOf(job).map((name) => repositoryStatus(program, name, volumes)),
  };
}

/** When it comes next. What waits for a volume that has gone since it was last looked for does not. */
function expected(
  program: Program,
  job: Job,
  volumes: ReadonlyMap<string, VolumeState>,
): Date | undefined {
  const wish = nextWish(program, job);
  if (wish?.trigger !== "available") return wish?.at;
  const isAway = neededVolumes(program, job).some((name) => volumes.get(name)?.kind === "away");
  return isAway ? undefined : wish.at;
}

const killed = {
  outcome: "interrupted",
  reason: "its process has ended",
  hint: "the next run puts back what it left, or at once: holdfast recover",
} as const;

/** One that found another one under way says nothing about the job, nor does one that only pruned. */
function tellsOfBackups({ end }: RunRecord): boolean {
  return end?.code !== "busy" && end?.withoutBackup !== true;
}

function lastRunStatus({ journal }: Program, last: RunRecord | undefined) {
  if (last === undefined) return { outcome: "never" } as const;
  const { started, finished, end } = last;
  if (end === undefined) {
    // `status` changes nothing: a run that was killed gets its end by the next start.
    const dead = journal.deadRuns().some(({ id }) => id === last.id);
    return dead ? { ...killed, started } : ({ outcome: "running", started } as const);
  }
  const { maintenanceSeconds } = end.evidence ?? {};
  return {
    outcome: end.outcome,
    started,
    ...(maintenanceSeconds === undefined ? {} : { maintenanceSeconds }),
    ...(finished === undefined ? {} : { finished }),
    ...(end.reason === undefined ? {} : { reason: end.reason }),
    ...(end.hint === undefined ? {} : { hint: end.hint }),
  };
}

function repositoryStatus(
  program: Program,
  name: string,
  volumes: ReadonlyMap<string, VolumeState>,
): RepositoryStatus {
  const facts = program.journal.repository(name);
  const { volume } = placedRepository(program, name).place;
  const state = volume === undefined ? undefined : volumes.get(volume);
  return {
    repository: name,
    present: state?.kind !== "away",
    ...(state?.kind === "away" ? { reason: state.reason } : {}),
    ...(facts?.newest === undefined ? {} : { newest: facts.newest }),
    ...(facts === undefined ? {} : { count: facts.count }),
  };
}
