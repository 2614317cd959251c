import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeZone } from "../../test/support/retention-arbitraries.ts";
import { type Period, startOfPeriod } from "./period.ts";

const zoneBefore = process.env["TZ"];
after(() => {
  setTimeZone(zoneBefore);
});

const table: readonly (readonly [zone: string, period: Period, time: string, start: string])[] = [
  ["UTC", "hourly", "2026-11-20T12:34:56.789Z", "2026-11-20T12:00:00.000Z"],
  ["UTC", "daily", "2026-11-20T12:34:56.789Z", "2026-11-20T00:00:00.000Z"],
  ["UTC", "weekly", "2026-11-20T12:34:56.789Z", "2026-11-16T00:00:00.000Z"],
  ["UTC", "monthly", "2026-11-20T12:34:56.789Z", "2026-11-01T00:00:00.000Z"],
  ["UTC", "yearly", "2026-11-20T12:34:56.789Z", "2026-01-01T00:00:00.000Z"],
  // Sunday ends a week, Monday begins one, and a week may begin in another year.
  ["UTC", "weekly", "2026-11-22T23:59:59.999Z", "2026-11-16T00:00:00.000Z"],
  ["UTC", "weekly", "2026-11-23T00:00:00.000Z", "2026-11-23T00:00:00.000Z"],
  ["UTC", "weekly", "2027-01-02T12:00:00.000Z", "2026-12-28T00:00:00.000Z"],
  ["UTC", "monthly", "2028-02-29T12:00:00.000Z", "2028-02-01T00:00:00.000Z"],
  ["UTC", "yearly", "2038-01-19T03:14:08.000Z", "2038-01-01T00:00:00.000Z"],
  // Local time decides.
  ["Europe/Berlin", "daily", "2026-11-20T23:30:00.000Z", "2026-11-20T23:00:00.000Z"],
  ["Asia/Kathmandu", "hourly", "2026-11-20T12:20:00.000Z", "2026-11-20T12:15:00.000Z"],
  ["America/New_York", "yearly", "2027-01-01T04:59:59.000Z", "2026-01-01T05:00:00.000Z"],
  // The hour that autumn repeats is one hour; a day can have 25.
  ["Europe/Berlin", "hourly", "2026-10-25T00:30:00.000Z", "2026-10-25T00:00:00.000Z"],
  ["Europe/Berlin", "hourly", "2026-10-25T01:30:00.000Z", "2026-10-25T00:00:00.000Z"],
  ["Europe/Berlin", "hourly", "2026-10-25T02:30:00.000Z", "2026-10-25T02:00:00.000Z"],
  ["Europe/Berlin", "daily", "2026-10-25T22:30:00.000Z", "2026-10-24T22:00:00.000Z"],
  // Lord Howe moves its clocks by half an hour.
  ["Australia/Lord_Howe", "hourly", "2026-04-04T15:10:00.000Z", "2026-04-04T14:00:00.000Z"],
  ["Australia/Lord_Howe", "hourly", "2026-10-03T15:45:00.000Z", "2026-10-03T15:30:00.000Z"],
  // In Santiago the day of the change has no midnight.
  ["America/Santiago", "daily", "2026-09-06T12:00:00.000Z", "2026-09-06T04:00:00.000Z"],
];

for (const [zone, period, time, start] of table) {
  test(`${zone}: the ${period} period of ${time} began at ${start}`, () => {
    setTimeZone(zone);

    assert.equal(new Date(startOfPeriod(period, new Date(time))).toISOString(), start);
  });
}
