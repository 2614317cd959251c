import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { forestOf } from "./trees.ts";

suite("a tree", () => {
  test("holds what is at its path, by whole names", () => {
    const forest = forestOf([{ storage: 3, folder: "a", path: "files/a_b" }], new Set());

    const held = [
      "files/a_b",
      "files/a_b/x",
      "files/aXb/x",
      "files/a_bc",
      "files/A_B/x",
      "files",
      "",
    ];

    assert.deepEqual(
      held.map((path) => forest.pathsOf(3, path)),
      [["a/files/a_b"], ["a/files/a_b/x"], [], [], [], [], []],
    );
    assert.deepEqual(forest.pathsOf(4, "files/a_b/x"), []);
  });

  test("of a whole storage holds no trash, versions or uploads unless they are asked for", () => {
    const trees = [{ storage: 3, folder: "a", path: "" }];
    const paths = [
      "",
      "files/uploads/x",
      "files_trashbin/x",
      "files_versions/x",
      "uploads/x",
      "cache/x",
    ];

    const plain = paths.filter((path) => forestOf(trees, new Set()).pathsOf(3, path).length > 0);
    const more = paths.filter(
      (path) =>
        forestOf(trees, new Set(["trashbin", "versions"] as const)).pathsOf(3, path).length > 0,
    );

    assert.deepEqual(plain, ["", "files/uploads/x"]);
    assert.deepEqual(more, ["", "files/uploads/x", "files_trashbin/x", "files_versions/x"]);
  });

  test("that begins in the trash has asked for it", () => {
    const forest = forestOf([{ storage: 3, folder: "a", path: "files_trashbin/files" }], new Set());

    assert.deepEqual(forest.pathsOf(3, "files_trashbin/files/x"), ["a/files_trashbin/files/x"]);
  });

  test("may overlap another one, and a path comes to a folder once", () => {
    const forest = forestOf(
      [
        { storage: 3, folder: "a", path: "files" },
        { storage: 3, folder: "a", path: "files/x" },
        { storage: 3, folder: "b", path: "files/x" },
      ],
      new Set(),
    );

    assert.deepEqual(forest.pathsOf(3, "files/x/y"), ["a/files/x/y", "b/files/x/y"]);
    assert.deepEqual([...forest.roots], ["a/files", "a/files/x", "b/files/x"]);
  });
});
