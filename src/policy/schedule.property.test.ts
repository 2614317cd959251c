// Years of a daily job: awake, asleep, and under clocks that are set. HOLDFAST_YEARS says how many
// (2 by default), HOLDFAST_SEED repeats a run.
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { setTimeZone } from "../../test/support/retention-arbitraries.ts";
import { randomNumbers } from "../../test/support/random.ts";
import { dueTime, nextTime } from "./occurrence.ts";
import { Schedule } from "./schedule.ts";

const years = Number(process.env["HOLDFAST_YEARS"] ?? 2);
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
const zoneBefore = process.env["TZ"];
after(() => setTimeZone(zoneBefore));

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Zones, each with a time of day that its clock skips and one that it repeats. */
const zones: readonly (readonly [zone: string, skipped: string, repeated: string])[] = [
  ["Europe/Berlin", "02:30", "02:00"],
  ["America/New_York", "02:00", "01:59"],
  ["Australia/Lord_Howe", "02:15", "01:45"],
  ["America/Santiago", "00:00", "23:30"],
  ["Asia/Kathmandu", "00:00", "23:59"],
  ["UTC", "00:00", "23:59"],
];

/**
 * The moments that a time of day means, one for each local day, in the process's zone and without
 * croner: the first time the clock shows it, or the end of the gap that swallows it.
 */
function momentsOf(timeOfDay: string, from: Date, until: Date): readonly Date[] {
  const [hours = 0, minutes = 0] = timeOfDay.split(":").map(Number);
  const moments: Date[] = [];
  for (let date = from.getDate(); ; date += 1) {
    // JavaScript takes the first of two passes, and carries a time in a gap over to behind it.
    const moment = new Date(from.getFullYear(), from.getMonth(), date, hours, minutes);
    if (moment.getHours() !== hours || moment.getMinutes() !== minutes) {
      const offset = moment.getTimezoneOffset();
      while (new Date(moment.getTime() - minute).getTimezoneOffset() === offset) {
        moment.setTime(moment.getTime() - minute);
      }
    }
    if (moment > until) return moments;
    if (moment > from) moments.push(moment);
  }
}

function daily(timeOfDay: string, timezone: string | undefined): Schedule {
  const [hours, minutes] = timeOfDay.split(":").map(Number);
  const cron = `${minutes} ${hours} * * *`;
  return Schedule.parse(timezone === undefined ? cron : { cron, timezone });
}

interface Run {
  readonly moment: Date;
  readonly at: Date;
}

/** A job and the memory of its last start, asked now and then. */
class Sleeper {
  readonly runs: Run[] = [];
  readonly looks: Date[] = [];
  readonly #schedule: Schedule;
  readonly #firstSeen: Date;
  #lastStarted: Date | undefined;

  constructor(schedule: Schedule, firstSeen: Date) {
    this.#schedule = schedule;
    this.#firstSeen = firstSeen;
  }

