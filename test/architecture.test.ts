import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { suite, test } from "node:test";

// The map of ARCHITECTURE.md, from the top down. A room may import what stands below it.
const layers = [
  ["main.ts"],
  ["cli", "daemon"],
  ["jobs"],
  ["config"],
  ["engines", "sources", "notifiers", "volumes", "journal"],
  ["nextcloud"],
  ["databases", "s3"],
  ["hosts"],
  ["policy"],
  ["kernel"],
];
// Their folders are adapters: none knows another, and only the list knows them all.
const roomsOfAdapters = ["engines", "sources", "notifiers"];
const namesOfJunkDrawers = ["utils", "util", "helpers", "helper", "common", "lib", "types", "misc"];

const src = resolve(import.meta.dirname, "../src");

interface SourceFile {
  /** Relative to src, with slashes. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly code: string;
  readonly imports: readonly string[];
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(src, path), "utf8");
  // A URL's two slashes begin no comment.
  const code = text.replaceAll(/\/\*.*?\*\/|(?<!:)\/\/[^\n]*/gs, "");
  const imports = [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)].flatMap(
    ([, specifier]) => specifier ?? [],
  );
  return { path, room: path.split("/")[0] ?? path, text, code, imports };
}

const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => relative(src, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));
const tests = files.filter((path) => path.endsWith(".test.ts"));
const program = files.filter((path) => !path.endsWith(".test.ts")).map(readSource);

/** What a file imports of this project, relative to src. */
function ownImports({ path, imports }: SourceFile): readonly string[] {
  return imports
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => relative(src, resolve(src, dirname(path), specifier)).replaceAll(sep, "/"));
}

function layerOf(path: string): number {
  return layers.findIndex((rooms) => rooms.includes(path.split("/")[0] ?? ""));
}

function violations(mayImport: (from: SourceFile, to: string) => boolean): readonly string[] {
  return program.flatMap((file) =>
    ownImports(file)
      .filter((to) => to !== "../package.json" && !mayImport(file, to))
      .map((to) => `${file.path} imports ${to}`),
  );
}

function filesWhere(hasFault: (file: SourceFile) => boolean): readonly string[] {
  return program.filter(hasFault).map(({ path }) => path);
}

function wordsOf(path: string): readonly string[] {
  return path.replace(/(\.test)?\.ts$/, "").split("/");
}

suite("the rooms", () => {
  test("are those of the map, and all have files", () => {
    assert.deepEqual(
      [...new Set(program.map(({ room }) => room))].toSorted(),
      layers.flat().toSorted(),
    );
  });

  test("import only rooms below them", () => {
    assert.deepEqual(
      violations(({ path, room }, to) => to.split("/")[0] === room || layerOf(path) < layerOf(to)),
      [],
    );
  });

  test("import nothing of the tests", () => {
    assert.deepEqual(
      violations((_, to) => !to.startsWith("..") && !tests.includes(to)),
      [],
    );
  });

  test("open with what they know and must not know", () => {
    const main = [
      "kernel/errors.ts",
      "policy/retention.ts",
      "hosts/host.ts",
      "journal/journal.ts",
      "volumes/volume.ts",
      "nextcloud/instance.ts",
      "databases/database.ts",
      "s3/store.ts",
      "notifiers/notifier.ts",
      "sources/source.ts",
      "engines/engine.ts",
      "config/config.ts",
      "jobs/program.ts",
      "main.ts",
    ];

    assert.deepEqual(
      filesWhere(({ path, text }) => main.includes(path) && !text.startsWith("// Knows: ")),
      [],
    );
  });

  test("have names that say what is inside", () => {
    assert.deepEqual(
      files.filter((path) => wordsOf(path).some((word) => namesOfJunkDrawers.includes(word))),
      [],
    );
  });
});

for (const room of roomsOfAdapters) {
  const folders = readdirSync(join(src, room), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "testdata")
    .map(({ name }) => name);

  suite(`the room ${room}`, () => {
    test("lists each of its folders", () => {
      const listed = readSource(`${room}/index.ts`).imports;

      assert.deepEqual(
        folders.filter((folder) => !listed.includes(`./${folder}/index.ts`)),
        [],
      );
    });

    test("has folders that know neither each other nor the list", () => {
      assert.deepEqual(
        violations((from, to) => {
          const [itsRoom, folder = ""] = from.path.split("/");
          if (itsRoom !== room || !folders.includes(folder)) return true;
          if (to === `${room}/index.ts`) return false;
          const other = to.split("/")[1] ?? "";
          return to.split("/")[0] !== room || !folders.includes(other) || other === folder;
        }),
        [],
      );
    });
  });
}

test("each file that makes a notifier is in the list of notifiers", () => {
  const listed = readSource("notifiers/index.ts").imports;
  const makers = program.filter(
    ({ path, code }) =>
      /^notifiers\/[^/]+$/.test(path) && /^export const .*\bchannelSpec\(/ms.test(code),
  );

  assert.notEqual(makers.length, 0);
  assert.deepEqual(
    makers
      .map(({ path }) => path.replace("notifiers", "."))
      .filter((path) => !listed.includes(path)),
    [],
  );
});

suite("outside its one place", () => {
  test("no process is started", () => {
    assert.deepEqual(
      filesWhere(({ room, imports }) => room !== "hosts" && imports.includes("node:child_process")),
      [],
    );
  });

  test("nothing is printed", () => {
    assert.deepEqual(
      filesWhere(({ path, code }) => path !== "cli/render.ts" && /\bconsole\./.test(code)),
      [],
    );
  });

  test("the environment is not read", () => {
    assert.deepEqual(
      // The local host is this process's machine: what it starts inherits this environment by default.
      filesWhere(
        ({ path, code }) =>
          path !== "main.ts" && path !== "hosts/local.ts" && /\bprocess\.env\b/.test(code),
      ),
      [],
    );
  });

  test("no database is opened", () => {
    assert.deepEqual(
      // A dump is put in order in a file that vanishes with the process.
      filesWhere(
        ({ room, path, code }) =>
          room !== "journal" &&
          !path.startsWith("sources/nextcloud-objects/dump/") &&
          code.includes('"node:sqlite"'),
      ),
      [],
    );
  });
});
