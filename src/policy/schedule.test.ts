import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import * as z from "zod";
import { setTimeZone } from "../../test/support/retention-arbitraries.ts";
import { dueTime, intervalOf, nextTime, type ScheduleState } from "./occurrence.ts";
import { Schedule } from "./schedule.ts";

const zoneBefore = process.env["TZ"];
after(() => setTimeZone(zoneBefore));

const minute = 60_000;
const hour = 60 * minute;

const nightly = Schedule.parse({ cron: "0 2 * * *", timezone: "Europe/Berlin" });
const everySixHours = Schedule.parse({ every: "6h" });

/** The state of a job that was configured long ago; times are local in Berlin. */
function state(now: string, lastStarted?: string): ScheduleState {
  const firstSeen = berlin("2026-01-01 12:00");
  if (lastStarted === undefined) return { firstSeen, now: berlin(now) };
  return { firstSeen, now: berlin(now), lastStarted: berlin(lastStarted) };
}

/** Winter time, unless an offset is given. */
function berlin(text: string): Date {
  const [day, time, offset = "+01:00"] = text.split(" ");
  return new Date(`${day}T${time}${time?.length === 5 ? ":00" : ""}${offset}`);
}

/** The moments that follow one another from a time on. */
function threeMoments(schedule: Schedule, from: string): string {
  const found: string[] = [];
  let now = new Date(from);
  while (found.length < 3) {
    now = nextTime(schedule, { firstSeen: new Date(0), now }) ?? now;
    found.push(now.toISOString().replace(":00.000Z", "Z"));
  }
  return found.join(" ");
}

suite("cron", () => {
  const table: readonly (readonly [zone: string, cron: string, what: string, moments: string])[] = [
    [
      "Europe/Berlin",
      "30 2 * * *",
      "a time in the gap of spring comes right after the gap",
      "2026-03-27T12:00Z → 2026-03-28T01:30Z 2026-03-29T01:00Z 2026-03-30T00:30Z",
    ],
    [
      "Europe/Berlin",
      "30 2 * * *",
      "a time in the hour that autumn repeats comes the first time",
      "2026-10-23T12:00Z → 2026-10-24T00:30Z 2026-10-25T00:30Z 2026-10-26T01:30Z",
    ],
    [
      "Europe/Berlin",
      "30 2,14 * * *",
      "several times of a day are times of a day too",
      "2026-10-24T22:00Z → 2026-10-25T00:30Z 2026-10-25T13:30Z 2026-10-26T01:30Z",
    ],
    [
      "Europe/Berlin",
      "0 * * * *",
      "every hour goes on through the repeated hour",
      "2026-10-24T23:30Z → 2026-10-25T00:00Z 2026-10-25T01:00Z 2026-10-25T02:00Z",
    ],
    [
      "America/New_York",
      "30 2 * * *",
      "the gap of spring on the other side of the ocean",
      "2026-03-06T12:00Z → 2026-03-07T07:30Z 2026-03-08T07:00Z 2026-03-09T06:30Z",
    ],
    [
      "America/New_York",
      "30 1 * * *",
      "the repeated hour on the other side of the ocean",
      "2026-10-30T12:00Z → 2026-10-31T05:30Z 2026-11-01T05:30Z 2026-11-02T06:30Z",
    ],
    [
      "Australia/Lord_Howe",
      "15 2 * * *",
      "a gap of half an hour",
      "2026-10-02T12:00Z → 2026-10-02T15:45Z 2026-10-03T15:30Z 2026-10-04T15:15Z",
    ],
    [
      "Australia/Lord_Howe",
      "45 1 * * *",
      "a repeated half hour",
      "2026-04-03T12:00Z → 2026-04-03T14:45Z 2026-04-04T14:45Z 2026-04-05T15:15Z",
    ],
    [
      "America/Santiago",
      "0 0 * * *",
      "a midnight that does not exist",
      "2026-09-04T12:00Z → 2026-09-05T04:00Z 2026-09-06T04:00Z 2026-09-07T03:00Z",
    ],
    [
      "America/Santiago",
      "30 23 * * *",
      "an hour before midnight that is repeated",
      "2026-04-03T12:00Z → 2026-04-04T02:30Z 2026-04-05T02:30Z 2026-04-06T03:30Z",
    ],
    [
      "Asia/Kathmandu",
      "0 2 * * *",
      "no whole hours",
      "2026-03-28T12:00Z → 2026-03-28T20:15Z 2026-03-29T20:15Z 2026-03-30T20:15Z",
    ],
    [
      "UTC",
      "0 2 29 2 *",
      "leap days only",
      "2026-11-20T12:00Z → 2028-02-29T02:00Z 2032-02-29T02:00Z 2036-02-29T02:00Z",
    ],
    [
      "UTC",
      "14 3 * * *",
      "beyond what 32 bits can count",
      "2038-01-18T00:00Z → 2038-01-18T03:14Z 2038-01-19T03:14Z 2038-01-20T03:14Z",
    ],
    [
      "UTC",
      "30 8 * * MON-FRI",
      "names of days",
      "2026-11-20T12:00Z → 2026-11-23T08:30Z 2026-11-24T08:30Z 2026-11-25T08:30Z",
    ],
    [
      "UTC",
      "@weekly",
      "a nickname",
      "2026-11-20T12:00Z → 2026-11-22T00:00Z 2026-11-29T00:00Z 2026-12-06T00:00Z",
    ],
  ];

  for (const [timezone, cron, what, moments] of table) {
    const [from = "", expected = ""] = moments.split(" → ");

    test(`${what}: ${cron} in ${timezone}`, () => {
      const schedule = Schedule.parse({ cron, timezone });

      assert.equal(threeMoments(schedule, from), expected);
    });

    test(`${what}: ${cron} in ${timezone}, the machine's own zone`, () => {
      setTimeZone(timezone);
      const schedule = Schedule.parse(cron);

      assert.equal(threeMoments(schedule, from), expected);
    });
  }
});

