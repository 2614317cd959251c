// What holds for every history and every set of rules. HOLDFAST_HISTORIES says how many are tried
// (3,000 by default, 100,000 at night), HOLDFAST_SEED repeats a run.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as fc from "fast-check";
import { anyRules, setTimeZone } from "../../test/support/retention-arbitraries.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import {
  type Decision,
  decideRetention,
  earliestTime,
  futureToleranceMs,
  type Retention,
  type RetentionQuestion,
} from "./retention.ts";

const histories = Number(process.env["HOLDFAST_HISTORIES"] ?? 3000);
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
const zones = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu"];
const zoneBefore = process.env["TZ"];
after(() => setTimeZone(zoneBefore));

const hour = 3_600_000;
const day = 24 * hour;
const now = new Date("2026-11-20T12:00:00Z");

/** A time in its relation to now, in milliseconds: mostly past, dense here and sparse there. */
const anyTime = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3 * day, max: 0 }) },
  { weight: 6, arbitrary: fc.integer({ min: -900 * day, max: 0 }) },
  // Few values: so some are equal, and some are at the edge of a period.
  { weight: 3, arbitrary: fc.integer({ min: -40, max: 0 }).map((days) => days * day) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: futureToleranceMs }) },
  { weight: 1, arbitrary: fc.integer({ min: futureToleranceMs + 1, max: 900 * day }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, -now.getTime(), -8.64e15, 8.6e15) },
);

const anything = { kind: "snapshot", labels: [], series: "a" } as const;

const anySnapshot = fc.record({
  time: anyTime,
  series: fc.constantFrom("a", "a", "a", "b", undefined),
  labels: fc.subarray(["a", "b", "c"]),
  /** Points at another one of the history, or at none of it. */
  base: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: fc.nat({ max: 30 }) },
  ),
  /** Rarely, a second listing of an earlier one. */
  again: fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, fc.boolean()),
});

const anyHistory = fc.array(anySnapshot, { maxLength: 30, size: "max" }).map((drafts) =>
  drafts.map(({ time, series, labels, base, again }, place): Snapshot => {
    const name = again ? Math.floor(place / 2) : place;
    return {
      id: `s${name}`,
      time: new Date(now.getTime() + time),
      kind: base === undefined ? "snapshot" : "differential",
      labels,
      ...(series === undefined ? {} : { series }),
      ...(base === undefined || base === name ? {} : { base: `s${base}` }),
    };
  }),
);

const anyQuestion: fc.Arbitrary<RetentionQuestion> = fc
  .record({
    snapshots: anyHistory,
    rules: anyRules,
    pins: fc.array(fc.nat({ max: 30 }), { maxLength: 2 }),
  })
  .map(({ snapshots, rules, pins }) => ({
    snapshots,
    rules,
    now,
    pinned: new Map(pins.map((place) => [`s${place}`, "newest verified"])),
  }));

function keptOf(decisions: readonly Decision[]): readonly Snapshot[] {
  return decisions.filter(({ keep }) => keep.length > 0).map(({ snapshot }) => snapshot);
}

function idsOf(snapshots: readonly Snapshot[]): ReadonlySet<string> {
  return new Set(snapshots.map(({ id }) => id));
}

function keptIds(question: RetentionQuestion): ReadonlySet<string> {
  return idsOf(keptOf(decideRetention(question)));
}

/** The first listing of each id: without listings that contradict each other. */
function listedOnce(question: RetentionQuestion): RetentionQuestion {
  const byId = new Map(question.snapshots.toReversed().map((snapshot) => [snapshot.id, snapshot]));
  return { ...question, snapshots: [...byId.values()] };
}

/** Whether rules may trust it: of this job, made at a possible time, and restorable. Written anew. */
function isGood(snapshot: Snapshot, all: readonly Snapshot[]): boolean {
  const time = snapshot.time.getTime();
  if (snapshot.series === undefined || Number.isNaN(time)) return false;
  if (time < earliestTime.getTime() || time > now.getTime() + futureToleranceMs) return false;
  return basesOf(snapshot, all) !== undefined;
}

