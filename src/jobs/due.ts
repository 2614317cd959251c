// Knows: when a job wants to run, from its schedule and what the journal says of it. Must not know: who runs it.
import type { Job } from "../config/config.ts";
import type { RunEnd, RunRecord, Trigger } from "../journal/journal.ts";
import { errorCodes } from "../kernel/errors.ts";
import { retryAt } from "../policy/retry.ts";
import { dueTime, intervalOf, nextTime, type ScheduleState } from "../policy/occurrence.ts";
import type { Program } from "./program.ts";
import { sightOf } from "./sights.ts";

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** A scheduled time that is missed by more than this is being caught up. */
const punctualMs = 5 * minuteMs;

/** So many runs are looked at first, and older ones when these do not tell: the last is mostly enough. */
const firstLook = 4;

/** A wish to run. In the past or now: it is due. */
export interface Wish {
  readonly at: Date;
  readonly trigger: Trigger;
}

/**
 * When a job wants to run next, and why: a retry after failures, a scheduled time, one that was missed,
 * or that what was away is there, as `lookForVolumes` has last seen it. All of it follows from the journal, so that a restart forgets nothing. `undefined` without
 * a schedule.
 */
export function nextWish(program: Program, job: Job): Wish | undefined {
  if (job.schedule === undefined) return undefined;
  const now = program.now();
  const runs = tellingRuns(program, job);
  const scheduled = scheduledWish(program, job, runs);
  if (scheduled !== undefined && scheduled.at <= now) return scheduled;
  const back = backWish(program, job);
  if (back !== undefined) return back;
  const retry = retryWish(job, runs, now);
  if (retry === undefined || retry === "exhausted") return scheduled;
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
  const state = { ...scheduleState(program, job, runs), now };
  const onTime = schedule.kind === "available" ? "available" : "schedule";
  const due = dueTime(schedule, state);
  if (due !== undefined) {
    const late = onTime === "schedule" && now.getTime() - due.getTime() > punctualMs;
    return { at: due, trigger: late ? "catch-up" : onTime };
  }
  const next = nextTime(schedule, state);
  return next === undefined ? undefined : { at: next, trigger: onTime };
}

function scheduleState(
  program: Program,
  job: Job,
  runs: readonly RunRecord[],
): Omit<ScheduleState, "now"> {
  const firstSeen = seenSince(program, job);
  const last = runs.find((run) => countsFor(job, run));
  const sight = sightOf(program, job);
  const answered = sight?.after !== (last?.id ?? "");
  return {
    firstSeen,
    ...(last === undefined ? {} : { lastStarted: last.started }),
    ...(sight === undefined ? {} : { appeared: { since: sight.since, answered } }),
  };
}

/** A scheduled run found something away, and now all is there. */
function backWish(program: Program, job: Job): Wish | undefined {
  const answer = lastAnswer(program, job);
  const sight = sightOf(program, job);
  if (job.schedule?.kind === "available" || sight === undefined) return undefined;
  if (answer?.end?.away !== true || sight.after !== answer.id) return undefined;
  const now = program.now();
  return { at: sight.since > now ? now : sight.since, trigger: "available" };
}

/**
 * The runs of a job, newest first, as far back as the last one that answered a scheduled time. However
 * often a person runs it by hand, that one is not lost sight of.
 */
function tellingRuns(program: Program, job: Job): readonly RunRecord[] {
  for (let limit = firstLook; ; limit *= 8) {
    const runs = program.journal.runs({ job: job.name, limit });
    const last = runs.findIndex((run) => isScheduled(job, run));
    if (last !== -1) return runs.slice(0, last + 1);
    if (runs.length < limit || runs.some((run) => countsFor(job, run))) return runs;
  }
}

/**
 * Whether this start answered a scheduled time, or the appearance of a volume that is the schedule. A
 * retry belongs to what it began with.
 */
function isScheduled({ schedule }: Job, { trigger }: RunRecord): boolean {
  if (schedule?.kind === "available") return trigger === "available";
  return trigger === "schedule" || trigger === "catch-up";
}

/**
 * Whether a schedule counts from this start. An interval counts from a backup by hand as well, and so
 * does what waits for volumes. A time of day is used up by scheduled starts only: a run by hand in the
 * evening does not cancel the night's.
 */
function countsFor(job: Job, run: RunRecord): boolean {
  if (isScheduled(job, run)) return true;
  const byHand = run.trigger === "command" && run.end?.withoutBackup !== true;
  return byHand && job.schedule?.kind !== "cron";
}

/** The newest start that the schedule counts from. */
export function lastStart(program: Program, job: Job): RunRecord | undefined {
  return tellingRuns(program, job).find((run) => countsFor(job, run));
}

/**
 * What is still owed after the last scheduled time: the runs that answered it, newest first. None when
 * somebody has had it done by hand since.
 */
function owed(runs: readonly RunRecord[]): readonly RunRecord[] {
  const done = runs.some(({ trigger, end }) => trigger === "command" && isDone(end));
  return done ? [] : runs.filter(({ trigger }) => trigger !== "command");
}

function isDone(end: RunEnd | undefined): boolean {
  const ended = end?.outcome === "success" || end?.outcome === "warning";
  return ended && end.withoutBackup !== true;
}

/** What follows from the failures since the last scheduled start. */
function retryWish(
  job: Job,
  runs: readonly RunRecord[],
  now: Date,
): Wish | "exhausted" | undefined {
  const answers = owed(runs);
  const stop = answers.findIndex((run) => !wantsRetry(run));
  const failures = stop === -1 ? answers : answers.slice(0, stop);
  const last = failures[0]?.finished;
  if (last === undefined) return undefined;
  const at = retryAt(job.retryMs, failures.length, last);
  if (at === undefined) return "exhausted";
  // A failure that lies ahead is of a clock that was set back since: how long ago it was, nobody knows.
  return { at: last > now ? now : at, trigger: "retry" };
}

/** Failed in a way that time can mend, or was cut short. */
function wantsRetry({ end }: RunRecord): boolean {
  if (end === undefined) return false;
  if (end.outcome === "interrupted" || end.code === "interrupted") return true;
  return end.code !== undefined && end.code !== "bug" && errorCodes[end.code].retry;
}

/** Whether the retries of the newest scheduled run are used up. */
export function retriesExhausted(program: Program, job: Job): boolean {
  return retryWish(job, tellingRuns(program, job), program.now()) === "exhausted";
}

/** Whether the newest scheduled run was skipped because something was away: to be made up for when it is back. */
export function awaitsVolume(program: Program, job: Job): boolean {
  return lastAnswer(program, job)?.end?.away === true;
}

/** The newest of the runs that a daemon or a timer started, unless it was made up for by hand. */
export function lastAnswer(program: Program, job: Job): RunRecord | undefined {
  if (job.schedule === undefined) return undefined;
  return owed(tellingRuns(program, job))[0];
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
  const interval = intervalOf(job.schedule, program.now());
  return interval === Infinity ? undefined : 2 * interval + hourMs;
}