suite("due", () => {
  test("wants no run before the time, and one from then on until it has started", () => {
    const yesterday = "2026-11-19 02:00:05";

    assert.equal(dueTime(nightly, state("2026-11-20 01:59:59", yesterday)), undefined);
    assert.deepEqual(
      dueTime(nightly, state("2026-11-20 02:00", yesterday)),
      berlin("2026-11-20 02:00"),
    );
    assert.deepEqual(
      dueTime(nightly, state("2026-11-20 08:30", yesterday)),
      berlin("2026-11-20 02:00"),
    );
    assert.equal(dueTime(nightly, state("2026-11-20 08:30", "2026-11-20 08:20")), undefined);
    assert.equal(dueTime(nightly, state("2026-11-20 02:00", "2026-11-20 02:00")), undefined);
  });

  test("makes up for several missed runs by one", () => {
    const asleepSince = "2026-11-10 02:00:05";

    assert.deepEqual(
      dueTime(nightly, state("2026-11-20 08:30", asleepSince)),
      berlin("2026-11-20 02:00"),
    );
    assert.equal(dueTime(nightly, state("2026-11-20 08:31", "2026-11-20 08:30")), undefined);
  });

  test("catches up nothing from before the job was first seen", () => {
    const firstSeen = berlin("2026-11-20 12:00");

    const atNoon = dueTime(nightly, { firstSeen, now: berlin("2026-11-20 12:01") });
    const atNight = dueTime(nightly, { firstSeen, now: berlin("2026-11-21 02:00") });

    assert.equal(atNoon, undefined);
    assert.deepEqual(atNight, berlin("2026-11-21 02:00"));
  });

  test("runs once through the repeated hour, also when it wakes in its second pass", () => {
    const halfPastTwo = Schedule.parse({ cron: "30 2 * * *", timezone: "Europe/Berlin" });
    const secondPass = "2026-10-25 02:40 +01:00";
    const firstPass = berlin("2026-10-25 02:30 +02:00");

    assert.deepEqual(dueTime(halfPastTwo, state(secondPass, "2026-10-24 02:30 +02:00")), firstPass);
    assert.equal(dueTime(halfPastTwo, state(secondPass, "2026-10-25 02:30:05 +02:00")), undefined);
  });

  test("does not run the day's job again after the clock was set back by an hour", () => {
    const started = "2026-11-20 02:00:05";

    assert.equal(dueTime(nightly, state("2026-11-20 01:10", started)), undefined);
    assert.equal(dueTime(nightly, state("2026-11-20 02:00", started)), undefined);
    assert.deepEqual(
      nextTime(nightly, state("2026-11-20 01:10", started)),
      berlin("2026-11-21 02:00"),
    );
  });

  test("does not run a day again that the clock has shown before", () => {
    const started = "2026-11-20 02:00:05";

    assert.equal(dueTime(nightly, state("2026-11-19 02:00", started)), undefined);
    assert.deepEqual(
      dueTime(nightly, state("2026-11-21 02:00", started)),
      berlin("2026-11-21 02:00"),
    );
  });

  test("does not wait for a year in which a wrong clock says it last started", () => {
    assert.deepEqual(
      dueTime(nightly, state("2026-11-20 08:30", "2031-01-01 02:00")),
      berlin("2026-11-20 02:00"),
    );
  });

  test("does not wait either when even the first sight was in that year", () => {
    const wrong = berlin("2031-01-01 02:00");
    const now = berlin("2026-11-20 08:30");

    for (const schedule of [nightly, everySixHours]) {
      const due = dueTime(schedule, { firstSeen: wrong, lastStarted: wrong, now });

      assert.ok(due !== undefined && due <= now);
    }
  });

  test("loses two turns at most to a clock that was ahead", () => {
    const hourly = Schedule.parse({ cron: "0 * * * *", timezone: "Europe/Berlin" });

    const twoAhead = dueTime(hourly, state("2026-11-20 08:30", "2026-11-20 10:30"));
    const moreAhead = dueTime(hourly, state("2026-11-20 08:30", "2026-11-20 10:31"));

    assert.equal(twoAhead, undefined);
    assert.deepEqual(moreAhead, berlin("2026-11-20 08:00"));
  });

  test("takes a start that cannot be read for none", () => {
    const lastStarted = new Date("no date");
    const now = berlin("2026-11-20 08:30");
    const firstSeen = berlin("2026-11-20 08:00");

    assert.equal(dueTime(nightly, { lastStarted, firstSeen, now }), undefined);
    assert.deepEqual(dueTime(everySixHours, { lastStarted, firstSeen, now }), firstSeen);
  });
});