/** The bases it needs, one after the other; undefined when one is missing. */
function basesOf(snapshot: Snapshot, all: readonly Snapshot[]): readonly Snapshot[] | undefined {
  const chain: Snapshot[] = [];
  let { base } = snapshot;
  while (base !== undefined) {
    const next = all.find(({ id }) => id === base);
    if (next === undefined || next === snapshot || chain.includes(next)) return undefined;
    chain.push(next);
    ({ base } = next);
  }
  return chain;
}

/** A sentence that must hold, and a check that throws where it does not. */
type Promised = readonly [sentence: string, check: (question: RetentionQuestion) => void];

const promises: readonly Promised[] = [
  [
    "decides about each listing once, newest first, those without a time last",
    (question) => {
      const decided = decideRetention(question).map(({ snapshot }) => snapshot);
      assert.deepEqual(new Set(decided), new Set(question.snapshots));
      assert.equal(decided.length, question.snapshots.length);
      const times = decided.map(({ time }) => time.getTime());
      const dated = times.filter((time) => !Number.isNaN(time));
      assert.deepEqual(
        times.slice(0, dated.length),
        dated.toSorted((a, b) => b - a),
      );
    },
  ],
  [
    "does not depend on the order of the listing",
    (asked) => {
      const question = listedOnce(asked);
      const turned = { ...question, snapshots: question.snapshots.toReversed() };
      assert.deepEqual(decideRetention(turned), decideRetention(question));
    },
  ],
  [
    "keeps all listings of one snapshot, or none",
    (question) => {
      const decisions = decideRetention(question);
      for (const { snapshot, keep } of decisions) {
        for (const other of decisions) {
          if (other.snapshot.id !== snapshot.id) continue;
          assert.equal(other.keep.length > 0, keep.length > 0);
        }
      }
    },
  ],
  [
    "never drops what is pinned: the newest verified snapshot",
    (question) => {
      for (const { snapshot, keep } of decideRetention(question)) {
        const reason = question.pinned?.get(snapshot.id);
        if (reason !== undefined) assert.equal(keep[0], reason);
      }
    },
  ],
  [
    "never leaves a series without a good snapshot that had one",
    (asked) => {
      const question = listedOnce(asked);
      const good = question.snapshots.filter((one) => isGood(one, question.snapshots));
      const kept = keptIds(question);
      for (const { series } of good) {
        assert.ok(good.some((one) => one.series === series && kept.has(one.id)));
      }
    },
  ],
  [
    "never drops the newest good snapshot of a series, unless only labels were asked for",
    (asked) => {
      const question = listedOnce(asked);
      if (Object.keys(question.rules ?? {}).every((rule) => rule === "labels")) return;
      const good = question.snapshots.filter((one) => isGood(one, question.snapshots));
      const kept = keptIds(question);
      for (const { series } of good) {
        const ofSeries = good.filter((one) => one.series === series);
        const latest = Math.max(...ofSeries.map(({ time }) => time.getTime()));
        const newest = ofSeries.filter(({ time }) => time.getTime() === latest);
        assert.ok(newest.some(({ id }) => kept.has(id)));
      }
    },
  ],
  [
    "never drops what is not good: a person may want to look at it",
    (asked) => {
      const question = listedOnce(asked);
      const kept = keptIds(question);
      for (const one of question.snapshots) {
        if (!isGood(one, question.snapshots)) assert.ok(kept.has(one.id), one.id);
      }
    },
  ],
  [
    "lets no snapshot that is not good take the place of a good one",
    (asked) => {
      const question = listedOnce(asked);
      const { snapshots } = question;
      const good = snapshots.filter((one) => isGood(one, snapshots));
      const needed = new Set(good.flatMap((one) => basesOf(one, snapshots) ?? []));
      const cleaned = snapshots.filter((one) => good.includes(one) || needed.has(one));
      const keptWithout = keptIds({ ...question, snapshots: cleaned });

      for (const { snapshot, keep } of decideRetention(question)) {
        if (!good.includes(snapshot)) continue;
        if (keptWithout.has(snapshot.id)) assert.ok(keep.length > 0, snapshot.id);
        else
          assert.ok(
            keep.every((reason) => reason.endsWith("needs it")),
            snapshot.id,
          );
      }
    },
  ],
  [
    "keeps all bases that a kept snapshot needs",
    (question) => {
      const ids = idsOf(question.snapshots);
      const kept = keptOf(decideRetention(question));
      for (const { base } of listedOnce({ ...question, snapshots: kept }).snapshots) {
        if (base !== undefined && ids.has(base)) assert.ok(idsOf(kept).has(base), base);
      }
    },
  ],
  [
    "keeps all that it kept when it is asked again",
    (question) => {
      const kept = keptOf(decideRetention(question));
      const again = keptOf(decideRetention({ ...question, snapshots: kept }));
      assert.deepEqual(idsOf(again), idsOf(kept));
    },
  ],
  [
    "never wants a dropped snapshot back because a newer one was made",
    (asked) => {
      const question = listedOnce(asked);
      if (countsCalendarSpans(question.rules)) return;
      const newer: Snapshot = {
        ...anything,
        id: "newer",
        time: new Date(now.getTime() + futureToleranceMs),
      };
      const before = keptIds(question);
      const later = keptIds({ ...question, snapshots: [...question.snapshots, newer] });
      for (const id of later) assert.ok(id === "newer" || before.has(id), id);
    },
  ],
  [
    "drops nothing because an older one turned up, but what was kept for being the oldest",
    (asked) => {
      const question = listedOnce(asked);
      const older: Snapshot = {
        ...anything,
        id: "older",
        time: earliestTime,
      };
      const later = keptIds({ ...question, snapshots: [...question.snapshots, older] });
      const oldest = decideRetention(question).filter(({ keep }) =>
        keep.some((reason) => reason.endsWith(" (oldest)")),
      );
      const excused = new Set(
        oldest.flatMap(({ snapshot }) => [
          snapshot,
          ...(basesOf(snapshot, question.snapshots) ?? []),
        ]),
      );
      for (const { id } of keptOf(decideRetention(question))) {
        assert.ok(later.has(id) || idsOf([...excused]).has(id), id);
      }
    },
  ],
  [
    "keeps no more of each rule than it asks for",
    (asked) => {
      const question = listedOnce(asked);
      const reasons = decideRetention(question)
        .filter(({ snapshot }) => snapshot.series === "a")
        .flatMap(({ keep }) => keep);
      for (const rule of ["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const) {
        const limit = question.rules?.[rule] ?? 0;
        if (limit === "unlimited") continue;
        const named = new RegExp(`^${rule} \\d+ of ${limit}( \\(oldest\\))?$`);
        assert.ok(reasons.filter((reason) => named.test(reason)).length <= limit, rule);
      }
    },
  ],
];

/**
 * One month before 31 March is 3 March, and before 1 April it is 1 March: spans of the calendar do
 * not move evenly with the newest snapshot, in restic as here.
 */
function countsCalendarSpans(rules: Retention | undefined): boolean {
  return Object.values(rules ?? {}).some(
    (rule) =>
      typeof rule === "object" && "hours" in rule && rule.years + rule.months + rule.days > 0,
  );
}

for (const [index, zone] of zones.entries()) {
  const numRuns = Math.ceil(histories / zones.length);
  test(`${numRuns} random histories in ${zone} keep every promise, seed ${seed}`, () => {
    setTimeZone(zone);
    const question = anyQuestion.map((asked) => Object.freeze(asked));

    fc.assert(
      fc.property(question, (asked) => {
        for (const [sentence, check] of promises) {
          try {
            check(asked);
          } catch (error) {
            throw new Error(`does not hold: ${sentence}`, { cause: error });
          }
        }
      }),
      { numRuns, seed: seed + index },
    );
  });
}
