// Knows: one execution of one job, from its locks to its end. One of the two places where failures are caught.
import { HoldfastError } from "../kernel/errors.ts";
import { localTime } from "../kernel/figures.ts";
import type { Job } from "../config/config.ts";
import type { HeldLock } from "../journal/journal.ts";
import { draftPlan } from "./draft.ts";
import { endOf, explained, failedEnd, resultOf, skippedEnd, type End } from "./end.ts";
import type { Listener } from "./event.ts";
import { noteDamage } from "./health.ts";
import { afterHooksEntry, runHooks, SkippedByHook, type HookFacts } from "./hooks.ts";
import { identityOf, openVolume, placedRepository, repositoriesOf, volumesOf } from "./open.ts";
import type { EndedUpstream } from "./order.ts";
import type { Plan, Step } from "./plan.ts";
import type { Program, RunRequest } from "./program.ts";
import { recorder, type Record } from "./recorder.ts";
import type { JobResult } from "./report.ts";
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

  const soFar = nothingYet();
  const end = await carriedOut({ program, assignment, run, record, soFar }, options.signal);
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
}

async function carriedOut(attempt: Attempt, signal: AbortSignal): Promise<End> {
  const end = await tried(attempt, signal);
  const { job, request } = attempt.assignment;
  if (end.run.outcome === "failure" && request.verbs.has("backup")) {
    await runFailureHooks(attempt, job, end);
  }
  return end;
}

async function tried(attempt: Attempt, signal: AbortSignal): Promise<End> {
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
  const ledger = program.journal.ledger(run);
  await using attached = new AsyncDisposableStack();
  const volumes = new Map<string, string>();
  for (const name of volumesInUse(program, plan)) {
    const volume = attached.use(await openVolume(program, name, ledger).attach(signal));
    volumes.set(name, volume.path);
  }
  const identity = identityOf(program, plan.job, volumes);
  const undertaking = {
    program,
    plan,
    request,
    run,
    record,
    signal,
    ledger,
    volumes,
    identity,
    soFar,
  };
  await takeSteps(undertaking);
}

/** Locks every repository of the job, in one order everywhere. Throws `busy`. */
function takeLocks(program: Program, plan: Plan, locks: DisposableStack): void {
  for (const name of repositoriesOf(plan.job).toSorted()) {
    locks.use(takeLock(program, name, `job ${plan.job.name}`));
  }
}

/** Takes the one lock of a repository. Throws `busy`, which says who has it. */
export function takeLock(program: Program, repository: string, purpose: string): HeldLock {
  const result = program.journal.lock(`repository:${repository}`, purpose);
  if (result.taken) return result.lock;
  const { pid, host, since, purpose: theirs } = result.holder;
  throw new HoldfastError(
    "busy",
    `repository "${repository}" is in use: ${theirs}, process ${pid} on ${host}, since ${localTime(since)}`,
    { hint: "let it finish, then try again; see it with: holdfast status" },
  );
}

function volumesInUse(program: Program, plan: Plan): readonly string[] {
  const away = new Set(
    plan.steps.flatMap(({ action, repository }) => (action === "skip" ? [repository] : [])),
  );
  const done = plan.steps.filter(({ action }) => action === "do");
  for (const { repository } of done) away.delete(repository);
  const places = repositoriesOf(plan.job)
    .filter((name) => !away.has(name))
    .map((name) => placedRepository(program, name).place);
  const sources = done.some(({ verb }) => verb === "backup") ? plan.job.sources : [];
  return volumesOf([...sources.map(({ place }) => place), ...places]);
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

function obstacleTo(step: Step, { plan, soFar }: Undertaking): string | undefined {
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
    const result = await carryOut(undertaking, verb, repository);
    const seconds = (program.now().getTime() - started.getTime()) / 1000;
    record({ event: "step-finished", step: verb, repository, seconds, result });
  } catch (error) {
    record({ event: "step-failed", step: verb, repository, ...explained(error) });
    soFar.failures.push({ verb, repository, error });
    // A copy may fail because of what it reads from: then it is not this repository that is damaged.
    if (verb !== "copy") noteDamage(program, repository, error);
    if (signal.aborted) throw error;
  }
}
