import assert from "node:assert/strict";
import {
  chmod,
  lutimes,
  mkdir,
  mkdtemp,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { compareTrees } from "./compare-trees.ts";

const time = new Date("2026-01-05T03:00:00.123Z");
const hostileName = Buffer.concat([Buffer.from("bad\n-name "), Buffer.from([0xff, 0xfe])]);
const long = "x".repeat(3 * 1024 ** 2);

async function plant(root: string): Promise<void> {
  const odd = Buffer.concat([Buffer.from(`${root}/`), hostileName]);
  await mkdir(join(root, "sub"), { recursive: true });
  await writeFile(join(root, "a"), "one");
  await writeFile(join(root, "sub/long"), long);
  await symlink("nowhere", join(root, "sub/link"));
  await writeFile(odd, "odd");
  for (const path of [odd, join(root, "a"), join(root, "sub/long")]) await utimes(path, time, time);
  await settle(root);
}

/** Gives the folders and the link their time again, after something in them was changed. */
async function settle(root: string): Promise<void> {
  await lutimes(join(root, "sub/link"), time, time);
  for (const folder of [join(root, "sub"), root]) await utimes(folder, time, time);
}

/** Plants the same tree twice, lets the test change both, and compares them. */
async function compareAfter(
  t: TestContext,
  change: (original: string, restored: string) => Promise<void>,
  { mayLack = false, since = new Date(Date.now() + 3_600_000) } = {},
): Promise<Awaited<ReturnType<typeof compareTrees>>> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-compare-"));
  t.after(async () => rm(folder, { recursive: true }));
  const [original, restored] = [join(folder, "original"), join(folder, "restored")];
  await plant(original);
  await plant(restored);
  await change(original, restored);
  const comparison = await compareTrees({
    original,
    restored,
    leftOutNames: new Set(["node_modules"]),
    leftOutPaths: new Set([join(original, "sub/left-out")]),
    mayLack,
    since,
  });
  const relative = (text: string) => text.replaceAll(`${original}/`, "");
  return {
    ...comparison,
    differences: comparison.differences.map(relative),
    notCompared: comparison.notCompared.map(relative),
  };
}

const unchanged = async () => undefined;

suite("comparing a restored tree", () => {
  test("finds two true copies the same, whatever their names", async (t) => {
    const { differences, notCompared, files, folders, links, bytes } = await compareAfter(
      t,
      unchanged,
    );

    assert.deepEqual([...differences, ...notCompared], []);
    assert.deepEqual(
      { files, folders, links, bytes },
      {
        files: 3,
        folders: 2,
        links: 1,
        bytes: long.length + 6,
      },
    );
  });

  const damages: Record<string, (restored: string) => Promise<void>> = {
    "a: has other content": async (restored) => {
      await writeFile(join(restored, "a"), "two");
      await utimes(join(restored, "a"), time, time);
    },
    "a: has another size": async (restored) => {
      await writeFile(join(restored, "a"), "longer");
      await utimes(join(restored, "a"), time, time);
    },
    "a: has other permissions": async (restored) => chmod(join(restored, "a"), 0o600),
    "a: has another time of change": async (restored) =>
      utimes(join(restored, "a"), time, new Date(0)),
    "a: is not in the restored tree": async (restored) => unlink(join(restored, "a")),
    "a: is of another kind": async (restored) => {
      await unlink(join(restored, "a"));
      await mkdir(join(restored, "a"));
    },
    "extra: is only in the restored tree": async (restored) =>
      writeFile(join(restored, "extra"), ""),
    "sub/long: has other content": async (restored) => {
      await writeFile(join(restored, "sub/long"), `${long.slice(0, -1)}y`);
      await utimes(join(restored, "sub/long"), time, time);
    },
    "sub/link: points somewhere else": async (restored) => {
      await unlink(join(restored, "sub/link"));
      await symlink("elsewhere", join(restored, "sub/link"));
    },
  };
  for (const [difference, damage] of Object.entries(damages)) {
    test(`says "${difference}"`, async (t) => {
      const { differences } = await compareAfter(t, async (_, restored) => {
        await damage(restored);
        await settle(restored);
      });

      assert.deepEqual(differences, [difference]);
    });
  }

  test("expects nothing that the backup leaves out", async (t) => {
    const { differences } = await compareAfter(t, async (original) => {
      await mkdir(join(original, "sub/node_modules"));
      await writeFile(join(original, "sub/left-out"), "");
      await settle(original);
    });

    assert.deepEqual(differences, []);
  });

  test("lets the restored tree lack things where that is allowed", async (t) => {
    const { differences } = await compareAfter(
      t,
      async (_, restored) => {
        await unlink(join(restored, "sub/long"));
        await settle(restored);
      },
      { mayLack: true },
    );

    assert.deepEqual(differences, []);
  });

  test("does not blame the backup for what changed after it", async (t) => {
    const { differences, notCompared } = await compareAfter(
      t,
      async (original) => writeFile(join(original, "a"), "new"),
      { since: new Date(0) },
    );

    assert.deepEqual(differences, []);
    assert.deepEqual(notCompared, ["a"]);
  });
});
