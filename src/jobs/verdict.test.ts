import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./verdict.ts";

const before = { files: 1000, bytes: 50_000_000 };

test("believes a first run that found something", () => {
  assert.deepEqual(judge({ files: 3, bytes: 10 }, undefined), { kind: "ok" });
});

test("believes a source that lost just under a half", () => {
  assert.deepEqual(judge({ files: 500, bytes: 25_000_000 }, before), { kind: "ok" });
});

test("suspects a source that lost more than half of its files", () => {
  const verdict = judge({ files: 499, bytes: 49_000_000 }, before);

  assert.deepEqual(verdict, {
    kind: "suspicious",
    reasons: ["files fell by more than half, from 1000 to 499"],
  });
});

test("suspects a source that lost more than half of its bytes, and says so in sizes", () => {
  const verdict = judge({ files: 999, bytes: 24_000_000 }, before);

  assert.equal(verdict.kind, "suspicious");
  assert.match(JSON.stringify(verdict), /size fell by more than half, from 47.7 MiB to 22.9 MiB/);
});

test("suspects an empty source even on the first run", () => {
  const verdict = judge({ files: 0, bytes: 0, emptySources: ["usb:Pictures"] }, undefined);

  assert.deepEqual(verdict, { kind: "suspicious", reasons: ["usb:Pictures is empty"] });
});

test("suspects a snapshot without files, and one with files of zero bytes", () => {
  assert.deepEqual(judge({ files: 0, bytes: 0 }, before), {
    kind: "suspicious",
    reasons: ["the snapshot holds no files"],
  });
  assert.deepEqual(judge({ files: 900, bytes: 0 }, before), {
    kind: "suspicious",
    reasons: ["the snapshot holds zero bytes"],
  });
});

test("believes an emptiness that a person has accepted", () => {
  const accepted = { files: 0, bytes: 0, emptySources: ["inbox"] };

  assert.deepEqual(judge({ files: 0, bytes: 0, emptySources: ["inbox"] }, accepted), {
    kind: "ok",
  });
  assert.deepEqual(judge({ files: 0, bytes: 0 }, { files: 0, bytes: 0 }), { kind: "ok" });
});

test("suspects that all files are gone beside a source that may be empty", () => {
  const earlier = { ...before, emptySources: ["inbox"] };

  const verdict = judge({ files: 0, bytes: 0, emptySources: ["inbox"] }, earlier);

  assert.deepEqual(verdict, { kind: "suspicious", reasons: ["the snapshot holds no files"] });
});

test("says nothing about figures that the engine does not know", () => {
  assert.deepEqual(judge({}, before), { kind: "ok" });
});
