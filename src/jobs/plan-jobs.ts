// Knows: what several jobs would do in one go, each in the light of those before it. Must not know: how it is shown.
import type { Job } from "../config/config.ts";
import type { Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { PreparedSource } from "../kernel/prepared-source.ts";
import { draftPlan } from "./draft.ts";
import type { Observation } from "./observe.ts";
import { configuredJob, hostOf, identityOf, noLedger, openRepository, openSource } from "./open.ts";
import { inOrderOfReading, plannedUpstream, upstreamsOf, type EndedUpstream } from "./order.ts";
import { reportPlan } from "./preview.ts";
import { onlyLooking, type Program, type RunRequest } from "./program.ts";
import type { PlanReport, StepReport } from "./report.ts";
import { volumesOfPlan } from "./run-volumes.ts";

/**
 * Says what a run of these jobs would do now, with reasons and commands, in the order in which they
 * would begin. Everything it looks through refuses to write, so that it cannot change anything.
 */
export async function planJobs(
  program: Program,
  request: RunRequest,
  signal: AbortSignal,
): Promise<readonly PlanReport[]> {
  const looking = onlyLooking(program);
  const { jobs } = program.config;
  const reports = new Map<string, PlanReport>();
  for (const name of inOrderOfReading(jobs, request.jobs)) {
    const job = configuredJob(program, name);
    const upstreams = upstreamsOf(jobs, job).flatMap((upstream) => {
      const report = reports.get(upstream.job);
      return report === undefined ? [] : [plannedUpstream(upstream, report)];
    });
    reports.set(name, await planOne(looking, { job, request, upstreams }, signal));
  }
  return [...reports.values()];
}

interface Planned {
  readonly job: Job;
  readonly request: RunRequest;
  readonly upstreams: readonly EndedUpstream[];
}

async function planOne(
  looking: Program,
  { job, request, upstreams }: Planned,
  signal: AbortSignal,
): Promise<PlanReport> {
  try {
    const question = { job, request, upstreams, depth: "snapshots" } as const;
    const { plan, observation } = await draftPlan(looking, question, signal);
    const open = (repository: string) => openRepository(looking, repository, observation);
    const sourceHost = sourceHostOf(looking, job);
    const willRun = plan.decision.action === "run" && request.verbs.has("backup");
    const paths = willRun ? await pathsToShow(looking, { upstreams, observation }, signal) : [];
    const source = standIn(job, paths);
    const uses = volumesOfPlan(looking, plan);
    return tellingComing(
      reportPlan(plan, { observation, request, source, sourceHost, uses, open }),
      upstreams.filter(({ end }) => end === "planned"),
    );
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { code, message, hint } = error;
    const why = { reason: message, code, ...(hint === undefined ? {} : { hint }) };
    return { job: job.name, action: "fail", ...why, steps: [] };
  }
}

function sourceHostOf(program: Program, { sources }: Job): Host {
  const [first] = sources;
  return first === undefined ? program.hosts.here : hostOf(program, first.place);
}

/** What a backup would read, for the commands that are shown. What is not there yet is said in words. */
async function pathsToShow(
  looking: Program,
  found: { readonly upstreams: readonly EndedUpstream[]; readonly observation: Observation },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { upstreams, observation } = found;
  const { job, volumes, sources } = observation;
  const paths: string[] = [];
  for (const [index, source] of job.sources.entries()) {
    const { repository, at } = source.spec;
    const coming = upstreams.find((upstream) => upstream.repository === at);
    if (repository !== true) {
      paths.push(...identityOf(looking, { ...job, sources: [source] }, volumes).paths);
    } else if (coming?.end === "planned") {
      paths.push(`<the snapshot that job ${coming.job} makes>`);
    } else if (sources[index]?.state === "seen") {
      await using newest = await openSource(looking, source, { volumes, ledger: noLedger }).prepare(
        signal,
      );
      if (newest.kind === "paths") paths.push(...newest.paths);
    } else {
      paths.push(`<the newest snapshot of repository ${at}>`);
    }
  }
  return paths;
}

function standIn({ sources }: Job, paths: readonly string[]): PreparedSource {
  const nothing = { [Symbol.asyncDispose]: async () => {} };
  const [path = ""] = paths;
  return sources[0]?.spec.kind === "subvolume"
    ? { kind: "subvolume", path, ...nothing }
    : { kind: "paths", paths, ...nothing };
}

/** What a backup will read is not there yet: its step says which job makes it. */
function tellingComing(report: PlanReport, coming: readonly EndedUpstream[]): PlanReport {
  if (coming.length === 0) return report;
  const news = coming.map(({ job }) => `will read the snapshot that job ${job} makes`);
  const told = (step: StepReport): StepReport =>
    step.step === "backup" ? { ...step, reason: [step.reason, ...news].join("; ") } : step;
  return { ...report, steps: report.steps.map(told) };
}
