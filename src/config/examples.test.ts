import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { parseConfig } from "./parse.ts";

const folder = join(import.meta.dirname, "../../examples");

suite("examples", () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml"))) {
    test(`${name} loads without a warning`, () => {
      const { jobs, warnings } = parseConfig({
        file: name,
        text: readFileSync(join(folder, name), "utf8"),
        readableByOthers: true,
        home: "/home/me",
        defaultState: "/home/me/.local/state/holdfast",
        platform: "linux",
      });

      assert.deepEqual(warnings, []);
      assert.ok(jobs.size > 0);
    });
  }
});
