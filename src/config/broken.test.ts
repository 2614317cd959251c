import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { suite, test } from "node:test";
import { HoldfastError } from "../kernel/errors.ts";
import { parseConfig } from "./parse.ts";

const folder = join(import.meta.dirname, "testdata/broken");
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => basename(name, ".yaml"));

function explain(text: string): string {
  try {
    parseConfig({
      file: "holdfast.yaml",
      text,
      readableByOthers: false,
      home: "/home/me",
      defaultState: "/home/me/.local/state/holdfast",
      platform: "linux",
    });
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.code, "config-invalid");
    return error.hint === undefined ? error.message : `${error.message}\nhint: ${error.hint}`;
  }
  throw new assert.AssertionError({ message: "nothing was found wrong" });
}

suite("says in words what is wrong with a configuration", () => {
  for (const name of names) {
    test(name.replaceAll("-", " "), (t) => {
      const text = readFileSync(join(folder, `${name}.yaml`), "utf8");

      const explained = explain(text);

      t.assert.fileSnapshot(explained, join(folder, `${name}.txt`), {
        serializers: [(value) => `${String(value)}\n`],
      });
      // The password of every case; whatever is wrong with it, it is never repeated.
      assert.doesNotMatch(explained, /hunter2-canary/);
    });
  }
});
