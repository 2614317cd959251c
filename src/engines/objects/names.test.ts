import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { freeName, momentOf, nameAt, problemOfFormat } from "./names.ts";

const moment = new Date(2026, 1, 3, 4, 5, 6);

suite("the names of snapshots", () => {
  for (const [format, name] of [
    ["%y%m%d-%H%M", "260203-0405"],
    ["%Y-%m-%d", "2026-02-03"],
    ["%FT%T", "2026-02-03T04:05:06"],
    ["day %j of %Y, 100%%", "day 034 of 2026, 100%"],
    ["backup.(%Y)%m%d", "backup.(2026)0203"],
  ] as const) {
    test(`are written and read as ${format}`, () => {
      const read = momentOf(name, format);

      assert.equal(nameAt(format, moment), name);
      assert.equal(problemOfFormat(format), undefined);
      assert.ok(read !== undefined);
      assert.equal(nameAt(format, read), name);
    });
  }

  test("get a number when there is one already, and are read with it", () => {
    const taken = new Set(["2026-02-03", "2026-02-03.2"]);

    const name = freeName("%Y-%m-%d", moment, taken);

    assert.equal(name, "2026-02-03.3");
    assert.deepEqual(momentOf(name, "%Y-%m-%d"), new Date(2026, 1, 3));
  });

  test("are read as the predecessor wrote them, whatever the format is now", () => {
    assert.deepEqual(momentOf("260203-0405", "%Y-%m-%d"), new Date(2026, 1, 3, 4, 5));
    assert.deepEqual(momentOf("2026-02-03", "%y%m%d"), new Date(2026, 1, 3));
  });

  test("are no names when they are no dates", () => {
    for (const name of ["2026-02-31", "2026-13-01", "before-upgrade", "2026-02-03x", "", ".2"]) {
      assert.equal(momentOf(name, "%Y-%m-%d"), undefined, name);
    }
  });

  test("need a day, and cannot lead anywhere or be hidden", () => {
    for (const format of ["%H%M", "%Y", "%Y/%m/%d", ".%Y%m%d", "%Y%m%d %Q", "%Y%m%d%"]) {
      const usable = problemOfFormat(format) === undefined;
      assert.equal(usable, format === "%Y%m%d%", format);
    }
  });
});
