import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as z from "zod";
import { Duration, DurationError, parseDuration } from "./duration.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test("reads a number and a unit as milliseconds", () => {
  const texts = ["250ms", "90s", "15m", "15min", "6h", "7d", "2w", "0s"];

  assert.deepEqual(texts.map(parseDuration), [
    250,
    90 * second,
    15 * minute,
    15 * minute,
    6 * hour,
    7 * day,
    14 * day,
    0,
  ]);
});

test("adds up several units, with or without blanks, in any case", () => {
  const texts = ["1d12h", "1d 12h", " 1D12H ", "1w2d3h4m5s6ms", "1.5h"];

  assert.deepEqual(texts.map(parseDuration), [
    36 * hour,
    36 * hour,
    36 * hour,
    9 * day + 3 * hour + 4 * minute + 5 * second + 6,
    90 * minute,
  ]);
});

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ["", /^a duration is missing: write a number and a unit/],
  ["   ", /^a duration is missing/],
  ["90", /^"90" has no unit: write a number and a unit, such as 90s/],
  ["1.5", /^"1\.5" has no unit/],
  ["soon", /^"soon" is not a duration/],
  ["-5m", /^"-5m" is not a duration/],
  ["5 m 3", /^"5 m 3" is not a duration/],
  ["1e3s", /^"1e3s": "e" is not a unit of time/],
  ["3x", /^"3x": "x" is not a unit of time/],
  ["1mo", /^"1mo": months and years have no fixed length; count days/],
  ["1y", /^"1y": months and years have no fixed length/],
  ["12h1d", /^"12h1d" is out of order: write larger units first, each once/],
  ["1h1h", /^"1h1h" is out of order/],
  ["999999999w", /^"999999999w" is too long/],
];

for (const [text, message] of refused) {
  test(`refuses "${text}" and says why`, () => {
    assert.throws(() => parseDuration(text), { name: "DurationError", message });
  });
}

test("either reads a text as a whole number of milliseconds or refuses it in words", () => {
  const unitary = fc.array(
    fc.tuple(fc.nat(), fc.constantFrom("ms", "s", "m", "h", "d", "w", "y", " ", "-")),
  );
  const texts = fc.oneof(
    fc.string(),
    unitary.map((parts) => parts.flat().join("")),
  );

  fc.assert(
    fc.property(texts, (text) => {
      try {
        const ms = parseDuration(text);
        return Number.isSafeInteger(ms) && ms >= 0;
      } catch (error) {
        return error instanceof DurationError && error.message !== "";
      }
    }),
  );
});

test("is a key of a configuration whose errors say what to write", () => {
  const Entry = z.strictObject({ every: Duration });

  assert.deepEqual(Entry.parse({ every: "6h" }), { every: 6 * hour });
  assert.match(problemOf(Entry, { every: "6 days" }), /"days" is not a unit/);
  assert.match(problemOf(Entry, { every: 6 }), /expected a duration: write/);
});

function problemOf(schema: z.ZodType, input: unknown): string {
  const { error } = schema.safeParse(input);
  return error === undefined ? "" : z.prettifyError(error);
}

test("is text in the JSON Schema that editors use", () => {
  const schema = z.toJSONSchema(Duration, { io: "input" });

  assert.equal(schema.type, "string");
  assert.match(schema.description ?? "", /number and a unit/);
});