  state(now: Date) {
    const started = this.#lastStarted === undefined ? {} : { lastStarted: this.#lastStarted };
    return { firstSeen: this.#firstSeen, now, ...started };
  }

  /** Looks at the clock; a run that is due starts a moment later. */
  look(now: Date): void {
    this.looks.push(now);
    const moment = dueTime(this.#schedule, this.state(now));
    if (moment === undefined) return;
    this.runs.push({ moment, at: now });
    this.#lastStarted = new Date(now.getTime() + 20);
  }

  /** When it would wake by itself. */
  next(now: Date): Date {
    return nextTime(this.#schedule, this.state(now)) ?? assert.fail("never again");
  }
}

function later(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}

for (const [index, [zone, skipped, repeated]] of zones.entries()) {
  suite(`${years} years in ${zone}, seed ${seed}`, () => {
    const random = randomNumbers(seed + index);
    const anyMinute = Math.floor(random() * 24 * 60);
    const anyTime = [Math.floor(anyMinute / 60), anyMinute % 60]
      .map((part) => String(part).padStart(2, "0"))
      .join(":");
    const from = new Date("2026-01-15T12:34:56Z");
    const until = later(from, years * 365.25 * day);

    for (const [timeOfDay, timezone] of [
      [skipped, undefined],
      [repeated, zone],
      [anyTime, random() < 0.5 ? undefined : zone],
    ] as const) {
      const named = `${timeOfDay}${timezone === undefined ? "" : ", the zone configured"}`;

      test(`runs exactly once a local day while awake: ${named}`, () => {
        setTimeZone(zone);
        const job = new Sleeper(daily(timeOfDay, timezone), from);

        for (let now = from; now <= until;) {
          job.look(now);
          const rest = job.next(now).getTime() - now.getTime();
          // Mostly it sleeps until the moment, or a little over; sometimes it wakes for something else.
          now = later(now, random() < 0.3 ? random() * rest : rest + random() * 30 * second);
        }

        const expected = momentsOf(timeOfDay, from, later(until, -minute));
        const made = job.runs.filter(({ moment }) => moment <= later(until, -minute));
        assert.deepEqual(
          made.map(({ moment }) => moment.toISOString()),
          expected.map((moment) => moment.toISOString()),
        );
        for (const { moment, at } of made) {
          assert.ok(at >= moment && at <= later(moment, 30 * second), at.toISOString());
        }
      });

      test(`makes up on waking, once, for all that it slept through: ${named}`, () => {
        setTimeZone(zone);
        const job = new Sleeper(daily(timeOfDay, timezone), from);

        for (let now = from; now <= until;) {
          job.look(now);
          now = later(now, random() < 0.7 ? random() * 10 * hour : random() * 4 * day);
        }

        const moments = momentsOf(timeOfDay, from, until);
        const expected: Run[] = [];
        let place = 0;
        for (const look of job.looks) {
          const before = place;
          while ((moments[place] ?? until) < look) place += 1;
          const missed = moments[place - 1];
          if (place > before && missed !== undefined) expected.push({ moment: missed, at: look });
        }
        assert.deepEqual(job.runs, expected);
      });
    }

    test("runs no day twice and stops for none under a clock that is set to and fro", () => {
      setTimeZone(zone);
      const job = new Sleeper(daily(skipped, undefined), from);
      const errors = [-12 * hour, -hour, -25 * minute, 0, hour, 12 * hour];

      let error = 0;
      const shown = (time: Date) => later(time, error);
      let time = later(from, day);
      for (; time <= until; time = later(time, random() * 8 * hour)) {
        if (random() < 0.05) error = errors[Math.floor(random() * errors.length)] ?? 0;
        job.look(shown(time));
      }
      for (const end = later(time, 3 * day); time <= end; time = later(time, hour)) {
        job.look(shown(time));
      }

      const moments = job.runs.map(({ moment }) => moment.getTime());
      assert.deepEqual(
        moments,
        [...new Set(moments)].toSorted((a, b) => a - b),
      );
      const known = new Set(
        momentsOf(skipped, from, shown(time)).map((moment) => moment.getTime()),
      );
      assert.ok(moments.every((moment) => known.has(moment)));
      assert.ok((moments.at(-1) ?? 0) >= shown(time).getTime() - 26 * hour);
    });

    test("goes on at once after a clock that was a year ahead, and once a day from then on", () => {
      setTimeZone(zone);
      const job = new Sleeper(daily(repeated, undefined), from);
      const wrong = later(from, 365 * day);
      const right = later(from, day);

      job.look(from);
      job.look(wrong);
      const end = later(right, 10 * day);
      for (let now = right; now <= end; now = later(now, 10 * minute)) job.look(now);

      const [ahead, first, ...others] = job.runs;
      assert.deepEqual(ahead?.at, wrong);
      assert.deepEqual(first?.at, right);
      assert.deepEqual(
        others.map(({ moment }) => moment),
        momentsOf(repeated, right, end),
      );
    });
  });
}
