import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fitOf } from "./reinstate-fit.ts";

const copied = {
  nextcloud: "29.0.6.1",
  instanceId: "oc1",
  dataDirectory: "/data",
  databaseKind: "mariadb",
};
const present = {
  version: "29.0.6.1",
  instanceId: "oc1",
  dataDirectory: "/data",
  databaseKind: "mariadb",
  takesSettings: true,
};
const wish = { force: false, settings: "merged" } as const;

suite("a copy of a Nextcloud", () => {
  test("fits the one that it was made of", () => {
    assert.deepEqual(fitOf(copied, present, wish), { notes: [], upgradeDue: false });
  });

  test("fits newer code of the same or the next major version, which then upgrades it", () => {
    for (const version of ["29.0.10.1", "30.0.0.14"]) {
      const fit = fitOf(copied, { ...present, version }, wish);

      assert.deepEqual(fit, { notes: [], upgradeDue: true });
    }
  });

  test("is refused by what it does not fit, and taken when that was told", () => {
    for (const [change, reason] of [
      [{ instanceId: "oc2" }, /of another Nextcloud \(oc1\)/],
      [{ version: "29.0.5.9" }, /newer than 29\.0\.5\.9/],
      [{ version: "31.0.0.1" }, /cannot be upgraded in one step/],
      [{ version: "29.0.7.1", takesSettings: false }, /settings that are there belong to another/],
    ] as const) {
      const there = { ...present, ...change };

      assert.throws(() => fitOf(copied, there, wish), { code: "target-invalid", message: reason });
      const forced = fitOf(copied, there, { ...wish, force: true });
      assert.match(forced.notes.join("\n"), reason);
    }
  });

  test("of another kind of database is never taken", () => {
    const there = { ...present, databaseKind: "sqlite" };

    assert.throws(() => fitOf(copied, there, { ...wish, force: true }), { code: "target-invalid" });
  });

  test("says what moves with the data directory, and what cannot be known", () => {
    const moved = fitOf(copied, { ...present, dataDirectory: "/new" }, wish);
    const unknown = fitOf(undefined, present, wish);

    assert.match(moved.notes.join(), /was \/data and is \/new now/);
    assert.match(unknown.notes.join(), /nothing in the snapshot says/);
  });
});
