import assert from "node:assert/strict";
import { test } from "node:test";
import { sideBySide, type Piece } from "./side-by-side.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

interface Wish {
  readonly uses?: readonly string[];
  readonly reads?: readonly string[];
  readonly after?: readonly number[];
}

/** Pieces that end when they are told to, and a record of what happened. */
function controlled(wishes: readonly (readonly string[] | Wish)[]) {
  const log: string[] = [];
  const gates = wishes.map(() => Promise.withResolvers<void>());
  const whole = wishes.map((wish): Wish => ("length" in wish ? { uses: wish } : wish));
  const pieces = whole.map(({ uses, reads, after = [] }, index): Piece<number> => ({
    uses: new Set(uses),
    reads: new Set(reads),
    after,
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
  const fail = async (index: number): Promise<void> => {
    gates[index]?.reject(new Error(`piece ${index} broke off`));
    await settle();
  };
  return { log, pieces, finish, fail };
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

test("a piece waits for those it comes after, which keeps nobody else waiting", async () => {
  const { log, pieces, finish } = controlled([{ after: [1] }, ["a"], { after: [0] }, ["b"]]);

  const all = sideBySide(pieces, 4);
  await settle();
  assert.deepEqual(log, ["start 1", "start 3"]);
  await finish(1);
  assert.equal(log.at(-1), "start 0");
  await finish(0);
  assert.equal(log.at(-1), "start 2");
  await finish(2);
  await finish(3);

  assert.deepEqual(await all, [0, 1, 2, 3]);
});

test("what is only read may be read by several, and used by nobody meanwhile", async () => {
  const { log, pieces, finish } = controlled([
    { reads: ["a"] },
    { reads: ["a"] },
    { uses: ["a"] },
    { reads: ["a"] },
  ]);

  const all = sideBySide(pieces, 4);
  await settle();
  assert.deepEqual(log, ["start 0", "start 1", "start 3"]);
  for (const index of [0, 1, 3]) await finish(index);
  assert.equal(log.at(-1), "start 2");
  await finish(2);

  assert.deepEqual(await all, [0, 1, 2, 3]);
});

test("does all other pieces when one breaks off, and then tells of it", async () => {
  const { log, pieces, finish, fail } = controlled([["a"], ["b"], ["a"], { after: [0] }]);

  const all = assert.rejects(sideBySide(pieces, 2), /piece 0 broke off/);
  await settle();
  await fail(0);
  for (const index of [1, 2, 3]) await finish(index);

  await all;
  assert.deepEqual(
    log.filter((line) => line.startsWith("end")),
    ["end 1", "end 2", "end 3"],
  );
});

test("refuses pieces that wait for each other instead of leaving them out", async () => {
  const { pieces } = controlled([{ after: [1] }, { after: [0] }]);

  await assert.rejects(sideBySide(pieces, 2), /wait for each other/);
});
