import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { plainStatus } from "./quick-status.ts";

const usual = { json: false, quiet: false, verbose: false, color: true };

suite("a plain status", () => {
  const cases: readonly (readonly [readonly string[], ReturnType<typeof plainStatus>])[] = [
    [["status"], { jobs: [], options: usual }],
    [["status", "a", "b"], { jobs: ["a", "b"], options: usual }],
    [["--json", "status", "a"], { jobs: ["a"], options: { ...usual, json: true } }],
    [
      ["status", "-q", "--no-color"],
      { jobs: [], options: { ...usual, quiet: true, color: false } },
    ],
    [["-c", "x.yaml", "status"], { jobs: [], options: usual, configFile: "x.yaml" }],
    [["status", "--config", "status"], { jobs: [], options: usual, configFile: "status" }],
  ];
  for (const [words, expected] of cases) {
    test(`is recognised: ${words.join(" ")}`, () => {
      assert.deepEqual(plainStatus(words), expected);
    });
  }

  for (const words of [
    ["run", "status"],
    ["--config=x", "status"],
    ["status", "--help"],
    ["status", "--", "-a"],
    ["status", "-qv"],
    ["status", "--config"],
    ["-c", "status"],
    [],
  ]) {
    test(`is not claimed, but left to the ordinary way: ${words.join(" ")}`, () => {
      assert.equal(plainStatus(words), undefined);
    });
  }
});
