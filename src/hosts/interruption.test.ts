import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { interruption } from "./interruption.ts";

test("an abort without an explanation is an interruption", () => {
  const error = interruption(AbortSignal.abort(), "restic");

  assert.deepEqual([error.code, error.message], ["interrupted", "restic was interrupted"]);
});

test("an abort by a time limit says so", () => {
  const reason = new DOMException("too late", "TimeoutError");

  const error = interruption(AbortSignal.abort(reason), "restic");

  assert.deepEqual([error.code, error.message], ["timed-out", "restic did not end in time"]);
});

test("an abort that explains itself keeps its explanation", () => {
  const reason = new HoldfastError("volume-away", 'volume "usb" was unplugged');

  assert.equal(interruption(AbortSignal.abort(reason), "restic"), reason);
});
