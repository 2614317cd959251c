// Knows: what any scheduler owes to a daily job, worked out without the code that is tested. Must not know: how it is scheduled.
import type { Instant, SeenRun, SimulatedDaemon } from "./simulated-daemon.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** A daemon looks at the clock every minute; what it sees then it does at once. */
const latencyMs = minuteMs + 1000;

/** A run later than this after its time is called a catch-up. */
const punctualMs = 5 * minuteMs;

/** Times of day as a person means them: in a time zone, on every day or on one of the week. */
export interface Daily {
  readonly zone: string;
  /** "HH:MM" */
  readonly time: string;
  /** 0 is Sunday. */
  readonly weekday?: number;
}

/**
 * The moments that a time of day means from one time to another, one for each local date: the first
 * minute at which the clock shows it or, where it skips it, a later time. Asks the system's calendar
 * minute by minute where the clock is set.
 */
function momentsOf(daily: Daily, from: number, to: number): readonly number[] {
  const calendar = new Calendar(daily.zone);
  const moments: number[] = [];
  for (
    let midday = Math.floor(from / dayMs) * dayMs - hourMs * 12;
    midday < to + dayMs;
    midday += dayMs
  ) {
    const date = new Date(midday).toISOString().slice(0, 10);
    if (daily.weekday !== undefined && new Date(date).getUTCDay() !== daily.weekday) continue;
    const moment = calendar.first(`${date} ${daily.time}`);
    if (moment >= from && moment < to) moments.push(moment);
  }
  return moments;
}

/** The moments from one time to another at which the clock of a zone is set. */
export function clockChanges(zone: string, from: number, to: number): readonly number[] {
  const calendar = new Calendar(zone);
  const changes: number[] = [];
  for (let time = from; time < to; time += dayMs) {
    if (calendar.offset(time) === calendar.offset(time + dayMs)) continue;
    let minute = time;
    while (calendar.offset(minute) === calendar.offset(time)) minute += minuteMs;
    changes.push(minute);
  }
  return changes;
}

class Calendar {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat("sv-SE", {
      timeZone,
      dateStyle: "short",
      timeStyle: "short",
    });
  }

  /** "YYYY-MM-DD HH:MM" */
  shown(time: number): string {
    return this.#format.format(time);
  }

  /** How far the clock is ahead of UTC. */
  offset(time: number): number {
    return Date.parse(`${this.shown(time).replace(" ", "T")}Z`) - time;
  }

  /** The first minute at which the clock shows this or, on the same date, more. */
  first(wanted: string): number {
    const inUtc = Date.parse(`${wanted.replace(" ", "T")}Z`);
    const before = this.offset(inUtc - dayMs);
    if (before === this.offset(inUtc + dayMs)) return inUtc - before;
    for (let time = inUtc - before - 3 * hourMs; ; time += minuteMs) {
      const shown = this.shown(time);
      if (shown >= wanted && shown.slice(0, 10) === wanted.slice(0, 10)) return time;
    }
  }
}

/** What is checked of the life of one daemon. */
export interface Evidence {
  readonly daemon: SimulatedDaemon;
  /** The place that each job writes to. */
  readonly places: ReadonlyMap<string, string>;
  readonly concurrency: number;
  /** Clock time of the end. */
  readonly until: number;
}

type Range = readonly [from: number, to: number];

/** When, by the time that the machine was awake, a job could have been started but for its schedule. */
class Chances {
  readonly #free: readonly Range[];
  readonly #stretches: readonly { readonly range: Range; readonly ahead: number }[];

  constructor({ daemon, places, concurrency }: Evidence, job: string) {
    const { stretches, awake } = daemon.machine;
    this.#stretches = stretches.map((stretch, index) => ({
      range: [stretch.awake, stretches[index + 1]?.awake ?? awake],
      ahead: stretch.wall - stretch.awake,
    }));
    const rangeOf = ({ started, ended }: SeenRun): Range => [started.awake, ended?.awake ?? awake];
    const beside = daemon.runs
      .filter((run) => places.get(run.job) === places.get(job))
      .map(rangeOf);
    const crowded = crowdedRanges(daemon.runs.map(rangeOf), concurrency);
    const up = daemon.up.map(({ from, to }): Range => [from, Math.min(to, awake)]);
    this.#free = without(up, union([...beside, ...crowded]));
  }

  /**
   * For how long it could have been started while the clock showed a time in `wall`, within the range
   * `awake` of the time that the machine was awake.
   */
  length(wall: Range, awake: Range): number {
    let length = 0;
    for (const { range, ahead } of this.#stretches) {
      const from = Math.max(range[0], awake[0], wall[0] - ahead);
      const to = Math.min(range[1], awake[1], wall[1] - ahead);
      if (from < to) length += lengthWithin(this.#free, [from, to]);
    }
    return length;
  }
}

