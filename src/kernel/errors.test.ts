import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, errorCodes, exitStatusOf, HoldfastError, isRetriable } from "./errors.ts";

test("carries a code, a sentence, a hint and the cause", () => {
  const cause = new Error("exit status 1");

  const error = new HoldfastError("repository-missing", "there is no repository at /srv", {
    hint: "create it with: holdfast init laptop",
    cause,
  });

  assert.ok(error instanceof Error);
  assert.equal(error.name, "HoldfastError");
  assert.equal(error.code, "repository-missing");
  assert.equal(error.message, "there is no repository at /srv");
  assert.equal(error.hint, "create it with: holdfast init laptop");
  assert.equal(error.cause, cause);
});

test("has no cause at all when there is none, so that none is shown", () => {
  const error = new HoldfastError("busy", "another run is at work");

  assert.equal(error.hint, undefined);
  assert.equal("cause" in error, false);
});

function statusOf(code: ErrorCode): number {
  return exitStatusOf(new HoldfastError(code, "x"));
}

test("gives each failure the exit status that scripts rely on", () => {
  assert.equal(statusOf("config-invalid"), 2);
  assert.equal(statusOf("unknown-name"), 2);
  assert.equal(statusOf("repository-missing"), 10);
  assert.equal(statusOf("repository-locked"), 11);
  assert.equal(statusOf("busy"), 11);
  assert.equal(statusOf("password-wrong"), 12);
  assert.equal(statusOf("volume-away"), 75);
  assert.equal(statusOf("interrupted"), 130);
  assert.equal(statusOf("command-failed"), 1);
});

test("ends with exit status 70 for anything that is not in the table: a bug", () => {
  assert.equal(exitStatusOf(new TypeError("x is not a function")), 70);
  assert.equal(exitStatusOf("thrown text"), 70);
  assert.equal(exitStatusOf(undefined), 70);
});

test("tries again what waiting can mend, and never a bug, a wrong password or a bad configuration", () => {
  assert.equal(isRetriable(new HoldfastError("host-unreachable", "x")), true);
  assert.equal(isRetriable(new HoldfastError("repository-locked", "x")), true);
  assert.equal(isRetriable(new HoldfastError("password-wrong", "x")), false);
  assert.equal(isRetriable(new HoldfastError("config-invalid", "x")), false);
  assert.equal(isRetriable(new Error("x")), false);
});

test("uses only exit statuses that the documentation lists for failures", () => {
  const documented = new Set([1, 2, 10, 11, 12, 75, 130]);

  for (const [code, { exit }] of Object.entries(errorCodes)) {
    assert.ok(documented.has(exit), `${code} has exit status ${exit}`);
  }
});
