import assert from "node:assert/strict";
import { test } from "node:test";
import { coloured, plain } from "./paint.ts";
import { table } from "./table.ts";

const columns = [
  { heading: "NAME" },
  { heading: "SIZE", align: "right" },
  { heading: "NOTE" },
] as const;

test("a table aligns its columns and ends each line without blanks", () => {
  const text = table(
    columns,
    [
      ["a", "1 B", ""],
      ["longer", "120 MiB", "x"],
    ],
    plain,
  );

  assert.equal(text, "NAME       SIZE  NOTE\na           1 B\nlonger  120 MiB  x\n");
});

test("a table leaves out a column that is empty in every row", () => {
  assert.equal(table(columns, [["a", "", "x"]], plain), "NAME  NOTE\na     x\n");
});

test("colours take no room in a table", () => {
  const text = table(
    columns,
    [
      [coloured.red("a"), "1 B", "x"],
      ["bb", "2 B", "y"],
    ],
    plain,
  );

  assert.equal(text, "NAME  SIZE  NOTE\n\u001B[31ma\u001B[39m      1 B  x\nbb     2 B  y\n");
});
