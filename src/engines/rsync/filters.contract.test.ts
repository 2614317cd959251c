// Filters of all kinds with the real rsync: what is sent and what is not.
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Workshop, withCode } from "../../../test/support/engine-contract.ts";
import { mirrors, openMirror, withoutMirror } from "../../../test/support/rsync-places.ts";

const files = [
  "a.jpg",
  "a.tmp",
  "keep.tmp",
  "sub/b.jpg",
  "sub/b.tmp",
  "sub/.rules",
  "cache/x",
  "-n",
];

/** The names that a mirror has after a backup with these options. */
async function sent(
  options: Readonly<Record<string, unknown>>,
  { rules = "- b.*\n", exclude = [] as readonly string[] } = {},
): Promise<readonly string[]> {
  await using workshop = await Workshop.open(mirrors("none"), { empty: true });
  for (const folder of ["sub", "cache"]) await mkdir(join(workshop.source, folder));
  for (const name of files) await writeFile(join(workshop.source, name), name);
  await writeFile(join(workshop.source, "sub", ".rules"), rules);
  await writeFile(join(workshop.directory, "rules"), rules);
  const { location } = workshop.place;
  const text = JSON.stringify(options).replaceAll("FOLDER", workshop.directory);
  const parsed: Readonly<Record<string, unknown>> = JSON.parse(text);
  const repository = openMirror("none", location, { options: parsed });
  await repository.init(workshop.work.signal);
  const request = workshop.request();
  const selection = {
    ...request.selection,
    exclude: exclude.map((pattern) => pattern.replace("SOURCE", workshop.source)),
  };
  await repository.backup({ ...request, selection }, workshop.work);
  const found = await readdir(location, { recursive: true });
  return found.filter((name) => !name.startsWith(".holdfast-") && name !== "file").toSorted();
}

const everything = [...files, "cache", "sub"].toSorted();
const without = (...names: readonly string[]): readonly string[] =>
  everything.filter((name) => !names.includes(name));

const table: readonly (readonly [
  name: string,
  filters: readonly unknown[],
  expected: readonly string[],
])[] = [
  ["nothing", [], everything],
  ["a rule as text", ["- *.tmp"], without("a.tmp", "keep.tmp", "sub/b.tmp")],
  ["a rule of one side", ["H cache"], without("cache", "cache/x")],
  ["exclude", [{ exclude: "*.tmp" }], without("a.tmp", "keep.tmp", "sub/b.tmp")],
  ["exclude at the root", [{ exclude: "/a.*" }], without("a.jpg", "a.tmp")],
  ["exclude what looks like an option", [{ exclude: "-n" }], without("-n")],
  [
    "include before exclude",
    [{ include: "keep.tmp" }, { exclude: "*.tmp" }],
    without("a.tmp", "sub/b.tmp"),
  ],
  ["merge", [{ merge: "FOLDER/rules" }], without("sub/b.jpg", "sub/b.tmp")],
  ["dir-merge", [{ "dir-merge": ".rules" }], without("sub/b.jpg", "sub/b.tmp")],
  [
    "dir-merge without itself",
    [{ "dir-merge": { path: ".rules", "exclude-self": true } }],
    without("sub/b.jpg", "sub/b.tmp", "sub/.rules"),
  ],
];

suite("filters", { skip: withoutMirror("none"), concurrency: 2 }, () => {
  for (const [name, filters, expected] of table) {
    test(`of the kind: ${name}`, async () => {
      assert.deepEqual(await sent({ filters }), expected);
    });
  }

  test("of a file", async () => {
    assert.deepEqual(
      await sent({ "filter-file": "FOLDER/rules" }),
      without("sub/b.jpg", "sub/b.tmp"),
    );
  });

  test("of the job, anchored in the source where they name it", async () => {
    assert.deepEqual(
      await sent({}, { exclude: ["SOURCE/a.*", "x"] }),
      without("a.jpg", "a.tmp", "cache/x"),
    );
  });

  test("of a file that would clear those that protect the mirror are refused", async () => {
    const options = { filters: [{ merge: "FOLDER/rules" }] };

    await assert.rejects(sent(options, { rules: "- x\n!\nR *\n" }), withCode("config-invalid"));
  });
});
