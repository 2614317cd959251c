// Knows: which snapshots stay, and why. Must not know: who keeps them, and how they are dropped.
import * as z from "zod";
import type { Snapshot } from "../kernel/snapshot.ts";
import { CalendarSpan, formatCalendarSpan, spanBefore } from "./calendar-span.ts";
import { compareAge, newestFirst } from "./newest-first.ts";
import { type Period, startOfPeriod } from "./period.ts";

const howToCount = 'expected a whole number from 1 on, or "unlimited"';
const Count = z.union([z.int().min(1, { error: howToCount }), z.literal("unlimited")], {
  error: howToCount,
});
type Count = z.output<typeof Count>;

function newestOf(period: string, note = "") {
  return Count.optional().meta({
    description: `Keeps the newest snapshot of each of the last N ${period} that have one${note}.`,
    examples: [7, "unlimited"],
  });
}

function within(what: string) {
  return CalendarSpan.optional().meta({
    description: `Keeps ${what} made within this span before the newest one: y years, m months (not minutes), w weeks, d days, h hours.`,
    examples: ["14d", "1y6m"],
  });
}

/**
 * Which snapshots stay. A snapshot stays when any one rule wants it; without rules all stay.
 * The rules and their meanings are those of `restic forget`; `full` and `differential` count archives.
 */
export const Retention = z
  .strictObject({
    last: Count.optional().meta({
      description: "Keeps the newest N snapshots.",
      examples: [3, "unlimited"],
    }),
    full: Count.optional().meta({
      description:
        "Keeps the newest N full archives. For engines that make full and differential ones.",
      examples: [2],
    }),
    differential: Count.optional().meta({
      description: "Keeps the newest N differential archives, and the full ones that they need.",
      examples: [5],
    }),
    hourly: newestOf("hours"),
    daily: newestOf("days"),
    weekly: newestOf("weeks", " (weeks begin on Monday)"),
    monthly: newestOf("months"),
    yearly: newestOf("years"),
    within: within("all snapshots"),
    "within-hourly": within("the newest snapshot of each hour"),
    "within-daily": within("the newest snapshot of each day"),
    "within-weekly": within("the newest snapshot of each week"),
    "within-monthly": within("the newest snapshot of each month"),
    "within-yearly": within("the newest snapshot of each year"),
    labels: z
      .array(z.string().min(1))
      .optional()
      .meta({
        description: "Keeps every snapshot that has one of these labels.",
        examples: [["pre-upgrade"]],
      }),
  })
  .meta({
    description:
      "Which snapshots stay. A snapshot stays when any one of the rules wants it; without rules all stay.",
    examples: [{ hourly: 24, daily: 7, weekly: 4, monthly: 6, yearly: 1 }],
  });
export type Retention = z.output<typeof Retention>;

/** What happens to one snapshot: it stays for these reasons, or is dropped when there are none. */
export interface Decision {
  readonly snapshot: Snapshot;
  readonly keep: readonly string[];
}

/** All that decisions depend on, besides the zone of local time. */
export interface RetentionQuestion {
  /** In any order. One that is listed twice is decided once. */
  readonly snapshots: readonly Snapshot[];
  /** Absent or without any rule: everything stays. */
  readonly rules: Retention | undefined;
  readonly now: Date;
  /** Snapshots that stay whatever the rules say: the reason by id. */
  readonly pinned?: ReadonlyMap<string, string>;
}

/** Clocks of two machines may differ by so much before a snapshot counts as made in the future. */
export const futureToleranceMs = 5 * 60_000;

/** No backup is older: a clock that nobody has set begins in 1970 or 1980. */
export const earliestTime = new Date("1990-01-01T00:00:00Z");

/**
 * Decides which snapshots stay, newest first, and says why.
 *
 * The rules are applied to each series by itself, as `restic forget` does: the newest snapshot of
 * a period stands for it, periods are those of local time, a span is counted back from the newest
 * snapshot, and the oldest snapshot stays while a rule still has room.
 * https://restic.readthedocs.io/en/stable/060_forget.html
 *
 * Beyond restic: snapshots that something else made, that carry no possible time or that cannot be
 * restored stay, and never take the place of a good one; so do pinned snapshots, and every
 * snapshot that a kept one needs; and no series is ever emptied.
 */
