import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { circles, inOrder } from "./precedence.ts";

const chain = new Map([
  ["archive", ["relay"]],
  ["relay", ["photos"]],
  ["photos", []],
  ["letters", []],
]);

suite("what comes before what", () => {
  test("puts everything behind what it needs, and leaves the rest in its order", () => {
    const order = inOrder(["letters", "archive", "relay", "photos"], chain);

    assert.deepEqual(order, ["letters", "photos", "relay", "archive"]);
  });

  test("keeps an order that is right already", () => {
    const names = ["photos", "letters", "relay", "archive"];

    const order = inOrder(names, chain);

    assert.deepEqual(order, names);
  });

  test("does not add what was not asked for", () => {
    assert.deepEqual(inOrder(["archive", "photos"], chain), ["archive", "photos"]);
  });

  test("places everything once, even where needs go round in a circle", () => {
    const needs = new Map([
      ["a", ["b"]],
      ["b", ["a"]],
    ]);

    assert.deepEqual(inOrder(["a", "b"], needs), ["b", "a"]);
  });

  test("names each circle once, in full", () => {
    const needs = new Map([
      ["x", ["a"]],
      ["a", ["b", "c"]],
      ["b", ["a"]],
      ["c", ["c"]],
    ]);

    assert.deepEqual(circles(needs), [
      ["a", "b", "a"],
      ["c", "c"],
    ]);
    assert.deepEqual(circles(chain), []);
  });

  test("copes with long chains that share much", () => {
    const names = Array.from({ length: 60 }, (_, index) => `n${index}`);
    const needs = new Map(names.map((name, index) => [name, names.slice(index + 1)]));

    assert.deepEqual(circles(needs), []);
    assert.deepEqual(inOrder(names, needs), names.toReversed());
  });
});
