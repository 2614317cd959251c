import assert from "node:assert/strict";
import { test } from "node:test";
import { compareKeys } from "./keys.ts";

test("orders keys as their bytes are ordered", () => {
  const keys = [
    "urn:oid:9",
    "urn:oid:10",
    "",
    "a",
    "ab",
    "é",
    "\uffee",
    "😀",
    "😁",
    "z",
    "urn:oid:1",
  ];

  const ordered = keys.toSorted(compareKeys);

  assert.deepEqual(
    ordered,
    keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
});
