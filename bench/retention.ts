// How long retention takes to decide about 100,000 snapshots: `node bench/retention.ts`.
import { randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Snapshot } from "../src/kernel/snapshot.ts";
import { decideRetention, Retention } from "../src/policy/retention.ts";

// So that the garbage of making a listing is not counted as time of deciding.
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const count = 100_000;
const rounds = 15;
const now = new Date("2026-11-20T12:00:00Z");
const hour = 3_600_000;

const ruleSets: Record<string, Retention> = {
  "no rules": Retention.parse({}),
  "usual rules": Retention.parse({ hourly: 24, daily: 7, weekly: 4, monthly: 6, yearly: 3 }),
  "within 30d, monthly unlimited": Retention.parse({ within: "30d", monthly: "unlimited" }),
  "everything unlimited": Retention.parse({
    last: "unlimited",
    hourly: "unlimited",
    daily: "unlimited",
  }),
};

/** New objects each time, as a listing makes them: texts whose hashes nobody has computed yet. */
function listing(places: readonly number[]): Snapshot[] {
  return places.map((place) => ({
    id: randomBytes(32).toString("hex"),
    time: new Date(now.getTime() - place * hour),
    kind: "snapshot",
    labels: [],
    series: "documents",
  }));
}

const oldestFirst = Array.from({ length: count }, (_, index) => count - index);
const orders: Record<string, readonly number[]> = {
  "oldest first": oldestFirst,
  "random order": oldestFirst
    .map((place) => ({ place, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ place }) => place),
};

/** One decision: by the clock, and by this thread's share of a processor, which others disturb less. */
function measure(places: readonly number[], rules: Retention) {
  const snapshots = listing(places);
  collectGarbage();
  const used = process.threadCpuUsage();
  const start = performance.now();
  decideRetention({ snapshots, rules, now });
  const wall = performance.now() - start;
  const { user, system } = process.threadCpuUsage(used);
  return { wall, processor: (user + system) / 1000 };
}

function median(figures: readonly number[]): string {
  const sorted = figures.toSorted((a, b) => a - b);
  return (sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(0);
}

for (const [order, places] of Object.entries(orders)) {
  for (const [name, rules] of Object.entries(ruleSets)) {
    const figures = Array.from({ length: rounds }, () => measure(places, rules));
    const walls = figures.map(({ wall }) => wall);
    console.log(
      `${count} snapshots, ${order}, ${name}: median ${median(walls)} ms, best ${Math.min(...walls).toFixed(0)} ms, processor ${median(figures.map(({ processor }) => processor))} ms (bar 50 ms)`,
    );
  }
}
