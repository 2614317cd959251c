// What nbkp left on disks, in its newer format and in the first one: continued, and readable by nbkp again.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { withCode, Workshop } from "../../../test/support/engine-contract.ts";
import { mirrors, openMirror, withoutMirror } from "../../../test/support/rsync-places.ts";

const execute = promisify(execFile);

// As nbkp starts it.
const flags = [
  "-a",
  "--delete",
  "--delete-excluded",
  "--partial-dir=.rsync-partial",
  "--safe-links",
];
const sentinels = ["--filter=H .nbkp-*", "--filter=P .nbkp-*"];
const first = "2026-03-01T10:00:00.123Z";

async function nbkp(from: string, to: string, ...more: readonly string[]): Promise<void> {
  await execute("rsync", [...flags, ...sentinels, ...more, `${from}/`, `${to}/`]);
}

async function placeFor(layout: "none" | "hard-links" | "btrfs"): Promise<Workshop> {
  const workshop = await Workshop.open(mirrors(layout), { empty: true });
  const { location } = workshop.place;
  await mkdir(location);
  await writeFile(join(location, ".nbkp-dst"), "");
  await writeFile(join(workshop.source, ".nbkp-src"), "");
  return workshop;
}

async function inode(path: string): Promise<number> {
  return (await stat(path)).ino;
}

suite("a plain destination of nbkp", { skip: withoutMirror("none") }, () => {
  test("is continued in place, with its sentinel", async () => {
    await using workshop = await placeFor("none");
    const { location } = workshop.place;
    await writeFile(join(workshop.source, "gone"), "");
    await nbkp(workshop.source, location);
    await execute("rm", [join(workshop.source, "gone")]);
    const before = await inode(join(location, "file"));
    const repository = workshop.place.open();

    assert.equal(await repository.exists(workshop.work.signal), true);
    assert.deepEqual(await workshop.list(repository), []);
    const snapshot = await workshop.snapshot(repository);

    assert.equal(await inode(join(location, "file")), before);
    assert.deepEqual((await readdir(location)).toSorted(), [
      ".holdfast-mirror.json",
      ".nbkp-dst",
      "file",
    ]);
    assert.deepEqual(await workshop.list(repository), [snapshot]);
    // nbkp protects its own files alone: what it changes is no snapshot of ours any more.
    await nbkp(workshop.source, location);
    assert.deepEqual(await workshop.list(repository), []);
    assert.equal(await repository.exists(workshop.work.signal), true);
  });

  test("of the first format is continued where its files are, and nowhere else", async () => {
    await using workshop = await placeFor("none");
    const { location } = workshop.place;
    await mkdir(join(location, "latest"));
    await mkdir(join(location, "snapshots"));
    await nbkp(workshop.source, join(location, "latest"));
    const inside = openMirror("none", join(location, "latest"));

    await assert.rejects(workshop.snapshot(), withCode("repository-unsupported"));
    const snapshot = await workshop.snapshot(inside);

    assert.deepEqual(
      (await workshop.list(inside)).map(({ id }) => id),
      [snapshot.id],
    );
    assert.deepEqual((await readdir(location)).toSorted(), [".nbkp-dst", "latest", "snapshots"]);
  });
});

suite("hard-linked snapshots of nbkp", { skip: withoutMirror("hard-links") }, () => {
  test("are listed, shared with, restored, and continued by nbkp again", async () => {
    await using workshop = await placeFor("hard-links");
    const { location } = workshop.place;
    await mkdir(join(location, "snapshots", first), { recursive: true });
    await nbkp(workshop.source, join(location, "snapshots", first));
    await symlink(`snapshots/${first}`, join(location, "latest"));
    const repository = workshop.place.open();

    const [old] = await workshop.list(repository);
    const made = await workshop.snapshot(repository);

    assert.deepEqual([old?.id, old?.time.toISOString(), old?.series], [first, first, made.series]);
    assert.equal(await readlink(join(location, "latest")), `snapshots/${made.id}`);
    const files = [first, made.id].map((id) => join(location, "snapshots", id, "file"));
    assert.equal(await inode(files[0] ?? ""), await inode(files[1] ?? ""));
    const { path } = await workshop.restored({ ...made, id: first }, repository);
    assert.equal(await readFile(join(path, "file"), "utf8"), "first");
    // What nbkp looks at: names of snapshots, a relative link, no other entries.
    assert.deepEqual(await readdir(join(location, "snapshots")), [first, made.id]);
    assert.match(made.id, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("may be none yet, may have names of a Mac, and may have strangers among them", async () => {
    await using workshop = await placeFor("hard-links");
    const { location } = workshop.place;
    const mac = "2026-03-01T10-00-00.123Z";
    await mkdir(join(location, "snapshots", mac), { recursive: true });
    await mkdir(join(location, "snapshots", "lost+found"));
    await writeFile(join(location, "snapshots", "2026-13-01T10:00:00.123Z"), "");
    await symlink("/dev/null", join(location, "latest"));
    const repository = workshop.place.open();

    const listed = await workshop.list(repository);
    const { problems, notes = [] } = await repository.check({}, workshop.work);
    const findings = (await repository.examine?.(workshop.work.signal, [])) ?? [];
    const made = await workshop.snapshot(repository);

    assert.deepEqual(
      listed.map(({ id, time }) => [id, time.toISOString()]),
      [[mac, first]],
    );
    assert.deepEqual(problems, []);
    assert.match(notes.join(), /lost\+found/);
    assert.deepEqual(
      findings.map(({ code }) => code),
      ["stray-entries"],
    );
    assert.deepEqual(
      (await workshop.list(repository)).map(({ id }) => id),
      [mac, made.id],
    );
  });
});

suite("btrfs snapshots of nbkp", { skip: withoutMirror("btrfs") }, () => {
  for (const [format, staging] of [
    ["the newer", "staging"],
    ["the first", "latest"],
  ] as const) {
    test(`in ${format} format are listed, continued and restored`, async () => {
      await using workshop = await placeFor("btrfs");
      const { location } = workshop.place;
      await mkdir(join(location, "snapshots"));
      await execute("btrfs", ["subvolume", "create", join(location, staging)]);
      await nbkp(workshop.source, join(location, staging));
      const snapshot = join(location, "snapshots", first);
      await execute("btrfs", ["subvolume", "snapshot", "-r", join(location, staging), snapshot]);
      if (staging === "staging") await symlink(`snapshots/${first}`, join(location, "latest"));
      const repository = workshop.place.open();
      await workshop.change("second");

      const made = await workshop.snapshot(repository);

      assert.deepEqual(
        (await workshop.list(repository)).map(({ id }) => id),
        [first, made.id],
      );
      assert.equal(await readFile(join(location, staging, "file"), "utf8"), "second");
      const { path } = await workshop.restored({ ...made, id: first }, repository);
      assert.equal(await readFile(join(path, "file"), "utf8"), "first");
      assert.deepEqual((await repository.check({}, workshop.work)).problems, []);
      if (staging === "staging") {
        assert.equal(await readlink(join(location, "latest")), `snapshots/${made.id}`);
      }
    });
  }
});
