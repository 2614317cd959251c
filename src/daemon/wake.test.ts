import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { suite, test } from "node:test";
import { longestSleepMs, newWaker } from "./wake.ts";

const never = new AbortController().signal;

suite("a waker", () => {
  test("sleeps as long as it is asked to", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const waker = newWaker();
    let awake = false;
    const sleep = waker.sleep(5000, never).then(() => {
      awake = true;
    });

    t.mock.timers.tick(4999);
    await Promise.resolve();
    assert.equal(awake, false);

    t.mock.timers.tick(1);
    await sleep;
  });

  test("looks at the clock once a minute, however long it is asked to sleep", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const sleep = newWaker().sleep(Infinity, never);

    t.mock.timers.tick(longestSleepMs);

    await sleep;
  });

  test("is woken from outside", async () => {
    const waker = newWaker();
    const sleep = waker.sleep(Infinity, never);

    waker.wake();

    await sleep;
  });

  test("does not lose a wake that comes between two sleeps, and counts it once", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const waker = newWaker();
    waker.wake();
    waker.wake();

    await waker.sleep(Infinity, never);

    let awake = false;
    const second = waker.sleep(1000, never).then(() => {
      awake = true;
    });
    await Promise.resolve();
    assert.equal(awake, false);
    t.mock.timers.tick(1000);
    await second;
  });

  test("sleeps no more once the signal has aborted, before or meanwhile", async () => {
    const waker = newWaker();
    const ending = new AbortController();
    const sleep = waker.sleep(Infinity, ending.signal);

    ending.abort();

    await sleep;
    await waker.sleep(Infinity, ending.signal);
  });

  test("leaves nothing on a signal that outlives a thousand sleeps", async () => {
    const waker = newWaker();
    const { signal } = new AbortController();

    for (let nights = 0; nights < 1000; nights += 1) {
      const sleep = waker.sleep(Infinity, signal);
      waker.wake();
      await sleep;
    }

    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});
