import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { findStorage, storageIdOf } from "./storages.ts";

const long = "a-very-long-user-id-whose-storage-id-is-kept-as-an-md5-only";
const storages = [
  { number: 1, id: "home::local" },
  { number: 2, id: "object::store:amazon::nc" },
  { number: 3, id: "object::user:alice" },
  { number: 7, id: "ac31a39a1b7915f0f9588fb0faf674af" },
];

suite("a storage", () => {
  test("of a user has a name of theirs, or the MD5 of a long one", () => {
    assert.equal(storageIdOf("alice"), "object::user:alice");
    assert.equal(storageIdOf(long), "ac31a39a1b7915f0f9588fb0faf674af");
  });

  test("is found by user, number or id", () => {
    assert.deepEqual(findStorage({ user: "alice" }, storages, []), { number: 3 });
    assert.deepEqual(findStorage({ user: long }, storages, []), { number: 7 });
    assert.deepEqual(findStorage({ number: 2 }, storages, []), { number: 2 });
    assert.deepEqual(findStorage({ id: "object::store:amazon::nc" }, storages, []), { number: 2 });
    assert.deepEqual(findStorage({ id: `object::user:${long}` }, storages, []), { number: 7 });
  });

  test("is found by where a user's home is mounted, but never the one of all", () => {
    const homes = [
      { user: "eve", storage: 7 },
      { user: "mallory", storage: 2 },
    ];

    assert.deepEqual(findStorage({ user: "eve" }, storages, homes), { number: 7 });
    assert.deepEqual(findStorage({ user: "mallory" }, storages, homes), {
      missing: 'there is no storage of user "mallory"',
    });
  });

  test("is missing when its name differs by case, or its files are on a disk", () => {
    assert.deepEqual(findStorage({ user: "Alice" }, storages, []), {
      missing: 'there is no storage of user "Alice"',
    });
    assert.deepEqual(findStorage({ number: 1 }, storages, []), {
      missing: "storage number 1 is home::local: its files are not in the store of objects",
    });
  });
});
