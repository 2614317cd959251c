import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Snapshot } from "../../kernel/snapshot.ts";
import { pinsOf } from "./pins.ts";

const snapshots: readonly Snapshot[] = Array.from("abcd").map((id, index) => ({
  id,
  origin: `origin ${id}`,
  time: new Date(2026, 0, index + 1),
  kind: "snapshot",
  labels: [],
}));

function origins(ids: string): ReadonlySet<string> {
  return new Set(Array.from(ids).map((id) => `origin ${id}`));
}

function holding(held: string, settled: string, receives = true) {
  return { repository: "usb", held: origins(held), settled: origins(settled), receives };
}

suite("what a chain hangs on", () => {
  test("is the newest that both sides have, and what the copy never had", () => {
    const pins = pinsOf(snapshots, { others: [holding("b", "ab")], forgetUncopied: false });

    assert.deepEqual(Object.fromEntries(pins), {
      b: "newest in common with usb",
      c: "not yet copied to usb",
      d: "not yet copied to usb",
    });
  });

  test("is everything while a copy was never seen", () => {
    const pins = pinsOf(snapshots, { others: [holding("", "")], forgetUncopied: false });

    assert.deepEqual([...pins.keys()], ["a", "b", "c", "d"]);
  });

  test("is the newest in common alone where the rest may go", () => {
    const told = pinsOf(snapshots, { others: [holding("b", "b")], forgetUncopied: true });
    const giving = pinsOf(snapshots, {
      others: [holding("bz", "bz", false)],
      forgetUncopied: false,
    });

    assert.deepEqual([...told.keys()], ["b"]);
    assert.deepEqual([...giving.keys()], ["b"]);
  });
});
