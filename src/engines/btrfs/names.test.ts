import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { HoldfastError } from "../../kernel/errors.ts";
import { momentOf, momentsOf, newName, parseName, type SnapshotName } from "./names.ts";

function named(name: string): SnapshotName {
  const said = parseName(name);
  assert.ok(said !== undefined, name);
  return said;
}

suite("the names of snapshots", () => {
  const zone = process.env["TZ"];
  before(() => {
    process.env["TZ"] = "Europe/Berlin";
  });
  after(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  test("are those of the predecessor, in local time", () => {
    const summer = new Date("2026-07-01T10:11:12.999Z");

    assert.equal(newName(summer, [], new Set()), "2026-07-01T12:11:12");
    assert.equal(newName(summer, ["pre-upgrade"], new Set()), "2026-07-01T12:11:12-pre-upgrade");
  });

  test("are unique within a second, and in order", () => {
    const now = new Date("2026-07-01T10:11:12Z");
    const taken = new Set<string>();
    for (let count = 0; count < 3; count += 1) taken.add(newName(now, [], taken));
    const labelled = newName(now, ["a"], new Set([newName(now, ["a"], new Set())]));

    assert.deepEqual(
      [...taken],
      ["2026-07-01T12:11:12", "2026-07-01T12:11:12-~2", "2026-07-01T12:11:12-~3"],
    );
    assert.equal(labelled, "2026-07-01T12:11:12-a~2");
    assert.deepEqual(
      [...taken].map((name) => momentOf(named(name), now).getTime() - now.getTime()),
      [0, 1, 2],
    );
    assert.deepEqual(named(labelled).labels, ["a"]);
  });

  test("carry any label there and back", () => {
    const labels = ["a/b", "50%", "1+1", "~2", "line\nfeed", "-n", "..", "%41", "ä"];

    const name = newName(new Date(), labels, new Set());

    assert.doesNotMatch(name, /[/\n]/);
    assert.deepEqual(named(name).labels, labels);
  });

  test("refuse labels that no file name can hold", () => {
    assert.throws(
      () => newName(new Date(), ["x".repeat(250)], new Set()),
      (error) => error instanceof HoldfastError && error.code === "usage-invalid",
    );
  });

  test("are read with and without a time, and told from other names", () => {
    assert.equal(named("2025-03-04").dateOnly, true);
    assert.deepEqual(named("2025-03-04-old style").labels, ["old style"]);
    for (const other of [
      "latest",
      "2025-02-30",
      "2025-03-04T25:00:00",
      "2025-03-04x",
      "",
      "2025",
    ]) {
      assert.equal(parseName(other), undefined, other);
    }
  });

  test("mean two moments in the hour that comes twice, and the file system tells which", () => {
    const said = named("2026-10-25T02:30:00");

    assert.deepEqual(
      momentsOf(said).map((moment) => moment.toISOString()),
      ["2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"],
    );
    for (const created of ["2026-10-25T00:30:01Z", "2026-10-25T01:30:01Z"]) {
      const moment = momentOf(said, new Date(created));
      assert.equal(moment.getTime(), new Date(created).getTime() - 1000);
    }
  });

  test("mean the same moment in another time zone, as far as the file system knows", () => {
    const inTokyo = momentOf(named("2026-07-01T21:00:00"), new Date("2026-07-01T12:00:01Z"));

    assert.equal(inTokyo.toISOString(), "2026-07-01T12:00:00.000Z");
  });

  test("count for nothing where the file system says otherwise", () => {
    const created = new Date("2026-07-01T12:07:00Z");

    assert.equal(momentOf(named("2020-01-01T00:00:00"), created), created);
    assert.equal(momentOf(named("2026-07-01"), created), created);
  });
});

test("a further snapshot of one second comes after the first, whatever its label", () => {
  const now = new Date(2026, 10, 21, 14, 46, 6);
  const first = newName(now, [], new Set());

  const second = newName(now, ["pre-upgrade"], new Set([first]));

  assert.equal(first, "2026-11-21T14:46:06");
  assert.equal(second, "2026-11-21T14:46:06-pre-upgrade~2");
});
