import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { endOf, failedEnd, resultOf, skippedEnd, withStuckVolumes, type End } from "./end.ts";
import { nothingYet } from "./undertaking.ts";

const who = { job: "documents", run: "r1" };

test("a run without a failure is a success", () => {
  assert.equal(endOf(nothingYet(), who).run.outcome, "success");
});

test("a run that could not read some files is a warning that says how many and where to look", () => {
  const soFar = { ...nothingYet(), evidence: { files: 9, unreadableCount: 2 } };

  const { run } = endOf(soFar, who);

  assert.equal(run.outcome, "warning");
  assert.equal(run.reason, "2 files could not be read");
  assert.equal(run.hint, "see which with: holdfast logs r1");
});

test("a suspicious run is a warning that names the command which accepts it", () => {
  const { run } = endOf({ ...nothingYet(), suspicious: ["/home is empty"] }, who);

  assert.equal(run.outcome, "warning");
  assert.match(run.hint ?? "", /holdfast accept documents/);
  assert.deepEqual(run.suspicious, ["/home is empty"]);
});

test("a failed run keeps what it had made and the failure's own code and hint", () => {
  const soFar = { ...nothingYet(), made: [{ repository: "disk", id: "abc" }] };
  const error = new HoldfastError("repository-full", "no space", { hint: "make room" });

  const { run } = failedEnd(error, soFar);

  assert.deepEqual(run, {
    outcome: "failure",
    reason: "no space",
    code: "repository-full",
    hint: "make room",
    snapshots: [{ repository: "disk", id: "abc" }],
    suspicious: [],
  });
});

test("a bug is a failure of one line in the journal, with exit status 70", () => {
  const end = failedEnd(new TypeError("x is not a function"), nothingYet());
  const result = resultOf({ ...who, seconds: 1, end });

  assert.equal(end.run.code, "bug");
  assert.equal(end.run.reason, "TypeError: x is not a function");
  assert.equal(result.exitStatus, 70);
  assert.equal(result.retriable, false);
});

test("an interruption and a repository in use cancel a run", () => {
  const interrupted = failedEnd(new HoldfastError("interrupted", "SIGTERM"), nothingYet());
  const busy = failedEnd(new HoldfastError("busy", "in use"), nothingYet());

  assert.equal(interrupted.run.outcome, "cancelled");
  assert.equal(busy.run.outcome, "cancelled");
  assert.equal(resultOf({ ...who, seconds: 0, end: interrupted }).exitStatus, 130);
  assert.equal(resultOf({ ...who, seconds: 0, end: busy }).exitStatus, 11);
});

test("exit statuses: 0 for success and skipped, 3 for a warning, the code's own for a failure", () => {
  const warning = endOf({ ...nothingYet(), suspicious: ["odd"] }, who);
  const skipped = skippedEnd({ reason: "away", away: true });
  const wrong = failedEnd(new HoldfastError("password-wrong", "no"), nothingYet());
  const statusOf = (end: ReturnType<typeof endOf>) =>
    resultOf({ ...who, seconds: 0, end }).exitStatus;

  assert.equal(statusOf(endOf(nothingYet(), who)), 0);
  assert.equal(statusOf(skipped), 0);
  assert.equal(statusOf(warning), 3);
  assert.equal(statusOf(wrong), 12);
});

test("a result says that something was away, and whether trying again can help", () => {
  const skipped = resultOf({ ...who, seconds: 0, end: skippedEnd({ reason: "x", away: true }) });
  const locked = failedEnd(new HoldfastError("repository-locked", "locked"), nothingYet());

  assert.equal(skipped.away, true);
  assert.equal(resultOf({ ...who, seconds: 0, end: locked }).retriable, true);
});

test("a run that is fine while forgetting is frozen is a warning, until somebody has looked", () => {
  const hint = "look at the newest snapshot, then: holdfast accept documents";
  const concern = { reason: "frozen because a run was suspicious: /home is empty", hint };

  const { run } = endOf({ ...nothingYet(), concerns: [concern, concern] }, who);

  assert.equal(run.outcome, "warning");
  assert.equal(run.reason, `nothing is forgotten: ${concern.reason}`);
  assert.equal(run.hint, hint);
  assert.deepEqual(run.suspicious, []);
});

test("a success whose drive could not be put back is a warning that says how", () => {
  const busy = new HoldfastError("busy", "usb is in use", { hint: "close it" });
  const done: End = { run: { outcome: "success", snapshots: [], suspicious: [] } };

  const { run } = withStuckVolumes(done, [busy]);

  assert.deepEqual([run.outcome, run.reason, run.hint], ["warning", "usb is in use", "close it"]);
  assert.equal(withStuckVolumes(done, []), done);
});

test("a failure stays one when its drive could not be put back", () => {
  const end = failedEnd(new HoldfastError("repository-full", "no room"), nothingYet());

  const { run } = withStuckVolumes(end, [new HoldfastError("busy", "usb is in use")]);

  assert.deepEqual([run.outcome, run.reason], ["failure", "no room"]);
});

test("a warning says as well that a drive could not be put back", () => {
  const run = { outcome: "warning", reason: "1 file", hint: "see", snapshots: [], suspicious: [] };

  const end = withStuckVolumes({ run: { ...run, outcome: "warning" } }, [
    new HoldfastError("busy", "usb is in use"),
  ]);

  assert.deepEqual([end.run.reason, end.run.hint], ["1 file; usb is in use", "see"]);
});
