import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { suite, test } from "node:test";
import { parseConfig } from "../src/config/parse.ts";

const root = resolve(import.meta.dirname, "..");
const pages = globSync(["*.md", "docs/**/*.md", "src/**/README.md"], { cwd: root });

function read(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** The blocks of a page in one language. */
function blocks(page: string, language: string): readonly string[] {
  const fence = "```";
  const block = new RegExp(`^${fence}${language}\\n(.*?)^${fence}$`, "gms");
  return [...read(page).matchAll(block)].flatMap(([, text]) => text ?? []);
}

suite("the documents", () => {
  test("link to files that exist", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|mailto:|#)([^)#]+)[^)]*\)/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !existsSync(join(root, dirname(page), target)))
        .map((target) => `${page}: ${target}`),
    );

    assert.deepEqual(broken, []);
  });

  test("begin with a configuration that is whole and without doubts", () => {
    const [first = ""] = blocks("README.md", "yaml");

    const { jobs, warnings } = parseConfig({
      file: "/home/ann/.config/holdfast/holdfast.yaml",
      text: first,
      readableByOthers: false,
      home: "/home/ann",
      defaultState: "/home/ann/.local/state/holdfast",
      platform: "linux",
    });

    assert.deepEqual([...jobs.keys()], ["documents"]);
    assert.deepEqual(warnings, []);
  });

  test("list each decision that was recorded", () => {
    const records = globSync("[0-9]*.md", { cwd: join(root, "docs/decisions") });
    const index = read("docs/decisions/README.md");

    assert.notEqual(records.length, 0);
    assert.deepEqual(
      records.filter((record) => !index.includes(`(${record})`)),
      [],
    );
  });

  test("name only npm scripts that exist", () => {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"));
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/\bnpm run ([a-z]+)/g)].map(([, name = ""]) => name),
    );

    assert.notEqual(named.length, 0);
    assert.deepEqual(
      [...new Set(named)].filter((name) => !(name in scripts)),
      [],
    );
  });
});
