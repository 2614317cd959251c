import assert from "node:assert/strict";
import { test } from "node:test";
import { isLiving, parseStat } from "./process-table.ts";

const rest = "S 1 4321 4321 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 100 200";

test("reads group and start, whatever the program calls itself", () => {
  for (const name of ["restic", "a b", "a) S 9 9 (b", "line\nfeed", ")", "(("]) {
    assert.deepEqual(parseStat(`1234 (${name}) ${rest}\n`), {
      state: "S",
      group: 4321,
      flags: 4_194_560,
      startTicks: 987_654,
    });
  }
});

test("takes nothing from a line that is cut off", () => {
  assert.equal(parseStat("1234 (restic) S 1"), undefined);
  assert.equal(parseStat(""), undefined);
});

test("does not call a process living whose exit status nobody has asked for", () => {
  const entry = { group: 1, flags: 0, startTicks: 1 };

  assert.ok(isLiving({ ...entry, state: "S" }));
  assert.ok(isLiving({ ...entry, state: "D" }));
  assert.ok(!isLiving({ ...entry, state: "Z" }));
  assert.ok(!isLiving({ ...entry, state: "X" }));
  assert.ok(!isLiving(undefined));
});
