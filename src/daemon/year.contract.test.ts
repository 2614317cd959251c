// A year of the daemon, on a machine that sleeps, is switched off, and whose clock is set, with jobs at
// the times that clocks skip and repeat. HOLDFAST_YEARS says how many years (1 by default),
// HOLDFAST_SEED repeats a run.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Failure } from "../../test/support/pretend-restic.ts";
import { randomNumbers } from "../../test/support/random.ts";
import {
  checkDaily,
  checkInterval,
  checkPlaces,
  checkRetries,
  clockChanges,
  emptyTally,
  type Daily,
} from "../../test/support/schedule-oracle.ts";
import { SimulatedDaemon, type Incident } from "../../test/support/simulated-daemon.ts";
import { defaultRetryMs } from "../policy/retry.ts";

const years = Number(process.env["HOLDFAST_YEARS"] ?? 1);
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

type Random = () => number;

function between(random: Random, low: number, high: number): number {
  return Math.round(low + random() * (high - low));
}

function oneOf<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[Math.floor(random() * choices.length)] ?? choices[0];
}

interface Life {
  readonly zone: string;
  readonly start: number;
  readonly end: number;
  readonly random: Random;
}

/** What happens to a laptop: mostly it sleeps, often over the hours at which the clock is set. */
function incidentsOf({ zone, start, end, random }: Life): readonly Incident[] {
  const incidents: Incident[] = [];
  const changes = clockChanges(zone, start, end);
  let wall = start;
  let awake = 0;
  let skew = 0;
  for (;;) {
    let gap = Math.round(-Math.log(1 - random()) * 14 * hourMs) + minuteMs;
    const beforeChange = between(random, minuteMs, 3 * hourMs);
    const change = changes.find((at) => at - beforeChange > wall && at - beforeChange < wall + gap);
    if (change !== undefined) gap = change - beforeChange - wall;
    wall += gap;
    awake += gap;
    if (wall >= end) return incidents;
    const incident: Incident =
      change === undefined
        ? anyIncident(random, awake, skew)
        : {
            at: awake,
            kind: "sleep",
            milliseconds: beforeChange + between(random, -hourMs, 5 * hourMs),
          };
    if (incident.milliseconds < 0 && incident.kind === "sleep") continue;
    if (incident.kind === "clock-set") skew += incident.milliseconds;
    wall += incident.milliseconds;
    incidents.push(incident);
  }
}

function anyIncident(random: Random, at: number, skew: number): Incident {
  const dice = random();
  if (dice < 0.12) {
    const milliseconds = skew === 0 ? oneOf(random, [hourMs, -hourMs]) : -skew;
    return { at, kind: "clock-set", milliseconds };
  }
  const asleep = oneOf(random, [
    between(random, minuteMs, 2 * hourMs),
    between(random, minuteMs, 2 * hourMs),
    between(random, 4 * hourMs, 12 * hourMs),
    between(random, 4 * hourMs, 12 * hourMs),
    between(random, dayMs, 4 * dayMs),
  ]);
  if (dice < 0.85) return { at, kind: "sleep", milliseconds: asleep };
  return { at, kind: "restart", milliseconds: random() < 0.5 ? 0 : asleep };
}

interface PlannedJob {
  readonly when: Daily | "hourly";
  readonly volume: string;
}

const concurrency = 3;

function configurationOf(jobs: ReadonlyMap<string, PlannedJob>): object {
  const volumes = [...new Set([...jobs.values()].map(({ volume }) => volume))];
  return {
    concurrency,
    volumes: Object.fromEntries(volumes.map((name) => [name, { path: `/mnt/${name}` }])),
    repositories: Object.fromEntries(
      [...jobs].map(([name, { volume }]) => [
        name,
        { engine: "restic", at: `${volume}:${name}`, password: { env: "PASSWORD" } },
      ]),
    ),
    notifiers: {
      teller: { type: "command", command: ["tell"], on: ["retries-exhausted", "overdue"] },
    },
    jobs: Object.fromEntries(
      [...jobs].map(([name, { when }]) => [
        name,
        {
          sources: ["/data"],
          repository: name,
          schedule: when === "hourly" ? { every: "1h" } : cronOf(when),
          keep: { last: 2 },
          notify: ["teller"],
        },
      ]),
    ),
  };
}

