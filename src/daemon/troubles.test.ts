import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { noon } from "../../test/support/fixtures.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { newTroubles } from "./troubles.ts";

const unusable = new HoldfastError("journal-unusable", "its disk is full");

function later(minutes: number): Date {
  return new Date(noon.getTime() + minutes * 60_000);
}

function someTroubles() {
  const said: string[] = [];
  const troubles = newTroubles((loudness, message) => said.push(`${loudness}: ${message}`));
  return { said, troubles };
}

suite("what keeps the daemon from its jobs", () => {
  test("is said once, and when it is over", () => {
    const { said, troubles } = someTroubles();

    for (const minute of [0, 1, 2]) troubles.note([unusable, unusable], later(minute));
    for (const minute of [3, 4]) troubles.note([], later(minute));

    assert.deepEqual(said, ["error: its disk is full", "info: looking after the jobs again"]);
  });

  test("is said again when it comes back", () => {
    const { said, troubles } = someTroubles();

    for (const problems of [[unusable], [], [unusable]]) troubles.note(problems, noon);

    assert.equal(said.filter((line) => line.startsWith("error")).length, 2);
  });

  test("ends it when that has been the journal for more than an hour", () => {
    const { troubles } = someTroubles();
    troubles.note([unusable], noon);
    troubles.note([unusable], later(60));

    assert.throws(() => troubles.note([unusable], later(61)), unusable);
  });

  test("counts the hour from the last time that the journal could be used", () => {
    const { troubles } = someTroubles();

    troubles.note([unusable], noon);
    troubles.note([], later(50));
    troubles.note([unusable], later(70));
  });

  test("does not end it when it is a bug, which may concern one job alone", () => {
    const { said, troubles } = someTroubles();
    const bug = new TypeError("what now");

    for (const minute of [0, 100, 1000]) troubles.note([bug], later(minute));

    assert.equal(said.length, 1);
  });
});
