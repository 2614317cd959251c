import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { listenForInterruption } from "./interruption.ts";

class Signals extends EventEmitter {
  readonly exits: number[] = [];

  exit(status: number): void {
    this.exits.push(status);
  }
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`the first ${name} ends what runs in good order`, () => {
    const signals = new Signals();
    using interruption = listenForInterruption(signals, () => {});

    signals.emit(name, name);

    const { signal } = interruption;
    assert.equal(signal.aborted, true);
    assert.ok(signal.reason instanceof HoldfastError && signal.reason.code === "interrupted");
    assert.deepEqual(signals.exits, []);
  });
}

test("a second SIGINT ends the program at once", () => {
  const signals = new Signals();
  const said: string[] = [];
  using _ = listenForInterruption(signals, (message) => said.push(message));

  signals.emit("SIGINT", "SIGINT");
  signals.emit("SIGINT", "SIGINT");

  assert.deepEqual(signals.exits, [130]);
  assert.deepEqual(said, ["SIGINT: ending in good order; press Ctrl-C again to end at once"]);
});

test("a SIGTERM that is repeated does not cut short the good order", () => {
  const signals = new Signals();
  using _ = listenForInterruption(signals, () => {});

  signals.emit("SIGTERM", "SIGTERM");
  signals.emit("SIGTERM", "SIGTERM");

  assert.deepEqual(signals.exits, []);
});

test("after its end nothing is listened to", () => {
  const signals = new Signals();

  listenForInterruption(signals, () => {})[Symbol.dispose]();

  assert.equal(signals.listenerCount("SIGINT"), 0);
});
