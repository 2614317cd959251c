// Where the data directory of a Nextcloud that is put back can be: a mount point, a subvolume, a disk that is too small.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { newDisk, withoutDisks, type Disk } from "../support/disk.ts";
import { Cloud } from "../support/restored-cloud.ts";

const execute = promisify(execFile);
const words = ["restore", "cloud", "--in-place", "--yes"] as const;

/** Puts it back where its data directory is a world of its own, and looks for what was there in it. */
async function putBackIn(data: string): Promise<Cloud> {
  const cloud = await Cloud.make({ nextcloud: { data }, source: { capture: "staged" } });
  await cloud.succeed("run");
  const before = await cloud.state();
  await cloud.change();

  await cloud.succeed(...words);

  assert.deepEqual(await cloud.state(), before);
  assert.deepEqual(await cloud.safetyCopies(), []);
  const inside = (await readdir(data)).filter((name) => name.includes("holdfast"));
  assert.equal(inside.length, 1, inside.join());
  const [kept = ""] = inside;
  assert.match(kept, /^\.holdfast-before-/);
  const old = join(data, kept, data.split("/").at(-1) ?? "", "alice/files/new.txt");
  assert.equal(await readFile(old, "utf8"), "new");
  return cloud;
}

suite("a Nextcloud whose data directory", { skip: withoutDisks("ext4", "btrfs") }, () => {
  test("is a mount point is put back in it, also a second time", async () => {
    await using disk = await newDisk({ format: "ext4", sizeMiB: 64 });
    await using cloud = await putBackIn(disk.path);
    const before = await cloud.state();
    await cloud.change();

    // Into the same second a second one cannot come.
    await cloud.succeed(...words);

    assert.deepEqual(await cloud.state(), before);
    const kept = (await readdir(disk.path)).filter((name) => name.includes("holdfast"));
    assert.equal(kept.length, 2);
    assert.deepEqual((await readdir(join(disk.path, kept[1] ?? ""))).toSorted(), ["disk", "extra"]);
  });

  test("is a subvolume stays one", async () => {
    await using disk = await newDisk();
    const data = join(disk.path, "data");
    await execute("btrfs", ["subvolume", "create", data]);

    await using _ = await putBackIn(data);

    assert.equal((await stat(data)).ino, 256);
  });

  test("is a folder of a subvolume is put back from a mirror, and tried out", async () => {
    await using disk = await newDisk();
    await assertMirrored({ data: join(disk.path, "cloud"), capture: "snapshot" });
  });

  test("was read in place is put back from a mirror, and tried out", async () => {
    await using disk = await newDisk({ format: "ext4", sizeMiB: 64 });
    await assertMirrored({ data: join(disk.path, "cloud"), capture: "direct" });
  });

  test("has too little space is not touched", async () => {
    await using disk = await newDisk({ format: "ext4", sizeMiB: 32 });
    await using cloud = await almostFull(disk);
    const after = await cloud.state();

    const { exitStatus, stderr } = await cloud.user.holdfast(...words);

    assert.equal(exitStatus, 2, stderr);
    assert.match(stderr, /free, and about 12 MiB are needed/);
    assert.deepEqual(await cloud.state(), after);
    assert.equal(cloud.nextcloud.isInMaintenance(), false);
    const left = (await readdir(disk.path)).filter((name) => name.includes("holdfast"));
    assert.deepEqual(left, []);
    assert.match(await cloud.succeed("recover"), /nothing to recover/);
  });
});

/** A mirror keeps the data directory, the dump and the rest beside each other, by their last names. */
async function assertMirrored(of: { readonly data: string; readonly capture: string }) {
  const { data, capture } = of;
  await using cloud = await Cloud.make({ nextcloud: { data } });
  const mirror = { engine: "rsync", snapshots: "hard-links", compress: undefined };
  await cloud.configure({
    repository: { ...mirror, at: cloud.user.at("mirror") },
    source: { capture },
  });
  await cloud.succeed("init");
  await cloud.succeed("run");
  const before = await cloud.state();
  await cloud.change();

  const [target, database] = [cloud.user.at("drill"), cloud.user.at("drill.db")];
  const tried = await cloud.succeed("restore", "cloud", "--target", target, "--database", database);
  await cloud.succeed(...words);

  const [, told = ""] = /its data directory is (.*)/.exec(tried) ?? [];
  assert.equal(await readFile(join(told, "alice/files/letter.txt"), "utf8"), "Dear reader");
  assert.ok((await stat(database)).size > 0);
  assert.deepEqual(await cloud.state(), before);
  assert.equal(cloud.nextcloud.isInMaintenance(), false);
}

/** A Nextcloud that was backed up, on a disk that cannot hold it a second time. */
async function almostFull(disk: Disk): Promise<Cloud> {
  const bulk = join(disk.path, "alice/files/bulk");
  const cloud = await Cloud.make({ nextcloud: { data: disk.path }, source: { capture: "staged" } });
  await writeFile(bulk, randomBytes(12 * 1024 ** 2));
  await cloud.succeed("run");
  await rm(cloud.user.at("nc/.disk-holdfast"), { recursive: true, force: true });
  await writeFile(join(disk.path, "alice/files/more"), randomBytes(6 * 1024 ** 2));
  await cloud.change();
  return cloud;
}
