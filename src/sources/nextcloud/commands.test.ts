import assert from "node:assert/strict";
import { test } from "node:test";
import { hasOnlyVanished } from "./commands.ts";

const gone = "cp: cannot stat '/srv/nc/data/alice/files/a'$'\\n''b': No such file or directory\n";
const unopened = "cp: cannot open '/srv/nc/data/x' for reading: No such file or directory\n";

test("files that were removed before they were copied are told from all other failures", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    [gone, true],
    [gone + unopened, true],
    ["", false],
    [`${gone}cp: error writing '/srv/to/b': No space left on device\n`, false],
    [`cp: cannot open '/srv/nc/data/x' for reading: Permission denied\n${gone}`, false],
    ["cp: skipping file '/srv/nc/data/x', as it was replaced while being copied\n", false],
    ["cp: failed to clone '/srv/to/b' from '/srv/nc/data/b': Operation not supported\n", false],
    ["cp: cannot create regular file '/srv/to/b': No such file or directory\n", false],
    [gone.repeat(1000), false],
  ];

  for (const [stderr, expected] of cases) {
    assert.equal(hasOnlyVanished({ exitStatus: 1, stderr }), expected, stderr);
  }
  assert.equal(hasOnlyVanished({ exitStatus: 137, stderr: gone }), false);
});
