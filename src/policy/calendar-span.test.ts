import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as z from "zod";
import { setTimeZone } from "../../test/support/retention-arbitraries.ts";
import {
  CalendarSpan,
  formatCalendarSpan,
  parseCalendarSpan,
  spanBefore,
} from "./calendar-span.ts";

const zoneBefore = process.env["TZ"];
before(() => {
  setTimeZone("Europe/Berlin");
});
after(() => {
  setTimeZone(zoneBefore);
});

function span(changes: Partial<CalendarSpan>): CalendarSpan {
  return { years: 0, months: 0, days: 0, hours: 0, ...changes };
}

test("reads restic's notation, in which m are months, and weeks besides", () => {
  assert.deepEqual(parseCalendarSpan("14d"), span({ days: 14 }));
  assert.deepEqual(parseCalendarSpan("1y6m"), span({ years: 1, months: 6 }));
  assert.deepEqual(parseCalendarSpan("2y5m7d3h"), { years: 2, months: 5, days: 7, hours: 3 });
  assert.deepEqual(parseCalendarSpan("3h 7d"), span({ days: 7, hours: 3 }));
  assert.deepEqual(parseCalendarSpan("2w1d"), span({ days: 15 }));
  assert.deepEqual(parseCalendarSpan("6MO"), span({ months: 6 }));
});

for (const text of [
  "",
  "14",
  "d",
  "-3d",
  "1.5y",
  "90s",
  "15min",
  "0d",
  "0y0h",
  "999999d",
  "14d!",
]) {
  test(`takes "${text}" for no span`, () => {
    assert.equal(parseCalendarSpan(text), undefined);
  });
}

test("writes a span as restic does", () => {
  const texts = ["14d", "1y6m", "2y5m7d3h", "36h"];

  assert.deepEqual(
    texts.map((text) => formatCalendarSpan(CalendarSpan.parse(text))),
    texts,
  );
});

test("is a key of a configuration whose errors say what to write", () => {
  const { error } = CalendarSpan.safeParse("a fortnight");

  assert.match(
    z.prettifyError(error ?? new z.ZodError([])),
    /"a fortnight" is not a span of time: write years, months, days and hours, such as 14d/,
  );
  assert.equal(z.toJSONSchema(CalendarSpan, { io: "input" }).type, "string");
});

const counted: readonly (readonly [from: string, back: string, to: string])[] = [
  ["2026-11-20T12:00:00+01:00", "14d", "2026-11-06T12:00:00+01:00"],
  ["2026-11-20T12:00:00+01:00", "1y6m", "2025-05-20T12:00:00+02:00"],
  ["2026-11-20T12:00:00+01:00", "36h", "2026-11-19T00:00:00+01:00"],
  // A day is a day of the calendar, an hour is sixty minutes.
  ["2026-03-29T12:00:00+02:00", "1d", "2026-03-28T12:00:00+01:00"],
  ["2026-03-29T12:00:00+02:00", "24h", "2026-03-28T11:00:00+01:00"],
  // A day that the month does not have runs over, as in Go's AddDate.
  ["2026-03-31T12:00:00+02:00", "1m", "2026-03-03T12:00:00+01:00"],
  ["2028-02-29T12:00:00+01:00", "1y", "2027-03-01T12:00:00+01:00"],
];

for (const [from, back, to] of counted) {
  test(`counts ${back} back from ${from} to ${to}`, () => {
    const start = spanBefore(new Date(from), CalendarSpan.parse(back));

    assert.equal(new Date(start).toISOString(), new Date(to).toISOString());
  });
}
