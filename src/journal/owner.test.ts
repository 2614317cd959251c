import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Liveness } from "../hosts/process-identity.ts";
import { liveness } from "./owner.ts";
import type { SignState } from "./sign-of-life.ts";

// The table of docs/decisions/0012: what the number says, what the sign says, whether a lock of the
// owner would be seen here, and what follows.
const table: readonly (readonly [Liveness, SignState, boolean, Liveness])[] = [
  ["alive", "held", true, "alive"],
  ["alive", "held", false, "alive"],
  ["alive", "free", true, "alive"],
  ["alive", "free", false, "alive"],
  ["alive", "missing", true, "alive"],
  ["alive", "missing", false, "alive"],
  ["dead", "held", true, "alive"],
  ["dead", "held", false, "alive"],
  ["dead", "free", true, "dead"],
  ["dead", "free", false, "dead"],
  ["dead", "missing", true, "dead"],
  ["dead", "missing", false, "dead"],
  ["unknown", "held", true, "alive"],
  ["unknown", "held", false, "alive"],
  ["unknown", "free", true, "dead"],
  ["unknown", "free", false, "unknown"],
  ["unknown", "missing", true, "unknown"],
  ["unknown", "missing", false, "unknown"],
];

suite("an owner", () => {
  for (const [byNumber, sign, locksReachUs, expected] of table) {
    const reach = locksReachUs ? "whose locks reach us" : "whose locks may not reach us";
    test(`by its number ${byNumber}, with a sign that is ${sign}, ${reach}: ${expected}`, () => {
      assert.equal(liveness({ byNumber, sign, locksReachUs }), expected);
    });
  }
});
