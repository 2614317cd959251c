import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { Row } from "../../../databases/database.ts";
import { LineCutter } from "./lines.ts";
import { DumpReader } from "./reader.ts";

const wanted = new Set(["oc_filecache", "oc_storages"]);

/** Reads a dump in pieces of one size. */
function read(text: string | Buffer, pieces = 7) {
  const rows: { readonly table: string; readonly columns: string; readonly row: Row }[] = [];
  const reader = new DumpReader(wanted, (table, columns, row) =>
    rows.push({ table, columns: columns.join(), row }),
  );
  const cutter = new LineCutter(reader);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieces) cutter.push(bytes.subarray(at, at + pieces));
  cutter.end();
  return { rows, isComplete: reader.isComplete, found: reader.found };
}

const definition =
  "CREATE TABLE `oc_storages` (\n  `id` varchar(64),\n  `n` int,\n  KEY `id` (`id`)\n) ENGINE=InnoDB;\n";

suite("a dump of MariaDB", () => {
  test("gives rows as they were, several in a line or one in each", () => {
    const { rows, isComplete } = read(
      `${definition}INSERT INTO \`oc_storages\` VALUES ('a',1),('b',NULL);\nINSERT INTO \`oc_storages\` VALUES\n('c',-3),\n('d',4);\n-- Dump completed on 2026-11-20 10:07:25\n`,
    );

    assert.deepEqual(
      rows.map(({ row }) => row),
      [
        ["a", "1"],
        ["b", null],
        ["c", "-3"],
        ["d", "4"],
      ],
    );
    assert.equal(rows[0]?.columns, "id,n");
    assert.equal(isComplete, true);
  });

  test("gives every text as it was", () => {
    const character = fc.oneof(
      fc.constantFrom(
        "'",
        '"',
        "\\",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u001A",
        ",",
        "(",
        ")",
        ";",
        "😀",
        "%",
      ),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    );
    const texts = fc.array(character).map((parts) => parts.join(""));

    fc.assert(
      fc.property(texts, texts, fc.integer({ min: 1, max: 400 }), (one, other, pieces) => {
        const line = `INSERT INTO \`oc_storages\` VALUES (${quoted(one)},1),(${quoted(other)},2);\n`;
        const { rows } = read(definition + line, pieces);
        assert.deepEqual(
          rows.map(({ row }) => row),
          [
            [one, "1"],
            [other, "2"],
          ],
        );
      }),
    );
  });

  test("passes over other tables, whatever is in them", () => {
    const decoy = "INSERT INTO `oc_storages` VALUES ('x',1);".replaceAll("'", String.raw`\'`);
    const other = `CREATE TABLE \`other\` (\n  \`t\` text\n);\nINSERT INTO \`other\` VALUES ('${decoy}'),('${"long ".repeat(1000)}');\nINSERT INTO \`other\` VALUES\n('COPY public.oc_storages (id) FROM stdin;'),\n('-- Dump completed');\n`;

    const { rows, isComplete, found } = read(`${other}${definition}`);

    assert.deepEqual(rows, []);
    assert.equal(isComplete, false);
    assert.deepEqual([...found], ["oc_storages"]);
  });

  test("may name its columns, and write bytes in hex", () => {
    const { rows } = read(
      "REPLACE INTO `oc_storages` (`n`, `id`) VALUES (1,0x6162),(2,_binary 'c');\n",
    );

    assert.deepEqual(
      rows.map(({ columns, row }) => [columns, ...row]),
      [
        ["n,id", "1", "ab"],
        ["n,id", "2", "c"],
      ],
    );
  });

  test("is refused when its texts are cut off or in another encoding", () => {
    assert.throws(() => read(`${definition}INSERT INTO \`oc_storages\` VALUES ('a`), /no end/);
    assert.throws(() => read("/*!40101 SET NAMES latin1 */;\n"), /latin1: make it with utf8mb4/);
    assert.throws(() => read(definition + definition), /twice: make a dump of one database/);
  });
});

suite("a dump of PostgreSQL", () => {
  const header = "SET client_encoding = 'UTF8';\n";

  test("gives rows as they were", () => {
    const { rows, isComplete } = read(
      `${header}COPY public."oc_storages" (numeric_id, "id") FROM stdin;\n1\t\\N\n2\ta\\tb\\\\c\\nd\n3\t\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n\n`,
    );

    assert.deepEqual(
      rows.map(({ row }) => row),
      [
        ["1", null],
        ["2", "a\tb\\c\nd"],
        ["3", ""],
      ],
    );
    assert.equal(rows[0]?.columns, "numeric_id,id");
    assert.equal(isComplete, true);
  });

  test("passes over other tables, whatever is in them", () => {
    const { rows } = read(
      `${header}COPY public.other (t) FROM stdin;\nCOPY public.oc_storages (id) FROM stdin;\nx\n\\.\nCOPY public.oc_storages (id) FROM stdin;\ny\n\\.\n`,
    );

    assert.deepEqual(
      rows.map(({ row }) => row),
      [["y"]],
    );
  });

  test("is refused with rows as INSERT statements, or of a whole server", () => {
    assert.throws(
      () => read("INSERT INTO public.oc_storages VALUES (1, 'a');\n"),
      /make it with pg_dump and without --inserts/,
    );
    assert.throws(
      () => read("-- PostgreSQL database cluster dump complete\n"),
      /all databases of a server/,
    );
  });
});

/** As `mysql_real_escape_string` does. */
function quoted(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "\0": "0",
    "\n": "n",
    "\r": "r",
    "\u001A": "Z",
    "\\": "\\",
    "'": "'",
    '"': '"',
  };
  const escaped = Array.from(text, (character) =>
    character in names ? `\\${names[character]}` : character,
  ).join("");
  return `'${escaped}'`;
}
