import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as z from "zod";
import { formatSize, parseSize, Size, SizeError } from "./size.ts";

test("reads units of 1000 and of 1024 apart", () => {
  const texts = ["0", "4096", "4096B", "1kB", "1KiB", "1K", "500MB", "1.5GiB", "10M", "2 tb"];

  assert.deepEqual(
    texts.map(parseSize),
    [0, 4096, 4096, 1000, 1024, 1024, 500_000_000, 1_610_612_736, 10_485_760, 2_000_000_000_000],
  );
});

for (const text of [
  "",
  "MB",
  "-5M",
  "5 apples",
  "1,5G",
  "1.5.5G",
  "0x10",
  "1e3",
  "10Mb/s",
  "5KB2",
]) {
  test(`refuses "${text}" and says what to write`, () => {
    assert.throws(() => parseSize(text), {
      name: "SizeError",
      message: `"${text}" is not a size: write a number and a unit, such as 500MB, 1.5GiB or 10M`,
    });
  });
}

test("refuses a size beyond what can be counted exactly", () => {
  assert.throws(() => parseSize("9000P"), { name: "SizeError", message: '"9000P" is too large' });
});

test("either reads a text as a whole number of bytes or refuses it in words", () => {
  const texts = fc.oneof(
    fc.string(),
    fc
      .tuple(fc.double({ min: 0, noNaN: true }), fc.constantFrom("", "B", "K", "MB", "GiB", "E"))
      .map((parts) => parts.join("")),
  );

  fc.assert(
    fc.property(texts, (text) => {
      try {
        const bytes = parseSize(text);
        return Number.isSafeInteger(bytes) && bytes >= 0;
      } catch (error) {
        return error instanceof SizeError && error.message !== "";
      }
    }),
  );
});

test("reads back what it shows, but for rounding", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
      const again = parseSize(formatSize(bytes));
      return Math.abs(again - bytes) <= bytes * 0.01;
    }),
  );
});

test("is a key of a configuration that takes bytes or text", () => {
  const Entry = z.strictObject({ limit: Size });

  assert.deepEqual(Entry.parse({ limit: 512 }), { limit: 512 });
  assert.deepEqual(Entry.parse({ limit: "1K" }), { limit: 1024 });
  assert.match(problemOf(Entry, { limit: "much" }), /"much" is not a size: write a number/);
  assert.match(problemOf(Entry, { limit: -1 }), /expected a size: write a number|>=0/);
  assert.match(problemOf(Entry, { limit: true }), /expected a size: write a number/);
});

function problemOf(schema: z.ZodType, input: unknown): string {
  const { error } = schema.safeParse(input);
  return error === undefined ? "" : z.prettifyError(error);
}

test("is a number or text in the JSON Schema that editors use", () => {
  const schema = z.toJSONSchema(Size, { io: "input" });

  assert.deepEqual(
    schema.anyOf?.map((option) => typeof option === "object" && option.type),
    ["integer", "string"],
  );
});
