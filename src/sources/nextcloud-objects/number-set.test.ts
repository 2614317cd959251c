import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { NumberSet } from "./number-set.ts";

test("remembers numbers, and tells those that another set lacks", () => {
  const numbers = fc.array(fc.oneof(fc.nat(200_000), fc.nat(2 ** 40), fc.maxSafeNat()));

  fc.assert(
    fc.property(numbers, numbers, (one, other) => {
      const [left, right] = [new NumberSet(), new NumberSet()];
      for (const number of one) left.add(number);
      for (const number of other) right.add(number);

      assert.deepEqual(new Set(left.without(right)), new Set(one).difference(new Set(other)));
      assert.ok(other.every((number) => right.has(number)));
    }),
  );
});
