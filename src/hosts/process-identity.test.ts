import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlive, isAliveSince, type ProcessIdentity, thisProcess } from "./process-identity.ts";

const notLinux = process.platform !== "linux" && "only Linux has /proc";
// Above the highest number that Linux gives out (4,194,304).
const noProcess = 5_000_000;

test("this process is alive, also by an identity that was written down and read again", () => {
  const identity: ProcessIdentity = JSON.parse(JSON.stringify(thisProcess()));

  assert.deepEqual(identity, thisProcess());
  assert.equal(isAlive(identity), "alive");
});

test("a number that no process has is dead", () => {
  assert.equal(isAlive({ ...thisProcess(), pid: noProcess }), "dead");
  assert.equal(isAliveSince(noProcess, new Date()), "dead");
});

test("a number that another process has got since is dead", { skip: notLinux }, () => {
  const me = thisProcess();

  assert.equal(isAlive({ ...me, startTicks: (me.startTicks ?? 0) - 1 }), "dead");
});

test("a process from before the machine was started again is dead", { skip: notLinux }, () => {
  assert.equal(isAlive({ ...thisProcess(), bootId: "another" }), "dead");
});

test("of another machine or container nothing is known", { skip: notLinux }, () => {
  assert.equal(isAlive({ ...thisProcess(), host: "another" }), "unknown");
  assert.equal(isAlive({ ...thisProcess(), host: "another", bootId: "another" }), "unknown");
  assert.equal(isAlive({ ...thisProcess(), pidNamespace: "pid:[1]" }), "unknown");
});

test("an identity without a start is believed as long as its number is taken", () => {
  const { startTicks: _, ...identity } = thisProcess();

  assert.equal(isAlive(identity), "alive");
});

test("a process cannot have done what was done before it started", { skip: notLinux }, () => {
  const started = Date.now() - process.uptime() * 1000;

  assert.equal(isAliveSince(process.pid, new Date()), "alive");
  assert.equal(isAliveSince(process.pid, new Date(started + 1000)), "alive");
  assert.equal(isAliveSince(process.pid, new Date(started - 60_000)), "dead");
});