export function decideRetention(question: RetentionQuestion): readonly Decision[] {
  const { snapshots, rules = {}, now, pinned } = question;
  const listings = snapshots.map((snapshot): Candidate => ({ snapshot, keep: none }));
  const candidates = newestFirst(listings);
  const byId = basedOnOthers(listings) ? groupById(candidates) : undefined;

  const whyUnfit = unfitness(byId, now);
  const series = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const { snapshot } = candidate;
    const pin = pinned?.get(snapshot.id);
    if (pin !== undefined) keep(candidate, pin);
    const unfit = whyUnfit(snapshot);
    if (unfit !== undefined) keep(candidate, unfit);
    else appendTo(series, snapshot.series ?? "", candidate);
  }
  for (const members of series.values()) applyRules(members, rules);

  if (byId === undefined) keepOtherListings(listings);
  else keepNeeded(candidates, byId);
  return candidates;
}

/** A decision that is being made. */
interface Candidate {
  readonly snapshot: Snapshot;
  keep: readonly string[];
}

// One list for all that are dropped: most of 100,000 are.
const none: readonly string[] = Object.freeze([]);

function keep(candidate: Candidate, reason: string): void {
  candidate.keep = [...candidate.keep, reason];
}

function isKept({ keep: reasons }: Candidate): boolean {
  return reasons.length > 0;
}

function basedOnOthers(listings: readonly Candidate[]): boolean {
  return listings.some(({ snapshot }) => snapshot.base !== undefined);
}

/** All listings of each id, newest first. */
type ById = ReadonlyMap<string, readonly Candidate[]>;

/** Made only where it is needed: 100,000 ids take longer than all else together. */
function groupById(candidates: readonly Candidate[]): ById {
  return Map.groupBy(candidates, ({ snapshot }) => snapshot.id);
}

/** Adds to a series, newest first; a listing that merely repeats the one before counts once. */
function appendTo(series: Map<string, Candidate[]>, name: string, candidate: Candidate): void {
  const members = series.get(name);
  const newer = members?.at(-1);
  if (members === undefined) series.set(name, [candidate]);
  else if (newer === undefined || compareAge(newer, candidate) !== 0) members.push(candidate);
}

/**
 * Finds why the rules do not apply to a snapshot: it stays, but must not stand for a period in
 * place of one that can be trusted.
 */
function unfitness(byId: ById | undefined, now: Date) {
  const latestPossible = now.getTime() + futureToleranceMs;
  const missingBase = byId === undefined ? () => undefined : missingBases(byId);
  return (snapshot: Snapshot): string | undefined => {
    const time = snapshot.time.getTime();
    if (snapshot.series === undefined) return "not made by this job";
    if (Number.isNaN(time)) return "its time is unknown";
    if (time < earliestTime.getTime()) return "its time is too long ago to be true";
    if (time > latestPossible) return "its time is in the future";
    const missing = snapshot.base === undefined ? undefined : missingBase(snapshot);
    return missing === undefined ? undefined : `its base ${missing} is missing`;
  };
}

/** Finds the base that is missing somewhere down the chain of a snapshot; each link is walked once. */
function missingBases(byId: ById) {
  const known = new Map<string, string | undefined>();
  return (snapshot: Snapshot): string | undefined => {
    const chain: string[] = [];
    let id: string | undefined = snapshot.id;
    let missing: string | undefined;
    while (id !== undefined && !known.has(id)) {
      const link: Candidate | undefined = byId.get(id)?.[0];
      if (link === undefined) missing = id;
      // Until its end is known, a chain counts as broken: so one that runs in a circle ends too.
      known.set(id, id);
      chain.push(id);
      id = link?.snapshot.base;
    }
    if (id !== undefined) missing = known.get(id);
    for (const link of chain) known.set(link, missing);
    return missing;
  };
}

const periods: readonly Period[] = ["hourly", "daily", "weekly", "monthly", "yearly"];

/** Applies all rules to the snapshots of one series, newest first. */
function applyRules(candidates: readonly Candidate[], rules: Retention): void {
  if (!hasRules(rules)) {
    for (const candidate of candidates) keep(candidate, "no rules: everything stays");
    return;
  }

  keepLabelled(candidates, new Set(rules.labels));
  if (rules.last !== undefined) keepLast(candidates, "last", rules.last);
  keepArchives(candidates, rules);
  for (const period of periods) {
    const limit = rules[period];
    if (limit !== undefined) keepNewestOfEach(candidates, period, limit);
  }
  if (rules.within !== undefined) keepWithin(candidates, rules.within);
  for (const period of periods) {
    const span = rules[`within-${period}`];
    if (span !== undefined) keepNewestOfEachWithin(candidates, period, span);
  }

  const [newest] = candidates;
  if (newest !== undefined && !candidates.some(isKept)) {
    keep(newest, "nothing else of its series would be left");
  }
}

