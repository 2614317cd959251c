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

for (const [order, places] of Object.entries(orders)) {
  for (const [name, rules] of Object.entries(ruleSets)) {
    const figures = Array.from({ length: rounds }, () => {
      const snapshots = listing(places);
      collectGarbage();
      const start = performance.now();
      decideRetention({ snapshots, rules, now });
      return performance.now() - start;
    }).toSorted((a, b) => a - b);
    const median = figures[Math.floor(rounds / 2)] ?? 0;
    console.log(
      `${count} snapshots, ${order}, ${name}: median ${median.toFixed(1)} ms, best ${figures[0]?.toFixed(1)} ms (bar 50 ms)`,
    );
  }
}
