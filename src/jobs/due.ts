// Knows: when a job wants to run, from its schedule and what the journal says of it. Must not know: who runs it.
import type { Job } from "../config/config.ts";
import type { RunRecord, Trigger } from "../journal/journal.ts";
import { errorCodes } from "../kernel/errors.ts";
import { retryAt } from "../policy/retry.ts";
import { dueTime, intervalOf, nextTime } from "../policy/schedule.ts";
import type { Program } from "./program.ts";

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** A scheduled time that is missed by more than this is being caught up. */
const punctualMs = 5 * minuteMs;

/** So many runs are looked at: more than a series of retries can have. */
const lookBack = 100;

/** A wish to run. In the past or now: it is due. */
export interface Wish {
  readonly at: Date;
  readonly trigger: Trigger;
}

/**
 * When a job wants to run next, and why: a retry after failures, a scheduled time, or one that was
 * missed. All of it follows from the journal, so that a restart forgets nothing. `undefined` without
 * a schedule.
 */
export function nextWish(program: Program, job: Job): Wish | undefined {
  if (job.schedule === undefined) return undefined;
  const now = program.now();
  const runs = scheduledRuns(program, job);
  const scheduled = scheduledWish(program, job, runs);
  const retry = retryWish(job, runs);
  if (retry === undefined || retry === "exhausted") return scheduled;
  if (scheduled !== undefined && scheduled.at <= now) return scheduled;
  return scheduled === undefined || retry.at < scheduled.at ? retry : scheduled;
}

/** The jobs among these that want to run now. */
export function dueNow(
  program: Program,
  jobs: readonly Job[],
): readonly { readonly job: Job; readonly wish: Wish }[] {
  const now = program.now();
  return jobs.flatMap((job) => {
    const wish = nextWish(program, job);
    return wish !== undefined && wish.at <= now ? [{ job, wish }] : [];
  });
}

/** When a job is due next: in the past when it is due now. `undefined` without a schedule. */
export function nextDue(program: Program, job: Job): Date | undefined {
  return nextWish(program, job)?.at;
}

function scheduledWish(program: Program, job: Job, runs: readonly RunRecord[]): Wish | undefined {
  const { schedule } = job;
  if (schedule === undefined) return undefined;
  const now = program.now();
  const firstSeen = seenSince(program, job);
  // An interval counts from any start. A time of day is used up by scheduled starts only: a run by
  // hand in the evening does not cancel the night's.
  const counting =
    schedule.kind === "interval" ? program.journal.runs({ job: job.name, limit: lookBack }) : runs;
  const lastStarted = counting.find(usesUpSchedule)?.started;
  const since = lastStarted === undefined ? {} : { lastStarted };
  const due = dueTime(schedule, { ...since, firstSeen, now });
  if (due !== undefined) {
    const late = now.getTime() - due.getTime() > punctualMs;
    return { at: due, trigger: late ? "catch-up" : "schedule" };
  }
  const next = nextTime(schedule, { ...since, firstSeen, now });
  return next === undefined ? undefined : { at: next, trigger: "schedule" };
}

/** Runs that a daemon or a timer started, newest first. */
function scheduledRuns(program: Program, job: Job): readonly RunRecord[] {
  return program.journal
    .runs({ job: job.name, limit: lookBack })
    .filter(({ trigger }) => trigger !== "command");
}

/** Every start uses up its scheduled time; a retry belongs to the time it began with. */
function usesUpSchedule({ trigger }: RunRecord): boolean {
  return trigger !== "retry" && trigger !== "available";
}

/** What follows from the failures since the last scheduled start. */
function retryWish(job: Job, runs: readonly RunRecord[]): Wish | "exhausted" | undefined {
  const failures: RunRecord[] = [];
  for (const run of runs) {
    if (!wantsRetry(run)) break;
    failures.push(run);
    if (usesUpSchedule(run)) break;
  }
  const last = failures[0];
  if (last?.finished === undefined) return undefined;
  const at = retryAt(job.retryMs, failures.length, last.finished);
  return at === undefined ? "exhausted" : { at, trigger: "retry" };
}

/** Failed in a way that time can mend, or was cut short. */
function wantsRetry({ end }: RunRecord): boolean {
  if (end === undefined) return false;
  if (end.outcome === "interrupted" || end.code === "interrupted") return true;
  return end.code !== undefined && end.code !== "bug" && errorCodes[end.code].retry;
}

/** Whether the retries of the newest scheduled run are used up. */
export function retriesExhausted(program: Program, job: Job): boolean {
  return retryWish(job, scheduledRuns(program, job)) === "exhausted";
}

/** Whether the newest scheduled run was skipped because something was away: to be made up for when it is back. */
export function awaitsVolume(program: Program, job: Job): boolean {
  return scheduledRuns(program, job)[0]?.end?.away === true;
}

function seenMark(job: Job): string {
  return `schedule-seen:${job.name}`;
}

function seenSince(program: Program, job: Job): Date {
  const mark = program.journal.mark(seenMark(job));
  return mark === undefined ? program.now() : new Date(mark);
}

/** Remembers since when a job's schedule counts, so that times missed from now on are caught up. */
export function noteSchedule(program: Program, job: Job): void {
  if (job.schedule === undefined || program.journal.mark(seenMark(job)) !== undefined) return;
  program.journal.setMark(seenMark(job), program.now().toISOString());
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
