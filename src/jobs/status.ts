// Knows: how a job is doing, from the journal and a look at its volumes. Asks no repository: it must be quick.
import type { Job } from "../config/config.ts";
import type { RunRecord } from "../journal/journal.ts";
import { dueTime, intervalOf, nextTime } from "../policy/schedule.ts";
import type { VolumeState } from "../volumes/volume.ts";
import { observeVolumes } from "./observe.ts";
import { configuredJob, placedRepository, repositoriesOf } from "./open.ts";
import type { Program } from "./program.ts";
import type { JobStatus, RepositoryStatus } from "./report.ts";

const hourMs = 3_600_000;

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
  // A run that found another one under way says nothing about the job.
  const last = journal.runs({ job: job.name, limit: 20 }).find(({ end }) => end?.code !== "busy");
  const success = journal.lastRun(job.name, ["success", "warning"]);
  const due = nextDue(program, job);
  return {
    job: job.name,
    ...lastRunStatus(last),
    ...(success?.finished === undefined ? {} : { lastSuccess: success.finished }),
    ...(due === undefined ? {} : { nextDue: due }),
    overdue: isOverdue(program, job),
    suspicious: journal.unaccepted(job.name).flatMap(({ end }) => end?.suspicious ?? []),
    repositories: repositoriesOf(job).map((name) => repositoryStatus(program, name, volumes)),
  };
}

function lastRunStatus(last: RunRecord | undefined) {
  if (last === undefined) return { outcome: "never" } as const;
  const { started, finished, end } = last;
  if (end === undefined) return { outcome: "running", started } as const;
  return {
    outcome: end.outcome,
    started,
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
    present: state?.present !== false,
    ...(state?.present === false ? { reason: state.reason } : {}),
    ...(facts?.newest === undefined ? {} : { newest: facts.newest }),
    ...(facts === undefined ? {} : { count: facts.count }),
  };
}

/**
 * When the schedule of a job wants it next: in the past when it is due now. `undefined` without a
 * schedule. A job that was never seen before is due at its first scheduled time from now on.
 */
export function nextDue(program: Program, job: Job): Date | undefined {
  if (job.schedule === undefined) return undefined;
  const now = program.now();
  const lastStarted = lastScheduledStart(program, job);
  const firstSeen = seenSince(program, job);
  const due = dueTime(job.schedule, {
    now,
    firstSeen,
    ...(lastStarted === undefined ? {} : { lastStarted }),
  });
  return due ?? nextTime(job.schedule, { after: now, lastStarted, firstSeen });
}

/** The journal's mark for when a job's schedule was first seen by a daemon or a `run --due`. */
export function seenMark(job: Job): string {
  return `schedule-seen:${job.name}`;
}

function seenSince(program: Program, job: Job): Date {
  const mark = program.journal.mark(seenMark(job));
  return mark === undefined ? program.now() : new Date(mark);
}

/** Remembers since when a job's schedule counts, so that runs missed from now on are caught up. */
export function noteSchedule(program: Program, job: Job): void {
  if (job.schedule === undefined || program.journal.mark(seenMark(job)) !== undefined) return;
  program.journal.setMark(seenMark(job), program.now().toISOString());
}

function lastScheduledStart(program: Program, job: Job): Date | undefined {
  const { schedule } = job;
  const runs = program.journal.runs({ job: job.name, limit: 50 });
  // An interval counts from any start; a time of day is used up by scheduled starts only, so that a
  // run by hand in the evening does not cancel the night's.
  const counts = (run: RunRecord): boolean =>
    run.end?.code !== "busy" && (schedule?.kind === "interval" || run.trigger !== "command");
  return runs.find(counts)?.started;
}

/** Whether a job has had no success for longer than it may be without one. */
export function isOverdue(program: Program, job: Job): boolean {
  const allowed = allowedAge(program, job);
  if (allowed === undefined) return false;
  const last = program.journal.lastRun(job.name, ["success", "warning"]);
  const since = last?.finished ?? seenSince(program, job);
  return program.now().getTime() - since.getTime() > allowed;
}

function allowedAge(program: Program, job: Job): number | undefined {
  if (job.overdueAfterMs !== undefined) return job.overdueAfterMs;
  if (job.schedule === undefined) return undefined;
  return 2 * intervalOf(job.schedule, program.now()) + hourMs;
}
