import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findExecutable } from "./executable.ts";

const root = mkdtempSync(join(tmpdir(), "holdfast-path-"));
after(() => rmSync(root, { recursive: true }));

function tool(path: string, mode: number): string {
  const whole = join(root, path);
  mkdirSync(join(whole, ".."), { recursive: true });
  writeFileSync(whole, "#!/bin/sh\n");
  chmodSync(whole, mode);
  return whole;
}

const first = join(root, "first");
const second = join(root, "second");
const env = { PATH: `${join(root, "none")}:${first}:${second}` };

test("finds a name in the folders of PATH, in their order", () => {
  const wanted = tool("first/one", 0o755);
  tool("second/one", 0o755);

  assert.deepEqual(findExecutable("one", env), { kind: "found", path: wanted });
});

test("passes over folders and files that may not be executed", () => {
  mkdirSync(join(first, "two"), { recursive: true });
  tool("first/three", 0o644);
  const two = tool("second/two", 0o755);
  const three = tool("second/three", 0o755);

  assert.deepEqual(findExecutable("two", env), { kind: "found", path: two });
  assert.deepEqual(findExecutable("three", env), { kind: "found", path: three });
});

test("tells a file without permission from one that is not there", () => {
  const four = tool("first/four", 0o644);

  assert.deepEqual(findExecutable("four", env), { kind: "not-executable", path: four });
  assert.deepEqual(findExecutable("five", env), { kind: "missing" });
  assert.deepEqual(findExecutable("", env), { kind: "missing" });
  assert.deepEqual(findExecutable("a\0b", env), { kind: "missing" });
  assert.deepEqual(findExecutable("one", {}, root), { kind: "missing" });
});

test("takes a name with a slash as a path, seen from the folder the command runs in", () => {
  const six = tool("first/six", 0o755);

  assert.deepEqual(findExecutable("./six", {}, first), { kind: "found", path: six });
  assert.deepEqual(findExecutable("first/six", env, root), { kind: "found", path: six });
  assert.deepEqual(findExecutable(six, {}), { kind: "found", path: six });
});
