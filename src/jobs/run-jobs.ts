// Knows: how several jobs are run in one go. What cli, daemon and any later front end call.
import type { Job } from "../config/config.ts";
import { SharedVolumes } from "./attachments.ts";
import type { Listener } from "./event.ts";
import { notifyEnd, notifyStart } from "./notify.ts";
import { configuredJob, placedRepository, repositoriesOf } from "./open.ts";
import { endedUpstream, inOrderOfReading, upstreamsOf, type EndedUpstream } from "./order.ts";
import type { Program, RunRequest } from "./program.ts";
import { recover } from "./recover.ts";
import type { JobResult } from "./report.ts";
import { runJob, type Assignment, type RunOptions } from "./run-job.ts";
import { volumesOfJob } from "./run-volumes.ts";
import { type Demand, sideBySide } from "./side-by-side.ts";

/**
 * Runs these jobs, after putting back what interrupted runs left. A job that reads what another one
 * makes waits for it. Others that write to different places work side by side, up to the configured
 * `concurrency`. Never throws because a job failed. The answers are in the order of the request.
 */
export async function runJobs(
  program: Program,
  request: RunRequest,
  options: RunOptions,
): Promise<readonly JobResult[]> {
  await recover(program, options.signal);
  const { jobs, concurrency } = program.config;
  const ended = new Map<string, JobResult>();
  const names = inOrderOfReading(jobs, request.jobs);
  await using volumes = new SharedVolumes(
    program,
    new Map(names.map((name) => [name, volumesOfJob(program, name)])),
  );
  const pieces = names.map((name) => {
    const job = configuredJob(program, name);
    const waitsFor = upstreamsOf(jobs, job).map((upstream) => names.indexOf(upstream.job));
    return {
      ...demandOf(program, job),
      after: waitsFor.filter((index) => index !== -1),
      work: async () => {
        // Who interrupts all jobs is not told of each that it was kept from reading another's.
        const { aborted } = options.signal;
        const upstreams = aborted ? [] : endedBefore(program, { job, request, ended });
        const result = await runOne(program, { job, request, upstreams }, { ...options, volumes });
        ended.set(name, result);
        return result;
      },
    };
  });
  const results = await sideBySide(pieces, concurrency);
  return request.jobs.flatMap((name) => results.find(({ job }) => job === name) ?? []);
}

/** What two jobs may not use at once: the volume or service that a job writes to, and what it reads. */
export function demandOf(program: Program, job: Job): Demand {
  const written = repositoriesOf(job);
  const places = written.map((name) => {
    const { place, spec } = placedRepository(program, name);
    if (place.volume !== undefined) return `volume:${place.volume}`;
    return spec.localPath === undefined ? `service:${place.path}` : "this machine's disks";
  });
  return {
    uses: new Set([...places, ...written.map(named)]),
    reads: new Set(job.reads.map(named)),
  };
}

/** A repository that is read keeps its job waiting, which might forget the very snapshot. */
function named(repository: string): string {
  return `repository:${repository}`;
}

/** What became of the jobs whose snapshots this one reads: in this invocation, or lately enough. */
function endedBefore(
  { config, journal }: Program,
  asked: {
    readonly job: Job;
    readonly request: RunRequest;
    readonly ended: ReadonlyMap<string, JobResult>;
  },
): readonly EndedUpstream[] {
  const { job, request, ended } = asked;
  return upstreamsOf(config.jobs, job).flatMap((upstream) => {
    const result = ended.get(upstream.job);
    if (result !== undefined) return [endedUpstream(upstream, result)];
    // It was to come before, and broke off in a way that nobody foresaw.
    if (request.jobs.includes(upstream.job))
      return [endedUpstream(upstream, { outcome: "failure" })];
    const last = journal.lastRun(upstream.job);
    const isPart =
      request.since !== undefined && last?.finished !== undefined && last.finished >= request.since;
    return isPart && last.end !== undefined ? [endedUpstream(upstream, last.end)] : [];
  });
}

async function runOne(
  program: Program,
  assignment: Assignment,
  options: RunOptions,
): Promise<JobResult> {
  const { job, request } = assignment;
  const backsUp = request.verbs.has("backup");
  const before = program.journal.lastRun(job.name);
  let told: Promise<void> | undefined;
  const listener: Listener = (stamped) => {
    options.listener(stamped);
    if (backsUp && stamped.event.event === "run-started") {
      told = notifyStart(program, { job, run: stamped.run }, options);
    }
  };
  const result = await runJob(program, assignment, { ...options, listener });
  await told;
  // A prune that went well says nothing about backups: whoever expects a sign of life still waits for it.
  const wentWell = result.outcome === "success" || result.outcome === "skipped";
  if (backsUp || !wentWell) await notifyEnd(program, { job, result, before }, options);
  return result;
}