function cronOf({ zone, time, weekday }: Daily): object {
  const [hours, minutes] = time.split(":").map(Number);
  return { cron: `${minutes} ${hours} * * ${weekday ?? "*"}`, timezone: zone };
}

/** Some runs fail, some several times in a row, some more often than they are tried. */
class Misfortune {
  readonly #random: Random;
  readonly #left = new Map<string, { times: number; readonly failure: Failure }>();

  constructor(random: Random) {
    this.#random = random;
  }

  begin(job: string): void {
    const random = this.#random;
    if (random() > 0.06) this.#left.delete(job);
    else {
      const times = oneOf(random, [1, 1, 2, 3, 5, 9]);
      const failure = oneOf<Failure>(random, ["locked", "full", "unreachable", "wrong-password"]);
      this.#left.set(job, { times, failure });
    }
  }

  strike(job: string): Failure | undefined {
    const left = this.#left.get(job);
    if (left === undefined || left.times === 0) return undefined;
    left.times -= 1;
    return left.failure;
  }
}

const at = (zone: string, time: string, weekday?: number): Daily => ({
  zone,
  time,
  ...(weekday === undefined ? {} : { weekday }),
});

/** Zones, each with daily jobs at times that its clock skips, repeats, and neither. */
const zones: readonly (readonly [zone: string, jobs: Readonly<Record<string, PlannedJob>>])[] = [
  [
    "Europe/Berlin",
    {
      two: { when: at("Europe/Berlin", "02:00"), volume: "a" },
      "half-past-two": { when: at("Europe/Berlin", "02:30"), volume: "a" },
      three: { when: at("Europe/Berlin", "03:00"), volume: "b" },
      weekly: { when: at("Europe/Berlin", "02:30", 0), volume: "a" },
    },
  ],
  [
    "America/New_York",
    {
      skipped: { when: at("America/New_York", "02:30"), volume: "a" },
      repeated: { when: at("America/New_York", "01:30"), volume: "b" },
    },
  ],
  [
    "Australia/Lord_Howe",
    {
      skipped: { when: at("Australia/Lord_Howe", "02:15"), volume: "a" },
      repeated: { when: at("Australia/Lord_Howe", "01:45"), volume: "b" },
    },
  ],
  [
    "America/Santiago",
    {
      skipped: { when: at("America/Santiago", "00:00"), volume: "a" },
      repeated: { when: at("America/Santiago", "23:30"), volume: "b" },
    },
  ],
  ["UTC", { midnight: { when: at("UTC", "00:00"), volume: "a" } }],
];

