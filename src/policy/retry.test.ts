import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultRetryMs, retryAt } from "./retry.ts";

const lastFailed = new Date("2026-11-20T02:00:00Z");

test("waits longer after each failure, and gives up after an hour's wait", () => {
  const tries = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) =>
    retryAt(defaultRetryMs, failures, lastFailed)?.toISOString().slice(11, 16),
  );

  assert.deepEqual(tries, [
    "02:01",
    "02:02",
    "02:05",
    "02:10",
    "02:20",
    "02:30",
    "03:00",
    undefined,
  ]);
});

test("never tries again where no delays are configured", () => {
  assert.equal(retryAt([], 1, lastFailed), undefined);
});

test("tries nothing again that has not failed", () => {
  assert.equal(retryAt(defaultRetryMs, 0, lastFailed), undefined);
});
