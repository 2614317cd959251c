import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { combinedExitStatus } from "./exit-status.ts";

function combined(statuses: readonly (number | "away")[], strict = false): number {
  const endings = statuses.map((status) =>
    status === "away" ? { exitStatus: 75, away: true } : { exitStatus: status, away: false },
  );
  return combinedExitStatus(endings, { strict });
}

suite("the exit status of several jobs", () => {
  const cases: readonly (readonly [string, readonly (number | "away")[], number])[] = [
    ["is 0 when there was nothing to do", [], 0],
    ["is 0 when all is done", [0, 0], 0],
    ["is that of the one that failed", [0, 12, 0], 12],
    ["is that of the failures when they are alike", [11, 11], 11],
    ["is 1 when failures differ", [10, 12], 1],
    ["is 3 when something ended with warnings", [0, 3], 3],
    ["is that of a failure rather than of a warning", [3, 10], 10],
    ["says an interruption before all else", [130, 10, 70, 3], 130],
    ["says a bug before a failure", [70, 10], 70],
    ["is 0 when everything is away", ["away", "away"], 0],
    ["is not changed by what is away", ["away", 12], 12],
  ];
  for (const [behaviour, statuses, expected] of cases) {
    test(behaviour, () => {
      assert.equal(combined(statuses), expected);
    });
  }

  test("is 75 with --strict only when nothing at all could run", () => {
    assert.equal(combined(["away", "away"], true), 75);
    assert.equal(combined(["away", 0], true), 0);
    assert.equal(combined(["away", 3], true), 3);
    assert.equal(combined([], true), 0);
  });
});