/** A daemon that has lived, and what may be asked of it. */
async function lived(
  { zone, start, end, random }: Life,
  jobs: ReadonlyMap<string, PlannedJob>,
  options: { readonly incidents: readonly Incident[]; readonly looksEachMinute?: boolean },
) {
  const misfortune = new Misfortune(random);
  let givenUp = 0;
  const daemon = await SimulatedDaemon.create({
    start: new Date(start),
    config: configurationOf(jobs),
    restic: {
      repositories: [...jobs].map(([name, { volume }]) => `/mnt/${volume}/${name}`),
      takes: ({ verb }) => (verb === "backup" ? between(random, minuteMs, 25 * minuteMs) : 0),
      fails: ({ verb, job }) =>
        verb === "backup" && job !== undefined ? misfortune.strike(job) : undefined,
      others({ env }) {
        if (env?.["HOLDFAST_EVENT"] === "retries-exhausted") givenUp += 1;
        return {};
      },
    },
    listener({ job, event }) {
      if (event.event !== "run-started") return;
      if (event.trigger === "schedule" || event.trigger === "catch-up") misfortune.begin(job);
    },
  });
  daemon.machine.looksEachMinute = options.looksEachMinute ?? false;
  daemon.start();
  for (const incident of options.incidents) await daemon.live(incident.at, [incident]);
  await daemon.live(daemon.machine.awake + Math.max(0, end - daemon.machine.now().getTime()));

  const places = new Map([...jobs].map(([name, { volume }]) => [name, volume]));
  const until = daemon.machine.now().getTime();
  const tally = emptyTally();
  const evidence = { daemon, places, concurrency, until, tally };
  const complaints = [
    ...[...jobs].flatMap(([name, { when }]) => [
      ...(when === "hourly"
        ? checkInterval(name, hourMs, evidence)
        : checkDaily(name, when, evidence)),
      ...checkRetries(name, defaultRetryMs, evidence),
    ]),
    ...checkPlaces(evidence),
  ];
  const figures = { runs: daemon.runs.length, incidents: options.incidents.length, ...tally };
  return { daemon, complaints, figures: `${zone}: ${JSON.stringify({ ...figures, givenUp })}` };
}

for (const [index, [zone, jobs]] of zones.entries()) {
  suite(`in ${zone}, seed ${seed}`, () => {
    const random = randomNumbers(seed + index);
    const planned = new Map(Object.entries(jobs));

    test(`in ${years} years each daily job runs once per local day on which the machine is awake at or after its time`, async (t) => {
      const start = Date.parse("2026-01-15T12:34:56Z");
      const life = { zone, start, end: start + years * 365.25 * dayMs, random };

      const { daemon, complaints, figures } = await lived(life, planned, {
        incidents: incidentsOf(life),
      });
      await using _ = daemon;

      t.diagnostic(figures);
      assert.deepEqual(complaints, []);
      assert.deepEqual(
        daemon.said.filter((line) => line.startsWith("error")),
        [],
      );
    });
  });
}

test("what one run made up for, a clock that is set back does not bring back", async () => {
  const start = Date.parse("2026-01-15T12:00:00Z");
  const life = { zone: "UTC", start, end: start + 3 * dayMs, random: randomNumbers(seed) };
  const planned = new Map([["midnight", { when: at("UTC", "00:00"), volume: "a" }]]);

  const { daemon, complaints } = await lived(life, planned, {
    incidents: [
      // Awake again half an hour after the second midnight; an hour earlier, it is before it.
      { at: hourMs, kind: "sleep", milliseconds: 35.5 * hourMs },
      { at: 1.1 * hourMs, kind: "clock-set", milliseconds: -hourMs },
      { at: 1.5 * hourMs, kind: "sleep", milliseconds: 2 * hourMs },
    ],
  });
  await using _ = daemon;

  assert.deepEqual(complaints, []);
  assert.equal(daemon.runs.filter(({ trigger }) => trigger === "catch-up").length, 1);
});

suite(`on the days on which the clock is set, seed ${seed}`, () => {
  for (const [index, [zone, jobs]] of zones.entries()) {
    const year = Date.parse("2026-01-01T00:00:00Z");
    for (const change of clockChanges(zone, year, year + 365 * dayMs)) {
      const date = new Date(change).toISOString().slice(0, 10);

      test(`a look every minute finds each time of day once in ${zone}, ${date}`, async (t) => {
        const random = randomNumbers(seed + index);
        const life = { zone, start: change - 8 * hourMs, end: change + 8 * hourMs, random };
        const planned = new Map<string, PlannedJob>(Object.entries(jobs));
        planned.set("hourly", { when: "hourly", volume: "c" });

        const { daemon, complaints, figures } = await lived(life, planned, {
          incidents: [],
          looksEachMinute: true,
        });
        await using _ = daemon;

        t.diagnostic(figures);
        assert.deepEqual(complaints, []);
      });
    }
  }
});
