// Knows: how a request of the command line becomes runs, or a plan of them. Must not know: how a job runs.
import { dueNow, noteSchedule } from "../jobs/due.ts";
import { lookForVolumes, lookNow } from "../jobs/look-for-volumes.ts";
import { configuredJob } from "../jobs/open.ts";
import { type Program, type RunRequest, type Verb, verbs } from "../jobs/program.ts";
import { recover } from "../jobs/recover.ts";
import type { PlanReport, RecoveryReport } from "../jobs/report.ts";
import { planJobs } from "../jobs/plan-jobs.ts";
import { runJobs } from "../jobs/run-jobs.ts";
import { canReadAgain } from "../jobs/upstream.ts";
import type { Trigger } from "../journal/journal.ts";
import { errorCodes } from "../kernel/errors.ts";
import { combinedExitStatus } from "./exit-status.ts";
import { chosenJobs } from "./names.ts";
import type { Output } from "./render.ts";
import { type Tell, telling } from "./run-listener.ts";
import { plansText } from "./run-text.ts";
import type { Session } from "./session.ts";

/** What was asked for on the command line. */
export interface Asked {
  readonly jobs: readonly string[];
  readonly verbs: readonly Verb[];
  readonly labels?: readonly string[];
  readonly full?: boolean;
  readonly allowDeletions?: boolean;
  /** Only jobs whose schedule wants them now. */
  readonly due?: boolean;
  readonly dryRun?: boolean;
  readonly strict?: boolean;
}

/** Runs jobs, or says what a run would do. Answers with the exit status. */
export async function runAsked(
  session: Session,
  asked: Asked,
  tell: Tell = telling,
): Promise<number> {
  const dryRun = asked.dryRun ?? false;
  await using program = await session.open({ readOnly: dryRun });
  const { output, signal } = session;
  const named = chosenJobs(program.config, asked.jobs);
  // A dry run remembers nothing, also not what it has seen.
  if (asked.due === true && !dryRun) await lookForReturned(program, named, signal);
  const request =
    asked.due === true
      ? { ...requestFor(asked), ...dueJobs(program, named, { remember: !dryRun }) }
      : { ...requestFor(asked), jobs: named };
  if (request.jobs.length === 0) output.message("nothing is due");

  if (dryRun) return reportPlans(output, await planJobs(program, request, signal));

  reportRecovery(output, await recover(program, signal));
  const { now } = program;
  using told = tell(output, {
    now,
    asked: new Set(asked.verbs.length < verbs.length ? asked.verbs : []),
  });
  const results = await runJobs(program, request, { signal, listener: told.listener });
  told.finish(results);
  return combinedExitStatus(results, { strict: asked.strict ?? false });
}

function requestFor(asked: Asked): Omit<RunRequest, "jobs"> {
  return {
    verbs: new Set(asked.verbs),
    trigger: "command",
    labels: asked.labels ?? [],
    full: asked.full ?? false,
    allowDeletions: asked.allowDeletions ?? false,
  };
}

/** Sees whether what some of these jobs wait for is there now. */
async function lookForReturned(
  program: Program,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const jobs = names.map((name) => configuredJob(program, name));
  await lookForVolumes(program, jobs, lookNow(program, signal));
}

/** Those of these jobs that are due, and what makes each of them run. */
function dueJobs(
  program: Program,
  names: readonly string[],
  { remember }: { readonly remember: boolean },
): { readonly jobs: readonly string[]; readonly triggers: ReadonlyMap<string, Trigger> } {
  const jobs = names.map((name) => configuredJob(program, name));
  // From the first time on that a schedule is looked at, missed times are caught up.
  if (remember) for (const job of jobs) noteSchedule(program, job);
  const triggers = new Map<string, Trigger>([
    ...jobs
      .filter((job) => canReadAgain(program, job))
      .map(({ name }) => [name, "available"] as const),
    ...dueNow(program, jobs).map(({ job, wish }) => [job.name, wish.trigger] as const),
  ]);
  return { jobs: names.filter((name) => triggers.has(name)), triggers };
}

function reportPlans(output: Output, plans: readonly PlanReport[]): number {
  output.document({ dryRun: true, plans });
  output.text(plansText(plans, output.paint));
  return combinedExitStatus(plans.map(planEnding), { strict: false });
}

function planEnding({ action, code }: PlanReport): { exitStatus: number; away: boolean } {
  const table: Readonly<Record<string, { readonly exit: number }>> = errorCodes;
  const bug = 70;
  return { exitStatus: action === "fail" ? (table[code ?? ""]?.exit ?? bug) : 0, away: false };
}

/** Tells what was put back of runs that were interrupted. */
export function reportRecovery(output: Output, reports: readonly RecoveryReport[]): void {
  for (const { message, undone, failed } of reports) {
    output.message(message);
    for (const subject of undone) output.message(`  put back: ${subject}`);
    for (const { subject, message: why } of failed) {
      output.warning(`could not put back: ${subject}: ${why}`, "try again with: holdfast recover");
    }
  }
}
