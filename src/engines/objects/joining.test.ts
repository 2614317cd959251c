import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { suite, test } from "node:test";
import type { ObjectEntry, PreparedObjects, StoredObject } from "../../kernel/prepared-source.ts";
import { join, type Portion } from "./joining.ts";
import { compareKeys } from "./keys.ts";

const { signal } = new AbortController();

async function* inBatches<Item>(
  items: readonly Item[],
  size: number,
): AsyncGenerator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

function sourceOf(
  entries: readonly ObjectEntry[],
  objects: readonly StoredObject[],
  size: number,
): PreparedObjects {
  return {
    kind: "objects",
    store: "test",
    entries: () => inBatches(entries, size),
    objects: () => inBatches(objects, size),
    read: async () => Readable.from([]),
    [Symbol.asyncDispose]: async () => {
      // Nothing was taken.
    },
  };
}

const file = (key: string): ObjectEntry => ({ kind: "file", key, path: `p${key}`, size: 1 });
const object = (key: string): StoredObject => ({ key, size: 1, etag: key, modified: 0 });
const line = (key: string): string => `{"key":${JSON.stringify(key)},"size":1}`;

async function joined(
  entries: readonly ObjectEntry[],
  objects: readonly StoredObject[],
  rest: { readonly lines?: readonly string[]; readonly size?: number } = {},
): Promise<readonly Portion[]> {
  const { lines = [], size = 2 } = rest;
  const portions: Portion[] = [];
  const source = sourceOf(entries, objects, size);
  for await (const portion of join(source, inBatches(lines, size), signal)) portions.push(portion);
  return portions;
}

suite("what is wanted, listed and was kept", () => {
  test("is brought together by key, with batches of any size", async () => {
    const keys = Array.from({ length: 200 }, (_, index) => `urn:oid:${index}`).toSorted(
      compareKeys,
    );
    const listed = keys.filter((_, index) => index % 3 !== 0);
    const kept = keys.filter((_, index) => index % 5 !== 0);
    const wanted = keys.filter((_, index) => index % 7 !== 0);
    for (const size of [1, 2, 7, 1000]) {
      const portions = await joined(
        wanted.map((key) => file(key)),
        ["!foreign", ...listed, "zzz"].map(object),
        { lines: ['{"holdfast":1}', '{"folder":"x"}', ...kept.map(line)], size },
      );

      const files = portions.flatMap((portion) => (portion.kind === "files" ? portion.files : []));
      assert.deepEqual(
        files.map(({ entry, object: found, earlier }) => [entry.key, found?.key, earlier]),
        wanted.map((key) => [
          key,
          listed.includes(key) ? key : undefined,
          kept.includes(key) ? line(key) : undefined,
        ]),
      );
    }
  });

  test("is the same object for every path that has its key", async () => {
    const portions = await joined([file("a"), file("a"), file("b")], [object("a")], {
      lines: [line("a")],
    });

    assert.deepEqual(portions, [
      {
        kind: "files",
        files: [
          { entry: file("a"), object: object("a"), earlier: line("a") },
          { entry: file("a"), object: object("a"), earlier: line("a") },
          { entry: file("b"), object: undefined, earlier: undefined },
        ],
      },
    ]);
  });

  test("is refused when something is out of order, as nothing would be found then", async () => {
    await assert.rejects(joined([file("b"), file("a")], []), /out of order/);
    await assert.rejects(joined([file("z")], [object("b"), object("a")]), /out of order/);
  });

  test("comes in portions of bounded size, folders before files", async () => {
    const folders = Array.from(
      { length: 2500 },
      (_, index) => ({ kind: "folder", path: `${index}` }) as const,
    );
    const files = Array.from({ length: 1500 }, (_, index) => file(String(index).padStart(5, "0")));

    const portions = await joined([...folders, ...files], [], { size: 400 });

    assert.deepEqual(
      portions.map((portion) =>
        portion.kind === "folders" ? portion.folders.length : -portion.files.length,
      ),
      [1200, 1200, 100, -1000, -500],
    );
  });
});
