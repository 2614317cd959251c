import assert from "node:assert/strict";
import { test } from "node:test";
import { sideBySide, type Piece } from "./side-by-side.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** Pieces that end when they are told to, and a record of what happened. */
function controlled(uses: readonly (readonly string[])[]) {
  const log: string[] = [];
  const gates = uses.map(() => Promise.withResolvers<void>());
  const pieces: Piece<number>[] = uses.map((names, index) => ({
    uses: new Set(names),
    work: async () => {
      log.push(`start ${index}`);
      await gates[index]?.promise;
      log.push(`end ${index}`);
      return index;
    },
  }));
  const finish = async (index: number): Promise<void> => {
    gates[index]?.resolve();
    await settle();
  };
  return { log, pieces, finish };
}

test("works at one piece for each disk at a time, and on different disks at once", async () => {
  const { log, pieces, finish } = controlled([["a"], ["a"], ["b"]]);

  const all = sideBySide(pieces, 4);
  await settle();
  assert.deepEqual(log, ["start 0", "start 2"]);
  await finish(0);
  assert.deepEqual(log, ["start 0", "start 2", "end 0", "start 1"]);
  await finish(2);
  await finish(1);

  assert.deepEqual(await all, [0, 1, 2]);
});

test("never works at more than the limit", async () => {
  const { log, pieces, finish } = controlled([["a"], ["b"], ["c"]]);

  const all = sideBySide(pieces, 2);
  await settle();
  assert.deepEqual(log, ["start 0", "start 1"]);
  await finish(1);
  assert.deepEqual(log.at(-1), "start 2");
  await finish(0);
  await finish(2);

  assert.deepEqual(await all, [0, 1, 2]);
});

test("a piece that waits keeps only those behind it waiting that use the same", async () => {
  const { log, pieces, finish } = controlled([["a"], ["a", "b"], ["b"]]);

  const all = sideBySide(pieces, 4);
  await settle();
  assert.deepEqual(log, ["start 0", "start 2"]);
  for (const index of [0, 1, 2]) await finish(index);

  assert.deepEqual(await all, [0, 1, 2]);
});

test("has nothing to do without pieces", async () => {
  assert.deepEqual(await sideBySide([], 3), []);
});
