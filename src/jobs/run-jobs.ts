// Knows: how several jobs are planned and run in one go. What cli, daemon and any later front end call.
import type { Host } from "../hosts/host.ts";
import type { Job } from "../config/config.ts";
import type { Listener } from "./event.ts";
import { notifyEnd, notifyStart } from "./notify.ts";
import { draftPlan } from "./draft.ts";
import { configuredJob, hostOf, openRepository, placedRepository, repositoriesOf } from "./open.ts";
import { reportPlan } from "./preview.ts";
import { onlyLooking, type Program, type RunRequest } from "./program.ts";
import { recover } from "./recover.ts";
import type { JobResult, PlanReport } from "./report.ts";
import { runJob, type RunOptions } from "./run-job.ts";
import { sideBySide } from "./side-by-side.ts";

/**
 * Says what a run of these jobs would do now, with reasons and commands. Everything it looks through
 * refuses to write, so that it cannot change anything.
 */
export async function planJobs(
  program: Program,
  request: RunRequest,
  signal: AbortSignal,
): Promise<readonly PlanReport[]> {
  const looking = onlyLooking(program);
  const reports: PlanReport[] = [];
  for (const name of request.jobs) {
    const job = configuredJob(program, name);
    const question = { job, request, depth: "snapshots" } as const;
    const { plan, observation } = await draftPlan(looking, question, signal);
    const open = (repository: string) => openRepository(looking, repository, observation);
    reports.push(
      reportPlan(plan, { observation, request, sourceHost: sourceHostOf(looking, job), open }),
    );
  }
  return reports;
}

function sourceHostOf(program: Program, { sources }: Job): Host {
  const [first] = sources;
  return first === undefined ? program.hosts.here : hostOf(program, first.place);
}

/**
 * Runs these jobs, after putting back what interrupted runs left. Jobs that write to different
 * places work side by side, up to the configured `concurrency`. Never throws because a job failed.
 * The answers are in the order of the request.
 */
export async function runJobs(
  program: Program,
  request: RunRequest,
  options: RunOptions,
): Promise<readonly JobResult[]> {
  await recover(program, options.signal);
  const pieces = request.jobs.map((name) => {
    const job = configuredJob(program, name);
    return {
      uses: placesOf(program, job),
      work: async () => await runOne(program, { job, request }, options),
    };
  });
  return await sideBySide(pieces, program.config.concurrency);
}

/** What two jobs may not use at once: the volume or service that a job writes to. */
export function placesOf(program: Program, job: Job): ReadonlySet<string> {
  return new Set(
    repositoriesOf(job).map((name) => {
      const { place, spec } = placedRepository(program, name);
      if (place.volume !== undefined) return `volume:${place.volume}`;
      return spec.localPath === undefined ? `service:${place.path}` : "this machine's disks";
    }),
  );
}

async function runOne(
  program: Program,
  asked: { readonly job: Job; readonly request: RunRequest },
  options: RunOptions,
): Promise<JobResult> {
  const { job, request } = asked;
  const { signal } = options;
  const backsUp = request.verbs.has("backup");
  const before = program.journal.lastRun(job.name);
  let told: Promise<void> | undefined;
  const listener: Listener = (stamped) => {
    options.listener(stamped);
    if (backsUp && stamped.event.event === "run-started") {
      told = notifyStart(program, { job, run: stamped.run }, options);
    }
  };
  const result = await runJob(program, asked, { signal, listener });
  await told;
  // A prune that went well says nothing about backups: whoever expects a sign of life still waits for it.
  const wentWell = result.outcome === "success" || result.outcome === "skipped";
  if (backsUp || !wentWell) await notifyEnd(program, { job, result, before }, options);
  return result;
}
