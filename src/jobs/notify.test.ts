import assert from "node:assert/strict";
import { test } from "node:test";
import { aResult, aRun } from "../../test/support/fixtures.ts";
import { eventsOf } from "./notify.ts";

test("a success after a failure or an interruption is a recovery first", () => {
  for (const outcome of ["failure", "interrupted"] as const) {
    assert.deepEqual(eventsOf(aResult(), aRun({ end: { outcome } })), ["recovered", "success"]);
  }
});

test("a success after a success, a warning or nothing is no recovery", () => {
  assert.deepEqual(eventsOf(aResult(), undefined), ["success"]);
  assert.deepEqual(eventsOf(aResult(), aRun()), ["success"]);
  assert.deepEqual(eventsOf(aResult(), aRun({ end: { outcome: "warning" } })), ["success"]);
});

test("a full repository is told as such, or as a failure to those who only hear of failures", () => {
  const full = aResult({ outcome: "failure", code: "repository-full" });

  assert.deepEqual(eventsOf(full, undefined), ["repository-full", "failure"]);
});

test("whoever interrupted a run need not be told", () => {
  assert.deepEqual(eventsOf(aResult({ outcome: "cancelled", code: "busy" }), undefined), []);
});

test("a run that was cancelled because of another job is told of as a failure, and its recovery too", () => {
  const end = { outcome: "cancelled", code: "upstream-failed" } as const;

  assert.deepEqual(eventsOf(aResult(end), undefined), ["failure"]);
  assert.deepEqual(eventsOf(aResult(), aRun({ end })), ["recovered", "success"]);
});

test("what was skipped, a warning and a failure are told as they are", () => {
  assert.deepEqual(eventsOf(aResult({ outcome: "skipped" }), undefined), ["skipped"]);
  assert.deepEqual(eventsOf(aResult({ outcome: "warning" }), undefined), ["warning"]);
  assert.deepEqual(eventsOf(aResult({ outcome: "failure" }), undefined), ["failure"]);
  assert.deepEqual(eventsOf(aResult({ outcome: "interrupted" }), undefined), ["failure"]);
});