suite("interval", () => {
  test("wants the first run at once", () => {
    assert.deepEqual(dueTime(everySixHours, state("2026-01-01 12:00")), berlin("2026-01-01 12:00"));
  });

  test("wants the next one so long after the last start", () => {
    const started = "2026-11-20 02:00";

    assert.equal(dueTime(everySixHours, state("2026-11-20 07:59:59", started)), undefined);
    assert.deepEqual(
      dueTime(everySixHours, state("2026-11-20 08:00", started)),
      berlin("2026-11-20 08:00"),
    );
    assert.deepEqual(
      nextTime(everySixHours, state("2026-11-20 07:00", started)),
      berlin("2026-11-20 08:00"),
    );
  });

  test("makes up for several missed runs by one", () => {
    const due = dueTime(everySixHours, state("2026-11-20 08:00", "2026-11-10 02:00"));

    assert.deepEqual(due, berlin("2026-11-10 08:00"));
    assert.deepEqual(
      nextTime(everySixHours, state("2026-11-20 08:00", "2026-11-10 02:00")),
      berlin("2026-11-20 14:00"),
    );
  });

  test("is longer by an hour of sixty minutes when the clock is set back by one", () => {
    const started = "2026-11-20 02:00";

    assert.equal(dueTime(everySixHours, state("2026-11-20 01:30", started)), undefined);
    assert.deepEqual(
      dueTime(everySixHours, state("2026-11-20 01:30", "2026-11-21 02:00")),
      berlin("2026-01-01 12:00"),
    );
  });
});

suite("interval of a schedule", () => {
  const cases: readonly (readonly [schedule: unknown, now: string, hours: number])[] = [
    [{ every: "90m" }, "2026-11-20 12:00", 1.5],
    ["0 2 * * *", "2026-11-20 12:00", 24],
    ["0 2 * * SUN", "2026-11-20 12:00", 168],
    ["*/5 * * * *", "2026-11-20 12:00", 1 / 12],
    // A clock change makes a day of 25 hours.
    ["0 2 * * *", "2026-10-25 12:00", 25],
    // At night, and in the first hours after it, the night is the longest wait; at noon it is over.
    ["*/30 8-20 * * *", "2026-11-20 23:00", 11.5],
    ["*/30 8-20 * * *", "2026-11-20 08:45", 11.5],
    ["*/30 8-20 * * *", "2026-11-20 09:45", 11.5],
    ["*/30 8-20 * * *", "2026-11-20 14:00", 0.5],
    // On Monday morning it is the weekend.
    ["0 8-18 * * MON-FRI", "2026-11-23 09:30", 62],
    ["0 2 29 2 *", "2028-03-01 12:00", 4 * 365.25 * 24],
  ];

  for (const [input, now, hours] of cases) {
    test(`${JSON.stringify(input)} has one of ${hours} h at ${now}`, () => {
      setTimeZone("Europe/Berlin");

      assert.equal(intervalOf(Schedule.parse(input), berlin(now)), hours * hour);
    });
  }

  test("is found in a bounded number of steps for a job that runs every minute", () => {
    const everyMinute = Schedule.parse("* * * * *");

    assert.equal(intervalOf(everyMinute, berlin("2026-11-20 12:00")), minute);
  });
});