function lengthWithin(ranges: readonly Range[], [from, to]: Range): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.[1] ?? 0) <= from) low = middle + 1;
    else high = middle;
  }
  let length = 0;
  for (let index = low; (ranges[index]?.[0] ?? Infinity) < to; index += 1) {
    const [start, end] = ranges[index] ?? [0, 0];
    length += Math.min(end, to) - Math.max(start, from);
  }
  return length;
}

function union(ranges: readonly Range[]): readonly Range[] {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last === undefined || from > last[1]) merged.push([from, to]);
    else last[1] = Math.max(last[1], to);
  }
  return merged;
}

/** These ranges without those, both of them apart from each other and in order. */
function without(ranges: readonly Range[], holes: readonly Range[]): readonly Range[] {
  const rest: Range[] = [];
  for (const [start, end] of ranges) {
    let from = start;
    for (const [holeFrom, holeTo] of holes) {
      if (holeTo <= from || holeFrom >= end) continue;
      if (holeFrom > from) rest.push([from, holeFrom]);
      from = holeTo;
    }
    if (from < end) rest.push([from, end]);
  }
  return rest;
}

/** When as many ran as may. */
function crowdedRanges(ranges: readonly Range[], most: number): readonly Range[] {
  const turns = ranges.flatMap(([from, to]) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  turns.sort((a, b) => a.at - b.at || a.by - b.by);
  const crowded: Range[] = [];
  let running = 0;
  let since = 0;
  for (const { at, by } of turns) {
    if (running >= most && by < 0) crowded.push([since, at]);
    running += by;
    if (running >= most) since = at;
  }
  return crowded;
}

/** What a life came to, to be printed. */
export interface Tally {
  /** Times of day that the machine was awake at, or between them and the next. */
  met: number;
  /** Times of day that went by while it slept. */
  missed: number;
  punctual: number;
  caughtUp: number;
  retries: number;
}

export function emptyTally(): Tally {
  return { met: 0, missed: 0, punctual: 0, caughtUp: 0, retries: 0 };
}

/**
 * Checks one daily (or weekly) job. For every moment M of it, with N the next: the job is started by
 * its schedule at most once while the clock shows a time from M to N, and once when in that time it
 * could have been started for longer than a minute, before it was for a later moment; then within a
 * minute of what could have been. A start more than five minutes after M is called "catch-up". Answers
 * with sentences.
 */
export function checkDaily(
  job: string,
  daily: Daily,
  evidence: Evidence & { readonly tally: Tally },
): readonly string[] {
  const { daemon, until } = evidence;
  const begin = daemon.machine.stretches[0]?.wall ?? 0;
  const moments = momentsOf(daily, begin + 1, until + 14 * dayMs);
  const starts = daemon.runs.filter((run) => run.job === job && isScheduled(run));
  const chances = new Chances(evidence, job);
  const [first = Infinity] = moments;
  const early = starts
    .filter(({ started }) => started.wall < first)
    .map(({ started }) => `${job}: started at ${iso(started.wall)}, before it was ever due`);
  return moments.reduce<readonly string[]>((complaints, moment, index) => {
    if (moment > until) return complaints;
    const window: Range = [moment, moments[index + 1] ?? Infinity];
    const own = starts.filter(({ started: { wall } }) => wall >= window[0] && wall < window[1]);
    // Once a later moment has had its run, no clock that is set back brings this one back.
    const served = starts.find(({ started }) => started.wall >= moment);
    const waited = chances.length(window, [0, served?.started.awake ?? Infinity]);
    const what = `${job} of ${iso(moment)}`;
    count(evidence.tally, moment, own[0]);
    return [...complaints, ...complaintsOf(own, moment, waited).map((text) => `${what}: ${text}`)];
  }, early);
}

function complaintsOf(
  starts: readonly SeenRun[],
  moment: number,
  waited: number,
): readonly string[] {
  const times = starts.map(({ started }) => iso(started.wall)).join(", ");
  const [run] = starts;
  const isMislabelled = run !== undefined && isLate(run, moment) !== (run.trigger === "catch-up");
  return [
    ...(starts.length > 1 ? [`${starts.length} starts, at ${times}`] : []),
    ...(waited > latencyMs
      ? [`started at ${times || "no time"}, after ${waited / 1000} s in which it could have been`]
      : []),
    ...(isMislabelled ? [`started at ${times} as "${run.trigger}"`] : []),
  ];
}

function isLate({ started }: SeenRun, moment: number): boolean {
  return started.wall - moment > punctualMs;
}

function count(tally: Tally, moment: number, run: SeenRun | undefined): void {
  if (run === undefined) {
    tally.missed += 1;
    return;
  }
  tally.met += 1;
  if (isLate(run, moment)) tally.caughtUp += 1;
  else tally.punctual += 1;
}

/**
 * Checks a job that runs so long after its last start: never earlier, and within a minute of what could
 * have been. Answers with sentences.
 */
export function checkInterval(job: string, everyMs: number, evidence: Evidence): readonly string[] {
  const { daemon } = evidence;
  const starts = daemon.runs.filter((run) => run.job === job && isScheduled(run));
  const chances = new Chances(evidence, job);
  const complaints: string[] = [];
  for (const [index, { started }] of starts.entries()) {
    const next = starts[index + 1]?.started;
    const due = started.wall + everyMs;
    if (next !== undefined && next.wall < due) {
      complaints.push(`${job}: started at ${iso(started.wall)} and again at ${iso(next.wall)}`);
    }
    const waited = chances.length([due, Infinity], [started.awake, next?.awake ?? Infinity]);
    if (waited > latencyMs) {
      complaints.push(`${job}: not started again within ${waited / 1000} s after ${iso(due)}`);
    }
  }
  return complaints;
}

/** Checks that no two runs wrote to one place at a time, nor more at once than may. Answers with sentences. */
export function checkPlaces(evidence: Evidence): readonly string[] {
  const { daemon, places, concurrency } = evidence;
  const complaints: string[] = [];
  const running = new Set<SeenRun>();
  for (const run of daemon.runs) {
    for (const other of running) {
      if (other.ended !== undefined && other.ended.awake <= run.started.awake)
        running.delete(other);
    }
    const beside = [...running].find((other) => places.get(other.job) === places.get(run.job));
    const when = `${run.job}, ${iso(run.started.wall)}`;
    if (beside !== undefined) complaints.push(`${when}: beside ${beside.job} in one place`);
    running.add(run);
    if (running.size > concurrency) complaints.push(`${when}: ${running.size} at once`);
  }
  return complaints;
}

/** Codes of failures that are tried again. */
const mendable = new Set(["repository-locked", "repository-full", "host-unreachable"]);

/**
 * Checks the retries of a job: each failure that time can mend is followed by a retry after its delay,
 * not earlier and within a minute of what could have been, unless the schedule comes first or the
 * delays are used up; nothing else is followed by one. Answers with sentences.
 */
export function checkRetries(
  job: string,
  delays: readonly number[],
  evidence: Evidence & { readonly tally: Tally },
): readonly string[] {
  const { daemon, tally } = evidence;
  const runs = daemon.runs.filter((run) => run.job === job);
  const chances = new Chances(evidence, job);
  const complaints: string[] = [];
  let failures = 0;
  for (const [index, run] of runs.entries()) {
    const next = runs[index + 1];
    if (next?.trigger === "retry") tally.retries += 1;
    failures = isScheduled(run) ? 1 : failures + 1;
    if (run.ended === undefined) continue;
    const delay = mendable.has(run.end?.code ?? "") ? delays[failures - 1] : undefined;
    const wait = { ended: run.ended, delay, next, chances };
    const what = `${job}, failure ${failures} at ${iso(run.ended.wall)}`;
    complaints.push(...retryComplaints(daemon, wait).map((text) => `${what}: ${text}`));
  }
  return complaints;
}

interface Wait {
  readonly ended: Instant;
  /** Undefined: it is not to be tried again. */
  readonly delay: number | undefined;
  readonly next: SeenRun | undefined;
  readonly chances: Chances;
}

function retryComplaints(daemon: SimulatedDaemon, wait: Wait): readonly string[] {
  const { ended, delay, next, chances } = wait;
  const retried = next?.trigger === "retry" ? next.started : undefined;
  if (delay === undefined) {
    return retried === undefined ? [] : [`tried again at ${iso(retried.wall)} all the same`];
  }
  const due = ended.wall + delay;
  const isEarly =
    retried !== undefined && retried.wall < due && !wasSetBack(daemon, ended.awake, retried.awake);
  const waited = chances.length([due, Infinity], [ended.awake, next?.started.awake ?? Infinity]);
  return [
    ...(isEarly ? [`tried again too early, at ${iso(retried.wall)}`] : []),
    ...(waited > latencyMs ? [`not tried again within ${waited / 1000} s after ${iso(due)}`] : []),
  ];
}

function wasSetBack({ machine }: SimulatedDaemon, from: number, to: number): boolean {
  return machine.stretches.some(({ awake, wall }, index) => {
    const before = machine.stretches[index - 1];
    if (before === undefined || awake < from || awake > to) return false;
    return wall < before.wall + (awake - before.awake);
  });
}

function isScheduled({ trigger }: SeenRun): boolean {
  return trigger === "schedule" || trigger === "catch-up";
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
