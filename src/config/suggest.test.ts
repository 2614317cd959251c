import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { didYouMean, nearest } from "./suggest.ts";

suite("suggestions", () => {
  const keys = ["sources", "repository", "exclude-files", "keep", "one-file-system", "at"];

  for (const [typed, meant] of [
    ["source", "sources"],
    ["suorces", "sources"],
    ["repositroy", "repository"],
    ["Repository", "repository"],
    ["excludeFiles", "exclude-files"],
    ["exclude_files", "exclude-files"],
    ["oneFilesystem", "one-file-system"],
    ["kep", "keep"],
  ] as const) {
    test(`takes "${typed}" for "${meant}"`, () => {
      const found = nearest(typed, keys);

      assert.equal(found, meant);
    });
  }

  for (const typed of ["retention", "x", "to", ""]) {
    test(`takes "${typed}" for nothing`, () => {
      const found = nearest(typed, keys);

      assert.equal(found, undefined);
    });
  }

  test("prefers the nearer of two", () => {
    const found = nearest("photo", ["phone", "photos"]);

    assert.equal(found, "photos");
  });

  test("says nothing where nothing is near, or where it was right", () => {
    const sentences = [didYouMean("sourcs", keys), didYouMean("xyz", keys), didYouMean("at", keys)];

    assert.deepEqual(sentences, [', did you mean "sources"?', "", ""]);
  });
});
