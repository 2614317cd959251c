import assert from "node:assert/strict";
import { test } from "node:test";
import { naturalOrder } from "./natural-order.ts";

test("names are in the order in which PHP merges them", () => {
  const names = [
    "zz-holdfast.config.php",
    "10.config.php",
    "b.config.php",
    "9.config.php",
    "B.config.php",
    "a10.config.php",
    "a9.config.php",
    "zzz.config.php",
  ];

  assert.deepEqual(names.toSorted(naturalOrder), [
    "9.config.php",
    "10.config.php",
    "B.config.php",
    "a9.config.php",
    "a10.config.php",
    "b.config.php",
    "zz-holdfast.config.php",
    "zzz.config.php",
  ]);
});
