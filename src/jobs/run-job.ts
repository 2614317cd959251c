// Knows: one execution of one job, from its locks to its end. One of the two places where failures are caught.
import { HoldfastError } from "../kernel/errors.ts";
import type { Job } from "../config/config.ts";
import { draftPlan } from "./draft.ts";
import {
  awayEnd,
  endOf,
  explained,
  failedEnd,
  resultOf,
  skippedEnd,
  warningOf,
  withStuckVolumes,
  type End,
} from "./end.ts";
import type { Listener } from "./event.ts";
import { noteDamage } from "./health.ts";
import { afterHooksEntry, runHooks, SkippedByHook, type HookFacts } from "./hooks.ts";
import { SharedVolumes, type VolumeUser } from "./attachments.ts";
import { causeOf } from "./lost-volume.ts";
import { identityOf } from "./open.ts";
import type { EndedUpstream } from "./order.ts";
import type { Plan, Step } from "./plan.ts";
import type { Program, RunRequest } from "./program.ts";
import { recorder, type Record } from "./recorder.ts";
import type { JobResult } from "./report.ts";
import { takeLocks } from "./repository-locks.ts";
import { attachForRun, GoneAway, volumesOfJob } from "./run-volumes.ts";
import { carryOut } from "./steps.ts";
import { nothingYet, type SoFar, type Undertaking } from "./undertaking.ts";

/** A job and what is asked of it. */
export interface Assignment {
  readonly job: Job;
  readonly request: RunRequest;
  /** What became, in the same invocation, of the jobs whose snapshots this one reads. */
  readonly upstreams?: readonly EndedUpstream[];
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly listener: Listener;
  /** The volumes that it shares with other jobs of one call. Default: its own. */
  readonly volumes?: SharedVolumes;
}

/**
 * Runs one job: looks, plans, carries out the plan. Never throws for what goes wrong in it: that is
 * the result. Everything it took (locks, volumes, hooks) is given back before it returns.
 */
export async function runJob(
  program: Program,
  assignment: Assignment,
  options: RunOptions,
): Promise<JobResult> {
  const { job, request } = assignment;
  const started = program.now();
  const trigger = request.triggers?.get(job.name) ?? request.trigger;
  const run = program.journal.startRun(job.name, trigger).id;
  const { listener } = options;
  const record = recorder({ ...program, run, job: job.name, listener });
  record({ event: "run-started", trigger });

  const volumes =
    options.volumes ??
    new SharedVolumes(program, new Map([[job.name, volumesOfJob(program, job.name)]]));
  const user = { purpose: `job ${job.name}`, run, tell: record };
  const soFar = nothingYet();
  const attempt = { program, assignment, run, record, soFar, volumes, user };
  const end = await carriedOut(attempt, options.signal);
  const seconds = (program.now().getTime() - started.getTime()) / 1000;
  const kind = request.verbs.has("backup") ? {} : { withoutBackup: true };
  program.journal.finishRun(run, { ...end.run, ...kind });
  record({ event: "run-finished", seconds, ...end.run });
  return resultOf({ job: job.name, run, seconds, end });
}

interface Attempt {
  readonly program: Program;
  readonly assignment: Assignment;
  readonly run: string;
  readonly record: Record;
  readonly soFar: SoFar;
  readonly volumes: SharedVolumes;
  readonly user: VolumeUser;
}

async function carriedOut(attempt: Attempt, signal: AbortSignal): Promise<End> {
  const { record, volumes, user } = attempt;
  const { job, request } = attempt.assignment;
  const tried = await attempted(attempt, signal);
  // Also when this job used none of them: it may be the last that was to.
  const stuck = await volumes.finish(job.name, user);
  for (const error of stuck) record({ event: "warning", ...warningOf(error) });
  const end = withStuckVolumes(tried, stuck);
  if (end.run.outcome === "failure" && request.verbs.has("backup")) {
    await runFailureHooks(attempt, job, end);
  }
  return end;
}

async function attempted(attempt: Attempt, signal: AbortSignal): Promise<End> {
  const { program, assignment, run, record, soFar } = attempt;
  const { job } = assignment;
  try {
    const until = limited(signal, job);
    const { plan } = await draftPlan(program, { ...assignment, depth: "places" }, until);
    reportSkipped(plan.steps, record);
    const { decision } = plan;
    if (decision.action === "fail") return failedEnd(decision.error, soFar);
    if (decision.action === "skip") return skippedEnd(decision);
    soFar.concerns = plan.steps.filter(({ concern }) => concern === true);
    await underLocks(attempt, plan, until);
    return endOf(soFar, { job: job.name, run });
  } catch (error) {
    return endOfThrown(error, soFar);
  }
}

function reportSkipped(steps: readonly Step[], record: Record): void {
  for (const { action, verb, repository, reason } of steps) {
    if (action === "skip") record({ event: "step-skipped", step: verb, repository, reason });
  }
}

/** The signal of the run, which also ends when the job's own time is up. */
function limited(signal: AbortSignal, job: Job): AbortSignal {
  if (job.timeoutMs === undefined) return signal;
  const timeout = new AbortController();
  const reason = new HoldfastError("timed-out", `job "${job.name}" took longer than its timeout`, {
    hint: "raise `timeout` of the job, or see what took so long with: holdfast logs",
  });
  const timer = setTimeout(() => timeout.abort(reason), job.timeoutMs);
  timer.unref();
  return AbortSignal.any([signal, timeout.signal]);
}

