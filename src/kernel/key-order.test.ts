import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compareKeys } from "./key-order.ts";

test("orders keys by their bytes, not by the numbers in them", () => {
  const keys = [
    "urn:oid:9",
    "urn:oid:10",
    "urn:oid:1",
    "URN:OID:51",
    "urn:oid:",
    "\u{1F600}",
    "\uFFFD",
  ];

  assert.deepEqual(keys.toSorted(compareKeys), [
    "URN:OID:51",
    "urn:oid:",
    "urn:oid:1",
    "urn:oid:10",
    "urn:oid:9",
    "\uFFFD",
    "\u{1F600}",
  ]);
});

test("agrees with the bytes for any two texts", () => {
  const text = fc.string({ unit: "binary", maxLength: 6 });

  fc.assert(
    fc.property(text, text, (one, other) => {
      const bytes = Buffer.compare(Buffer.from(one), Buffer.from(other));
      return Math.sign(compareKeys(one, other)) === bytes;
    }),
  );
});
