import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { StoredObject } from "../../kernel/prepared-source.ts";
import { entriesOf } from "./entries.ts";
import { shared } from "./shared.ts";

function object(key: string, size = 1): StoredObject {
  return { key, size, etag: "e", modified: 1_700_000_000_900 };
}

async function* pages(...batches: readonly (readonly StoredObject[])[]) {
  yield* batches;
}

suite("the keys of a bucket", () => {
  test("are paths, whatever they are, and those that end in a slash are folders", async () => {
    const batches = await collected(
      entriesOf(
        pages([object("../up"), object("a//b"), object("folder/", 0), object("not empty/", 3)]),
      ),
    );

    const modified = 1_700_000_000;
    assert.deepEqual(batches.flat(), [
      { kind: "file", path: "../up", key: "../up", size: 1, modified },
      { kind: "file", path: "a//b", key: "a//b", size: 1, modified },
      { kind: "folder", path: "folder" },
      { kind: "file", path: "not empty/", key: "not empty/", size: 3, modified },
    ]);
  });
});

suite("one sweep for two readers", () => {
  test("is made once, whoever is ahead", async () => {
    let asked = 0;
    async function* counted() {
      for (const number of [1, 2, 3, 4]) {
        asked += 1;
        yield number;
      }
    }
    const [one, other] = shared(counted());

    const first = [(await one.next()).value, (await one.next()).value, (await other.next()).value];
    const rest = [await collected(other), await collected(one)];

    assert.deepEqual(first, [1, 2, 1]);
    assert.deepEqual(rest, [
      [2, 3, 4],
      [3, 4],
    ]);
    assert.equal(asked, 4);
  });

  test("goes on for the other one when one has seen enough, and ends with the last", async () => {
    let hasEnded = false;
    async function* endless() {
      try {
        for (let number = 0; ; number += 1) yield number;
      } finally {
        hasEnded = true;
      }
    }
    const [one, other] = shared(endless());
    await one.next();
    await other.next();

    await one.return(undefined);
    const further = (await other.next()).value;
    const before = hasEnded;
    await other.return(undefined);

    assert.deepEqual([further, before, hasEnded], [1, false, true]);
  });
});

async function collected<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}
