// Knows: what retention can be asked. Must not know: what it answers.
import * as fc from "fast-check";
import { formatCalendarSpan } from "../../src/policy/calendar-span.ts";
import { Retention } from "../../src/policy/retention.ts";

const anyCount = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: fc.constant("unlimited") },
);

const anySpan = fc
  .record({
    years: fc.integer({ min: 0, max: 2 }),
    months: fc.integer({ min: 0, max: 13 }),
    days: fc.integer({ min: 0, max: 60 }),
    hours: fc.integer({ min: 0, max: 50 }),
  })
  .map((span) => formatCalendarSpan(span) || "1h");

const periods = ["hourly", "daily", "weekly", "monthly", "yearly"];

/** Sets of rules, as they come out of a configuration: none, one alone, a few or many. */
export const anyRules: fc.Arbitrary<Retention> = fc
  .tuple(
    fc.subarray(["last", ...periods], { maxLength: 4 }),
    fc.subarray(["within", ...periods.map((period) => `within-${period}`)], { maxLength: 2 }),
    fc.array(fc.tuple(anyCount, anySpan), { minLength: 6, maxLength: 6 }),
    fc.subarray(["a", "b"]),
  )
  .map(([counted, spanned, values, labels]) =>
    Retention.parse({
      ...Object.fromEntries(counted.map((rule, place) => [rule, values[place]?.[0]])),
      ...Object.fromEntries(spanned.map((rule, place) => [rule, values[place]?.[1]])),
      ...(labels.length > 0 ? { labels } : {}),
    }),
  );

/** Setting TZ tells Node's Date as well as every child. Undefined takes it back to the machine's. */
export function setTimeZone(zone: string | undefined): void {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
}
