import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Throttle, Turns } from "./pace.ts";

const { signal } = new AbortController();

suite("turns", () => {
  test("let so many work at once, all in the end, and go on after a failure", async () => {
    const turns = new Turns(3);
    let working = 0;
    let most = 0;
    const done: number[] = [];

    const results = await Promise.allSettled(
      Array.from(
        { length: 20 },
        async (_, index) =>
          await turns.run(async () => {
            working += 1;
            most = Math.max(most, working);
            await turn();
            working -= 1;
            if (index % 4 === 0) throw new Error("as planned");
            done.push(index);
          }),
      ),
    );

    assert.equal(most, 3);
    assert.equal(results.filter(({ status }) => status === "rejected").length, 5);
    assert.deepEqual(
      done,
      done.toSorted((a, b) => a - b),
    );
  });
});

suite("a throttle", () => {
  test("lets bytes through no faster than it was told", async () => {
    const throttle = new Throttle(100_000);
    const started = performance.now();

    await Promise.all(Array.from({ length: 5 }, async () => await throttle.take(2000, signal)));

    assert.ok(performance.now() - started >= 95);
  });

  test("does not hold up anything without a limit", async () => {
    await new Throttle(undefined).take(1e15, signal);
  });

  test("ends its waiting at an abort", async () => {
    const abort = new AbortController();

    const waiting = new Throttle(1).take(1e9, abort.signal);
    abort.abort();

    await assert.rejects(waiting, { name: "AbortError" });
  });
});
