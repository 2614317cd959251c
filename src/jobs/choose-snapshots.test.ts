import assert from "node:assert/strict";
import { test } from "node:test";
import { aSnapshot, noon } from "../../test/support/fixtures.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { chooseSnapshots } from "./choose-snapshots.ts";

const monday = aSnapshot("aa11", "2026-03-09T08:00:00Z");
const tuesday = aSnapshot("aa22", "2026-03-10T08:00:00Z");
const { series: _, ...foreign } = aSnapshot("bb33", "2026-03-12T08:00:00Z");
const future = aSnapshot("cc44", "2027-01-01T00:00:00Z");
const all = [monday, tuesday, foreign, future];

function choose(snapshot: string): readonly string[] {
  return chooseSnapshots(all, { job: "documents", snapshot, now: noon }).map(({ id }) => id);
}

test("takes latest to be the newest of the job's own that is not from the future", () => {
  assert.deepEqual(choose("latest"), ["aa22"]);
});

test("takes a date to be the newest snapshot up to the end of that day", () => {
  assert.deepEqual(choose("2026-03-09"), ["aa11"]);
  assert.deepEqual(choose("2026-03-11"), ["aa22"]);
});

test("takes a time to be the newest snapshot not later", () => {
  assert.deepEqual(choose("2026-03-10T07:59:59Z"), ["aa11"]);
  assert.deepEqual(choose("2026-03-10T08:00:00Z"), ["aa22"]);
});

test("takes the beginning of an id when only one snapshot begins so, whoever made it", () => {
  assert.deepEqual(choose("bb"), ["bb33"]);
});

test("refuses the beginning of several ids and names them", () => {
  assert.throws(
    () => choose("aa"),
    (error) =>
      error instanceof HoldfastError &&
      error.code === "snapshot-missing" &&
      error.hint === "write more of it: aa11, aa22",
  );
});

test("refuses what is not there, with the command that lists what is", () => {
  for (const text of ["zz", "2025-01-01", "2026-13-45"]) {
    assert.throws(
      () => choose(text),
      (error) =>
        error instanceof HoldfastError &&
        error.code === "snapshot-missing" &&
        error.hint === "see what there is with: holdfast snapshots documents",
    );
  }
});

test("takes latest of a job with a snapshot for each source to be the newest of each", () => {
  const pictures = aSnapshot("dd55", "2026-03-01T00:00:00Z", { series: "documents /pictures" });

  const chosen = chooseSnapshots([...all, pictures], {
    job: "documents",
    snapshot: "latest",
    now: noon,
  });

  assert.deepEqual(chosen.map(({ id }) => id).toSorted(), ["aa22", "dd55"]);
});

test("says for latest that all there is was made on another machine, and how to get at it", () => {
  const { id, time, kind, labels } = aSnapshot("ee66", "2026-03-01T00:00:00Z");
  const elsewhere = { id, time, kind, labels, host: "old" };

  assert.throws(
    () => chooseSnapshots([elsewhere], { job: "documents", snapshot: "latest", now: new Date() }),
    (error) => error instanceof HoldfastError && /\(host old\): restore/.test(error.hint ?? ""),
  );
});