suite("configuration", () => {
  test("is a plain value", () => {
    assert.deepEqual(Schedule.parse(" 0 2 * * * "), { kind: "cron", cron: "0 2 * * *" });
    assert.deepEqual(Schedule.parse({ cron: "0 2 * * *" }), { kind: "cron", cron: "0 2 * * *" });
    assert.deepEqual(nightly, { kind: "cron", cron: "0 2 * * *", timezone: "Europe/Berlin" });
    assert.deepEqual(everySixHours, { kind: "interval", everyMs: 6 * hour });
  });

  const problems: readonly (readonly [input: unknown, message: RegExp])[] = [
    ["", /"" has not the five fields of a cron schedule: minute, hour, /],
    ["daily", /"daily" has not the five fields of a cron schedule/],
    ["0 0 2 * * *", /"0 0 2 \* \* \*" has not the five fields/],
    ["@reboot", /"@reboot" is not a cron schedule: @reboot is not supported/],
    ["0 25 * * *", /"0 25 \* \* \*" is not a cron schedule: Invalid value for hour: 25/],
    ["0 2 30 2 *", /"0 2 30 2 \*" names a day that never comes/],
    [{ cron: "0 2 * *" }, /has not the five fields[^]*→ at cron/],
    [
      { cron: "0 2 * * *", timezone: "Berlin" },
      /"Berlin" is not a known time zone: write a name such as Europe\/Berlin, or UTC\s+→ at timezone/,
    ],
    [{ every: "30s" }, /an interval is at least one minute: 1m\s+→ at every/],
    [{ every: "6" }, /"6" has no unit[^]*→ at every/],
    [{ evry: "6h" }, /Unrecognized key: "evry"/],
    [{}, /write either cron, as in \{ cron: "0 2 \* \* \*" \}, or every/],
    [{ cron: "0 2 * * *", every: "6h" }, /write either cron/],
    [{ every: "6h", timezone: "UTC" }, /an interval has no time zone/],
    [6, /expected a cron schedule such as "0 2 \* \* \*", or \{ every: 6h \}/],
  ];

  for (const [input, message] of problems) {
    test(`refuses ${JSON.stringify(input)} and says why`, () => {
      const { error } = Schedule.safeParse(input);

      assert.match(z.prettifyError(error ?? new z.ZodError([])), message);
    });
  }

  test("has a JSON Schema that editors can complete", () => {
    const schema = z.toJSONSchema(Schedule, { io: "input" });

    const [text, object] = schema.anyOf ?? [];
    assert.equal(typeof text === "object" && text.type, "string");
    assert.deepEqual(Object.keys((typeof object === "object" && object.properties) || {}), [
      "cron",
      "timezone",
      "every",
      "when",
    ]);
  });
});

suite("what waits for volumes", () => {
  const once = Schedule.parse({ when: "available" });
  const often = Schedule.parse({ when: "available", every: "6h" });
  const appeared = { since: berlin("2026-01-05 12:00"), answered: false };
  const answered = { ...appeared, answered: true };

  test("wants a run when they have appeared, and no other as long as they stay", () => {
    const now = state("2026-01-05 12:01", "2026-01-05 11:00");

    assert.deepEqual(dueTime(once, { ...now, appeared }), appeared.since);
    assert.equal(dueTime(once, { ...now, appeared: answered }), undefined);
    assert.equal(nextTime(once, { ...now, appeared: answered }), undefined);
    assert.equal(dueTime(once, now), undefined);
  });

  test("runs again after its interval as long as they stay", () => {
    const early = { ...state("2026-01-05 17:59", "2026-01-05 12:00"), appeared: answered };
    const late = { ...state("2026-01-05 18:00", "2026-01-05 12:00"), appeared: answered };

    assert.equal(dueTime(often, early), undefined);
    assert.deepEqual(nextTime(often, early), berlin("2026-01-05 18:00"));
    assert.deepEqual(dueTime(often, late), berlin("2026-01-05 18:00"));
  });

  test("is held back by its interval when they come and go", () => {
    const again = { ...state("2026-01-05 12:01", "2026-01-05 11:00"), appeared };

    assert.equal(dueTime(often, again), undefined);
    assert.deepEqual(nextTime(often, again), berlin("2026-01-05 17:00"));
  });

  test("wants its first run at once, and none while they are away", () => {
    const never = state("2026-01-05 12:01");

    assert.deepEqual(dueTime(often, { ...never, appeared }), appeared.since);
    assert.equal(dueTime(often, never), undefined);
    assert.equal(nextTime(often, never), undefined);
  });

  test("is due at once when the clock was set back behind their appearance", () => {
    const before = { ...state("2026-01-05 09:00"), appeared };

    assert.deepEqual(dueTime(once, before), before.now);
  });

  test("never waits too long: drives may stay away", () => {
    assert.equal(intervalOf(often, berlin("2026-01-05 12:00")), Infinity);
  });

  test("has no times of day", () => {
    const both = Schedule.safeParse({ when: "available", cron: "0 2 * * *" });

    assert.match(z.prettifyError(both.error ?? new z.ZodError([])), /has no times of day/);
  });
});
