import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { localTime } from "../kernel/figures.ts";
import { age, count, formatSeconds, indent, visible, visibleLines } from "./wording.ts";

const now = new Date("2026-11-20T12:00:00Z");
const before = (ms: number): Date => new Date(now.getTime() - ms);
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

suite("the age of a moment", () => {
  const cases: readonly (readonly [Date, string])[] = [
    [before(0), "just now"],
    [before(59_999), "just now"],
    [before(minute), "1 min ago"],
    [before(hour - 1), "59 min ago"],
    [before(3 * hour), "3 h ago"],
    [before(47 * hour), "47 h ago"],
    [before(2 * day), "2 d ago"],
    [before(3 * day - 1), "2 d ago"],
    [before(-30_000), "in less than a minute"],
    [before(-14 * hour), "in 14 h"],
    [before(-400 * day), "in 400 d"],
  ];
  for (const [moment, words] of cases) {
    test(`is "${words}" for ${(now.getTime() - moment.getTime()) / 1000} seconds`, () => {
      assert.equal(age(moment, now), words);
    });
  }
});

suite("what came from outside", () => {
  test("cannot command a terminal", () => {
    const hostile = "evil\u001B[2J\u0007\u009B31m\r\n\ttext";

    const shown = visible(hostile);

    assert.equal(shown, "evil\\u{1b}[2J\\u{7}\\u{9b}31m\\r\\n\\ttext");
  });

  test("cannot turn the direction of writing", () => {
    assert.equal(visible("photo\u202Egpj.exe"), "photo\\u{202e}gpj.exe");
  });

  test("keeps letters of every script", () => {
    assert.equal(visible("Übung – 写真 – 😀"), "Übung – 写真 – 😀");
  });

  test("keeps its lines where several are meant", () => {
    assert.equal(visibleLines("one\ntwo\u0007"), "one\ntwo\\u{7}");
  });
});

suite("numbers in words", () => {
  test("have their thousands apart and the right plural", () => {
    assert.deepEqual(
      [count(0, "file"), count(1, "file"), count(1234, "file"), count(1_234_567, "file")],
      ["0 files", "1 file", "1,234 files", "1,234,567 files"],
    );
    assert.equal(count(2, "repository", "repositories"), "2 repositories");
  });

  test("say seconds as a person would", () => {
    assert.deepEqual([formatSeconds(0.25), formatSeconds(75)], ["250 ms", "1 min 15 s"]);
  });
});

test("a moment is shown in local time", () => {
  const moment = new Date(2026, 0, 5, 3, 7);

  assert.equal(localTime(moment), "2026-01-05 03:07");
});

test("indenting leaves empty lines empty", () => {
  assert.equal(indent("a\n\nb", "  "), "  a\n\n  b");
});
