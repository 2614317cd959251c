import assert from "node:assert/strict";
import { test } from "node:test";
import { newRunId } from "./run-id.ts";

test("names a run after its time in UTC and three characters by chance", () => {
  const time = new Date("2026-11-20T10:48:00.999Z");

  assert.equal(
    newRunId(time, () => 0),
    "20261120-104800-222",
  );
  assert.equal(
    newRunId(time, () => 0.999_999),
    "20261120-104800-zzz",
  );
});

test("names sort as their runs began", () => {
  const times = [
    "2026-11-20T10:48:00Z",
    "2026-11-20T10:48:01Z",
    "2026-12-01T00:00:00Z",
    "2027-01-01T00:00:00Z",
  ];

  const names = times.map((time) => newRunId(new Date(time)));

  assert.deepEqual(names.toSorted(), names);
});
