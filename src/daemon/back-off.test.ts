import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { noon } from "../../test/support/fixtures.ts";
import { newBackOff } from "./back-off.ts";

const minuteMs = 60_000;

function later(minutes: number): Date {
  return new Date(noon.getTime() + minutes * minuteMs);
}

suite("a job whose run broke off", () => {
  test("is held back for a minute, then for twice as long each time, up to ten", () => {
    const backOff = newBackOff();
    const minutes: number[] = [];

    for (let times = 0; times < 6; times += 1) {
      backOff.brokeOff("documents", noon);
      const until = backOff.until("documents", noon);
      minutes.push(((until?.getTime() ?? 0) - noon.getTime()) / minuteMs);
    }

    assert.deepEqual(minutes, [1, 2, 4, 8, 10, 10]);
  });

  test("is free when the time is over, and holds nobody else", () => {
    const backOff = newBackOff();

    backOff.brokeOff("documents", noon);

    assert.equal(backOff.until("documents", later(1)), undefined);
    assert.equal(backOff.until("photos", noon), undefined);
  });

  test("begins anew after a run that ended", () => {
    const backOff = newBackOff();
    backOff.brokeOff("documents", noon);
    backOff.brokeOff("documents", noon);

    backOff.ended("documents");
    backOff.brokeOff("documents", noon);

    assert.deepEqual(backOff.until("documents", noon), later(1));
  });

  test("is not held back longer by a clock that is set back", () => {
    const backOff = newBackOff();

    backOff.brokeOff("documents", noon);

    assert.equal(backOff.until("documents", later(-60)), undefined);
  });
});
