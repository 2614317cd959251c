import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, formatSize } from "./figures.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test("shows a length of time in its two largest units that say something", () => {
  const shown: readonly (readonly [number, string])[] = [
    [0, "0 ms"],
    [250, "250 ms"],
    [5 * second, "5 s"],
    [90 * second, "1 min 30 s"],
    [2 * minute, "2 min"],
    [6 * hour, "6 h"],
    [6 * hour + 12 * second, "6 h"],
    [51 * hour, "2 d 3 h"],
    [400 * day, "400 d"],
  ];

  assert.deepEqual(
    shown.map(([ms]) => formatDuration(ms)),
    shown.map(([, text]) => text),
  );
});

test("rounds up into the next unit rather than showing 60 of one", () => {
  assert.equal(formatDuration(999.7), "1 s");
  assert.equal(formatDuration(59_600), "1 min");
  assert.equal(formatDuration(2 * minute - 1), "2 min");
  assert.equal(formatDuration(hour - 1), "1 h");
  assert.equal(formatDuration(day - 1), "1 d");
});

test("shows a length of time that is negative, endless or none", () => {
  assert.equal(formatDuration(-90 * second), "-1 min 30 s");
  assert.equal(formatDuration(Number.POSITIVE_INFINITY), "forever");
  assert.equal(formatDuration(Number.NaN), "unknown");
});

test("shows bytes in steps of 1024 with three digits at most below a hundred", () => {
  const shown: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [999, "999 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [12_345, "12.1 KiB"],
    [120 * 2 ** 20, "120 MiB"],
    [1.5 * 2 ** 30, "1.5 GiB"],
    [5000 * 2 ** 50, "5000 PiB"],
  ];

  assert.deepEqual(
    shown.map(([bytes]) => formatSize(bytes)),
    shown.map(([, text]) => text),
  );
});

test("never shows 1024 of a unit that has a larger one", () => {
  assert.equal(formatSize(2 ** 20 - 1), "1 MiB");
  assert.equal(formatSize(2 ** 30 - 1), "1 GiB");
});

test("shows a change of size that is negative or unknown", () => {
  assert.equal(formatSize(-2048), "-2 KiB");
  assert.equal(formatSize(Number.NaN), "unknown");
});