async function underLocks(attempt: Attempt, plan: Plan, signal: AbortSignal): Promise<void> {
  const { program, assignment, run, record, soFar } = attempt;
  const { request } = assignment;
  using locks = new DisposableStack();
  takeLocks(program, plan, locks);
  const { volumes, user } = attempt;
  const { paths, unattached } = await attachForRun(program, { plan, volumes, user }, signal);
  const identity = identityOf(program, plan.job, paths);
  const undertaking = {
    program,
    plan,
    request,
    run,
    record,
    signal,
    ledger: program.journal.ledger(run),
    volumes: paths,
    unattached,
    identity,
    soFar,
  };
  await takeSteps(undertaking);
}

/**
 * Backs up between the hooks: what `before` stopped goes on before anything is copied or forgotten.
 * That the `after` hooks are owed is on disk before the first `before` hook starts, so that a killed
 * run's are made up for by `recover`.
 */
async function backUpBetweenHooks(undertaking: Undertaking, step: Step): Promise<void> {
  const { program, plan, run, ledger, signal, soFar } = undertaking;
  const { job } = plan;
  const hooked = job.hooks.before.length + job.hooks.after.length > 0;
  const owed = hooked ? ledger.promise(afterHooksEntry(job)) : undefined;
  let thrown: { readonly error: unknown } | undefined;
  try {
    await runHooks(program.hosts.here, { job, moment: "before", facts: { run } }, signal);
    await takeStep(undertaking, step);
  } catch (error) {
    thrown = { error };
  }

  // These run even when the run was interrupted: they end what `before` began.
  const failed = thrown ?? soFar.failures[0];
  const end =
    failed === undefined ? endOf(soFar, { job: job.name, run }) : endOfThrown(failed.error, soFar);
  try {
    const facts = hookFacts(run, end);
    if (hooked) await runHooks(program.hosts.here, { job, moment: "after", facts }, ownTime());
    owed?.settle();
  } catch (error) {
    // It is owed still. The backup is what it is: what follows is done, and the run fails in the end.
    if (failed === undefined) soFar.hookFailure = { error };
    else reportHookFailure(undertaking, error);
  }
  if (thrown !== undefined) throw thrown.error;
}

/** They fail for themselves: the run has its own failure. */
async function runFailureHooks(
  { program, run, record }: Pick<Undertaking, "program" | "run" | "record">,
  job: Job,
  end: End,
): Promise<void> {
  const hooks = { job, moment: "on-failure", facts: hookFacts(run, end) } as const;
  try {
    await runHooks(program.hosts.here, hooks, ownTime());
  } catch (error) {
    reportHookFailure({ record }, error);
  }
}

/** Hooks that put something back have time of their own: nobody's patience but their limit ends them. */
function ownTime(): AbortSignal {
  return new AbortController().signal;
}

function endOfThrown(error: unknown, soFar: SoFar): End {
  if (error instanceof SkippedByHook) return skippedEnd({ reason: error.message, away: false });
  if (error instanceof GoneAway) return awayEnd(error.absence);
  return failedEnd(error, soFar);
}

function hookFacts(run: string, { run: { outcome, reason, code } }: End): HookFacts {
  return {
    run,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(code === undefined ? {} : { code }),
  };
}

function reportHookFailure({ record }: Pick<Undertaking, "record">, error: unknown): void {
  record({ event: "warning", message: explained(error).message });
}

/**
 * Takes the steps in turn. After a failed one, those that depend on it are left out: nothing is
 * forgotten or reclaimed in a repository where this run failed, and nothing is copied from it.
 */
async function takeSteps(undertaking: Undertaking): Promise<void> {
  const { plan, soFar } = undertaking;
  for (const step of plan.steps) {
    if (step.action === "skip") continue;
    const obstacle = obstacleTo(step, undertaking);
    const { verb, repository } = step;
    if (obstacle !== undefined) {
      undertaking.record({ event: "step-skipped", step: verb, repository, reason: obstacle });
    } else if (verb === "backup") {
      await backUpBetweenHooks(undertaking, step);
    } else {
      await takeStep(undertaking, step);
    }
  }
  const failed = soFar.failures[0] ?? soFar.hookFailure;
  if (failed !== undefined) throw failed.error;
}

function obstacleTo(step: Step, { plan, soFar, unattached }: Undertaking): string | undefined {
  const absence = unattached.get(step.repository);
  if (absence?.code === "volume-away") return absence.message;
  const failed = new Set(soFar.failures.map(({ repository }) => repository));
  if (failed.has(step.repository)) return `an earlier step on ${step.repository} failed`;
  if (failed.has(plan.job.repository) && soFar.failures.some(({ verb }) => verb === "backup")) {
    return "the backup failed";
  }
  const reclaiming = step.verb === "forget" || step.verb === "prune";
  if (reclaiming && soFar.suspicious.length > 0) {
    return `frozen because this run is suspicious: ${soFar.suspicious.join("; ")}`;
  }
  return undefined;
}

async function takeStep(undertaking: Undertaking, step: Step): Promise<void> {
  const { program, record, soFar, signal } = undertaking;
  const { verb, repository } = step;
  const started = program.now();
  record({ event: "step-started", step: verb, repository });
  try {
    const unattached = undertaking.unattached.get(repository);
    if (unattached !== undefined) throw unattached;
    const result = await carryOut(undertaking, verb, repository);
    const seconds = (program.now().getTime() - started.getTime()) / 1000;
    record({ event: "step-finished", step: verb, repository, seconds, result });
  } catch (thrown) {
    const error = await causeOf(thrown, undertaking);
    record({ event: "step-failed", step: verb, repository, ...explained(error) });
    soFar.failures.push({ verb, repository, error });
    // A copy may fail because of what it reads from: then it is not this repository that is damaged.
    if (verb !== "copy") noteDamage(program, repository, error);
    if (signal.aborted) throw error;
  }
}
