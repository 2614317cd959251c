// Knows: when a schedule wants a run. Must not know: jobs, timers, and what time it is. Loads no schema: `status` is quick.
import type { Cron } from "croner";
import { newCron } from "./cron.ts";
import type { Schedule } from "./schedule.ts";

const hour = 3_600_000;

/** What is known of a job when its schedule is asked. */
export interface ScheduleState {
  /** The start recorded last, of those that count for the schedule. */
  readonly lastStarted?: Date;
  /** Since when the schedule has been known: nothing before is caught up. */
  readonly firstSeen: Date;
  readonly now: Date;
  /** Only for what waits for volumes: since when all are there, if they are. */
  readonly appeared?: Appearance;
}

/** That all volumes of a job are there. */
export interface Appearance {
  readonly since: Date;
  /** The job has been started since. */
  readonly answered: boolean;
}

/**
 * The scheduled moment that wants a run now, or undefined. Of several that were missed, while the
 * machine slept or was off, it is the newest: they are made up for by one run.
 *
 * A time of day is meant once per local day: one that the clock skips in spring comes right after
 * the gap, one that it repeats in autumn counts the first time. A clock that is set back does not
 * bring a moment back; a last start that lies too far ahead to be true is not believed.
 */
export function dueTime(schedule: Schedule, state: ScheduleState): Date | undefined {
  const { now } = state;
  if (schedule.kind === "available") {
    const wanted = wantedWhileThere(schedule, state);
    return wanted !== undefined && wanted <= now ? wanted : undefined;
  }
  if (schedule.kind === "interval") {
    const wanted = endOfInterval(schedule, state);
    return wanted <= now ? wanted : undefined;
  }
  const since = countedSince(schedule, state);
  const newest = previousMoment(schedule, now);
  return newest !== undefined && (since === undefined || newest > since) ? newest : undefined;
}

/**
 * The next scheduled moment after now, whether or not an earlier one wants a run now. Undefined
 * when there is none in the time that a Date can express.
 */
export function nextTime(schedule: Schedule, state: ScheduleState): Date | undefined {
  const { now } = state;
  if (schedule.kind === "available") {
    const wanted = wantedWhileThere(schedule, state);
    return wanted !== undefined && wanted > now ? wanted : undefined;
  }
  if (schedule.kind === "interval") {
    const wanted = endOfInterval(schedule, state);
    return wanted > now ? wanted : later(now, schedule.everyMs);
  }
  const since = countedSince(schedule, state);
  const after = since !== undefined && since > now ? since : now;
  return cronOf(schedule).nextRun(after) ?? undefined;
}

/**
 * How long a job may have to wait for its schedule around `now`, in milliseconds: for an interval
 * its length, for a cron schedule the longest gap among its last moments. Looks back as far as
 * matters for judging whether a success that is two such waits and an hour old is overdue, so that
 * a job which rests at night is not overdue each morning. Infinite for what waits for volumes: they
 * may stay away for as long as they like.
 */
export function intervalOf(schedule: Schedule, now: Date): number {
  if (schedule.kind === "available") return Infinity;
  if (schedule.kind === "interval") return schedule.everyMs;
  let longest = 0;
  let end = cronOf(schedule).nextRun(now) ?? now;
  for (let gaps = 0; gaps < mostGaps; gaps += 1) {
    if (now.getTime() - end.getTime() > 2 * longest + hour) break;
    const start = previousMoment(schedule, later(end, -1));
    if (start === undefined) break;
    longest = Math.max(longest, end.getTime() - start.getTime());
    end = start;
  }
  return longest;
}

// Keeps `intervalOf` within milliseconds for a job that runs every minute.
const mostGaps = 100;

type CronSchedule = Extract<Schedule, { kind: "cron" }>;
type Interval = Extract<Schedule, { kind: "interval" }>;
type Available = Extract<Schedule, { kind: "available" }>;

/**
 * When a job that waits for volumes wants to run, while they are there: when they appeared, and again
 * after its interval, if it has one. An interval also holds back a drive that comes and goes.
 */
function wantedWhileThere(schedule: Available, state: ScheduleState): Date | undefined {
  const { appeared, lastStarted, now } = state;
  const { everyMs } = schedule;
  if (appeared === undefined || (appeared.answered && everyMs === undefined)) return undefined;
  const since = appeared.since > now ? now : appeared.since;
  if (everyMs === undefined || !isCredible(lastStarted, schedule, now)) return since;
  const again = later(lastStarted, everyMs);
  return appeared.answered || again > since ? again : since;
}

/** When an interval wants the next run. A job that never ran wants one at once. */
function endOfInterval(schedule: Interval, state: ScheduleState): Date {
  const { lastStarted, firstSeen, now } = state;
  if (isCredible(lastStarted, schedule, now)) return later(lastStarted, schedule.everyMs);
  return isCredible(firstSeen, schedule, now) ? firstSeen : now;
}

/** Moments up to this one need no run any more. */
function countedSince(schedule: CronSchedule, state: ScheduleState): Date | undefined {
  const { lastStarted, firstSeen, now } = state;
  if (isCredible(lastStarted, schedule, now)) return lastStarted;
  return isCredible(firstSeen, schedule, now) ? firstSeen : undefined;
}

// A day and the hour that a clock can be off besides.
const mostAhead = 25 * hour;

/**
 * Whether a recorded time can be waited for. One that lies a little ahead comes from a clock that
 * was set back since; one far ahead comes from a clock that was wrong, and would stop the schedule
 * until then. At most two turns of the schedule are lost.
 */
function isCredible(time: Date | undefined, schedule: Schedule, now: Date): time is Date {
  if (time === undefined) return false;
  // Not a number, and so never credible, for a time that could not be read.
  const ahead = time.getTime() - now.getTime();
  return ahead <= 0 || ahead <= Math.min(mostAhead, 2 * intervalOf(schedule, now));
}

function later(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}

/** The newest moment of a cron schedule that is not after `now`. */
function previousMoment(schedule: CronSchedule, now: Date): Date | undefined {
  // croner's "previous" is strictly before.
  return cronOf(schedule).previousRuns(1, later(now, 1))[0];
}

// Reading the fields costs as much as asking for a moment, and a daemon asks every minute.
const crons = new WeakMap<CronSchedule, Cron>();

function cronOf(schedule: CronSchedule): Cron {
  const known = crons.get(schedule);
  if (known !== undefined) return known;
  const made = newCron(schedule.cron, schedule.timezone);
  crons.set(schedule, made);
  return made;
}