function hasRules({ labels, ...others }: Retention): boolean {
  const wanted = labels !== undefined && labels.length > 0;
  return wanted || Object.values(others).some((rule) => rule !== undefined);
}

function keepLabelled(candidates: readonly Candidate[], labels: ReadonlySet<string>): void {
  if (labels.size === 0) return;
  for (const candidate of candidates) {
    const label = candidate.snapshot.labels.find((name) => labels.has(name));
    if (label !== undefined) keep(candidate, `label ${label}`);
  }
}

function keepLast(candidates: readonly Candidate[], rule: string, limit: Count): void {
  const last = limit === "unlimited" ? candidates : candidates.slice(0, limit);
  for (const [index, candidate] of last.entries()) {
    keep(candidate, ranked(rule, index + 1, limit));
  }
}

/** Counts the archives of each kind by themselves. */
function keepArchives(candidates: readonly Candidate[], rules: Retention): void {
  for (const kind of ["full", "differential"] as const) {
    const limit = rules[kind];
    const ofKind = ({ snapshot }: Candidate): boolean => snapshot.kind === kind;
    if (limit !== undefined) keepLast(candidates.filter(ofKind), kind, limit);
  }
}

function keepNewestOfEach(candidates: readonly Candidate[], period: Period, limit: Count): void {
  let count = 0;
  for (const { candidate, as } of representatives(candidates, period)) {
    count += 1;
    keep(candidate, ranked(period, count, limit) + as);
    if (count === limit) return;
  }
}

function ranked(rule: string, rank: number, limit: Count): string {
  return limit === "unlimited" ? `${rule} ${rank}` : `${rule} ${rank} of ${limit}`;
}

function keepWithin(candidates: readonly Candidate[], span: CalendarSpan): void {
  const oldest = startOfSpan(candidates, span);
  for (const candidate of candidates) {
    if (candidate.snapshot.time.getTime() <= oldest) return;
    keep(candidate, `within ${formatCalendarSpan(span)}`);
  }
}

function keepNewestOfEachWithin(
  candidates: readonly Candidate[],
  period: Period,
  span: CalendarSpan,
): void {
  const oldest = startOfSpan(candidates, span);
  for (const { candidate, as } of representatives(candidates, period)) {
    if (candidate.snapshot.time.getTime() <= oldest) return;
    keep(candidate, `${period} within ${formatCalendarSpan(span)}${as}`);
  }
}

/** A span ends with the newest snapshot, not now: a job that rests keeps what it has. */
function startOfSpan([newest]: readonly Candidate[], span: CalendarSpan): number {
  return newest === undefined ? Number.POSITIVE_INFINITY : spanBefore(newest.snapshot.time, span);
}

/**
 * The newest snapshot of each period, and at the end the oldest of all: as long as a rule has
 * room, the history should reach back as far as it can.
 */
function* representatives(candidates: readonly Candidate[], period: Period) {
  const oldest = candidates.at(-1);
  let periodStart = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const { time } = candidate.snapshot;
    if (time.getTime() < periodStart) {
      periodStart = startOfPeriod(period, time);
      yield { candidate, as: "" };
    } else if (candidate === oldest) {
      yield { candidate, as: " (oldest)" };
    }
  }
}

/**
 * Keeps every listing of a snapshot of which one is kept. Dropping is done by id: where an id is
 * listed with two times, the kept one would be lost with the other.
 */
function keepOtherListings(listings: readonly Candidate[]): void {
  if (listings.every(isKept)) return;
  const kept = new Map(listings.filter(isKept).map((listing) => [listing.snapshot.id, listing]));
  for (const listing of listings) {
    if (!isKept(listing)) listing.keep = kept.get(listing.snapshot.id)?.keep ?? none;
  }
}

/** The same, and keeps what a kept snapshot needs, whatever its own series, age or time. */
function keepNeeded(candidates: readonly Candidate[], byId: ById): void {
  const needed = new Set<string>();
  const kept = candidates.filter(isKept);
  // Grows while it is walked: a base that is kept may need one itself.
  for (const { snapshot, keep: reasons } of kept) {
    for (const other of byId.get(snapshot.id) ?? []) {
      if (isKept(other)) continue;
      other.keep = reasons;
      kept.push(other);
    }
    const { id, base } = snapshot;
    if (base === undefined || needed.has(base)) continue;
    needed.add(base);
    for (const needs of byId.get(base) ?? []) {
      if (!isKept(needs)) kept.push(needs);
      keep(needs, `${id} needs it`);
    }
  }
}
