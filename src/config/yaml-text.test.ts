import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { KeyPath } from "./problem.ts";
import { readYaml } from "./yaml-text.ts";

suite("text in YAML", () => {
  test("takes a bare ~ for a text, and an empty value for nothing", () => {
    const { value } = readYaml("home: ~\nlist: [~, ~/x]\nnothing:\nword: null\n");

    assert.deepEqual(value, { home: "~", list: ["~", "~/x"], nothing: null, word: null });
  });

  test("reads JSON", () => {
    const { value, problems } = readYaml('{\n\t"a": [1, true, "x"],\n\t"b": {"c": null}\n}\n');

    assert.deepEqual([value, problems], [{ a: [1, true, "x"], b: { c: null } }, []]);
  });

  test("merges maps, and lets own keys win", () => {
    const { value } = readYaml(
      "a: &a { x: 1, y: 2 }\nb: { <<: *a, y: 3 }\nc: { <<: [*a, { z: 4 }] }\n",
    );

    assert.deepEqual(value, { a: { x: 1, y: 2 }, b: { x: 1, y: 3 }, c: { x: 1, y: 2, z: 4 } });
  });

  test("takes names that look like numbers for texts", () => {
    const { value, problems } = readYaml('2026: x\ntrue: y\n"2026": z\n');

    assert.deepEqual(value, { 2026: "z", true: "y" });
    assert.equal(problems.length, 1);
  });

  test("ignores a byte order mark and carriage returns", () => {
    const { value, clear } = readYaml("\uFEFFa: 1\r\nb:\r\n  - x\r\n");

    assert.deepEqual([value, clear], [{ a: 1, b: ["x"] }, true]);
  });

  test("allows a closing bracket at the beginning of a line", () => {
    const { problems } = readYaml("a: {\n  b: 1\n}\n");

    assert.deepEqual(problems, []);
  });

  test("says that a text is nested too deeply instead of running out of stack", () => {
    const { problems, clear } = readYaml(`a: ${"[".repeat(1500)}`);

    assert.equal(clear, false);
    assert.ok(problems.some(({ message }) => message === "is nested too deeply"));
  });

  test("tells of a quote and of brackets that are not closed once, where they begin", () => {
    const places = ["a: 'x\nb: 1\n", "a: [x, [y, {z\n", `a: ${"[".repeat(300)}`].map((text) => {
      const yaml = readYaml(text);
      return yaml.problems.map((problem) => yaml.locate(problem));
    });

    assert.deepEqual(places, [
      [{ line: 1, column: 4 }],
      [{ line: 1, column: 12 }],
      [{ line: 1, column: 303 }],
    ]);
  });

  test("does not expand what would grow without end", () => {
    const lines = Array.from({ length: 30 }, (_, level) =>
      level === 0 ? "a0: &a0 [x, x]" : `a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}x]`,
    );

    const { clear, problems } = readYaml(lines.join("\n"));

    assert.equal(clear, false);
    assert.match(problems[0]?.message ?? "", /more than 100000 values/);
  });

  test("allows one anchor in very many places", () => {
    const aliases = Array.from({ length: 2000 }, () => "*day").join(", ");

    const { clear } = readYaml(`a: &day { daily: 7 }\nb: [${aliases}]\n`);

    assert.equal(clear, true);
  });
});

suite("places in the text", () => {
  const text = [
    "volumes:", // 1
    "  usb: { path: /mnt/usb }", // 2
    "jobs:", // 3
    "  photos: &photos", // 4
    "    sources:", // 5
    "      - /srv/a", // 6
    "      - { path: /srv/b }", // 7
    "    keep:", // 8
    "  music:", // 9
    "    <<: *photos", // 10
    "    copies: [a, b]", // 11
    "  films: *photos", // 12
  ].join("\n");

  for (const [path, part, place] of [
    [["volumes", "usb", "path"], "value", "2:16"],
    [["volumes", "usb", "path"], "key", "2:10"],
    [["jobs", "photos", "sources", 0], "value", "6:9"],
    [["jobs", "photos", "sources", 1, "path"], "value", "7:17"],
    [["jobs", "photos", "keep"], "key", "8:5"],
    [["jobs", "photos", "sources"], "key", "5:5"],
    // Not there: where its parent is.
    [["jobs", "photos", "repository"], "key", "4:3"],
    [["jobs", "photos", "sources", 7], "value", "5:5"],
    [["jobs", "photos", "hooks", "before"], "value", "4:3"],
    [["notifiers"], "key", "1:1"],
    [[], "value", "1:1"],
    // Written elsewhere: there.
    [["jobs", "music", "sources", 0], "value", "6:9"],
    [["jobs", "films", "sources", 1, "path"], "value", "7:17"],
    [["jobs", "music", "copies", 1], "value", "11:17"],
  ] as const satisfies readonly (readonly [KeyPath, "key" | "value", string])[]) {
    test(`finds the ${part} of ${path.join(".") || "everything"}`, () => {
      const yaml = readYaml(text);

      const { line, column } = yaml.locate({ path, part });

      assert.equal(`${line}:${column}`, place);
    });
  }

  test("counts from the beginning in a text without anything", () => {
    const { line, column } = readYaml("").locate({ path: ["jobs"], part: "key" });

    assert.deepEqual([line, column], [1, 1]);
  });
});
