// What archives are made of: a root, a moment, paths; and that a chain goes on only where all of that is as it was.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { after, ArchiveBench, before, textsBelow, work } from "../../../test/support/archives.ts";
import { withoutDisks } from "../../../test/support/disk.ts";
import { withoutTools } from "../../../test/support/tools.ts";

const skip = withoutTools("tar", "zstd");

/** The members of an archive, as stock tar lists them. */
function membersOf(file: string): readonly string[] {
  const listed = execFileSync("tar", ["--list", "--file", file], { encoding: "utf8" });
  return listed.trim().split("\n").toSorted();
}

suite("an archive of a root", { skip }, () => {
  test("names its members as seen from there", async () => {
    await using bench = await ArchiveBench.open();
    const { source: root } = bench;
    const repository = bench.repository();

    const ids = await bench.chain(repository, { root, paths: [root] });

    const [full = [], differential = []] = ids.map((id) =>
      membersOf(bench.at("archives", `${id}.tar.zst`)),
    );
    assert.deepEqual(full, [
      "./",
      "./changed",
      "./deep/",
      "./deep/er/",
      "./deep/er/file",
      "./gone",
      "./kept",
    ]);
    assert.ok(differential.includes("./added") && !differential.includes("./gone"));
    assert.deepEqual(await bench.restored(repository, ids[0], ""), before);
    assert.deepEqual(await bench.restored(repository, ids[1], ""), after);
    assert.deepEqual((await bench.listed(repository))[0]?.paths, [root]);
  });

  test("holds only the paths that are named, without what is left out", async () => {
    await using bench = await ArchiveBench.open();
    const { source: root } = bench;
    await bench.write({ "deep/er/left out": "x", "left out": "x", "-dash": "x" });
    const repository = bench.repository();
    await repository.init(work.signal);

    const { snapshots } = await bench.backup(repository, {
      root,
      paths: ["deep", "-dash", "left out"].map((name) => join(root, name)),
      exclude: [join(root, "left out"), "fil?"],
    });

    assert.deepEqual(membersOf(bench.at("archives", `${snapshots[0]?.id}.tar.zst`)), [
      "./-dash",
      "./deep/",
      "./deep/er/",
      "./deep/er/left out",
    ]);
  });

  test("is searched and restored with paths of either kind", async () => {
    await using bench = await ArchiveBench.open();
    const { source: root } = bench;
    const repository = bench.repository();
    await bench.chain(repository, { root, paths: [root] });
    const newest = (await bench.listed(repository)).slice(-1);
    const snapshot = newest[0]?.id ?? "";

    for (const path of ["moved/er", "./moved/er", "/moved/er", join(root, "moved/er")]) {
      const target = await mkdtemp(bench.at("target-"));
      const found = await repository.find(`${path}/file`, newest, work.signal);
      const { problems } = await repository.restore({ snapshot, include: [path], target }, work);

      assert.deepEqual(problems, []);
      assert.deepEqual(await textsBelow(target), { "moved/er/file": "deep" });
      assert.deepEqual(
        found.map((each) => each.path),
        [join(root, "moved/er/file")],
      );
    }
    const byName = await repository.find("kep*", newest, work.signal);
    assert.deepEqual(
      byName.map(({ path }) => path),
      [join(root, "kept")],
    );
    const whole = await repository.check({ readData: "100%" }, work);
    assert.deepEqual(whole.problems, []);
  });

  test(
    "stays on one file system, and goes into the paths that are named all the same",
    {
      skip: withoutDisks("ext4"),
    },
    async () => {
      await using bench = await ArchiveBench.open();
      const { source: root } = bench;
      for (const name of ["named", "deep/mounted"]) {
        await mkdir(join(root, name), { recursive: true });
        execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(root, name)]);
      }
      using _ = {
        [Symbol.dispose]: () =>
          void execFileSync("umount", [join(root, "named"), join(root, "deep/mounted")]),
      };
      await bench.write({ "named/inside": "x", "deep/mounted/inside": "x" });
      const repository = bench.repository();
      await repository.init(work.signal);
      const paths = [join(root, "deep"), join(root, "named")];

      const { snapshots } = await bench.backup(repository, { root, paths, oneFileSystem: true });

      assert.deepEqual(membersOf(bench.at("archives", `${snapshots[0]?.id}.tar.zst`)), [
        "./deep/",
        "./deep/er/",
        "./deep/er/file",
        "./deep/mounted/",
        "./named/",
        "./named/inside",
      ]);
    },
  );
});

suite("a chain", { skip }, () => {
  for (const [name, first, second] of [
    ["of other paths", { paths: ["kept", "deep"] }, { paths: ["kept"] }],
    ["of one path more", { paths: ["kept"] }, { paths: ["kept", "deep"] }],
    ["as seen from another root", { paths: ["deep"] }, { paths: ["deep"], root: "" }],
  ] as const) {
    test(`${name} is not gone on with, and that is said`, async () => {
      await using bench = await ArchiveBench.open();
      const repository = bench.repository();
      await repository.init(work.signal);
      const wish = (each: { readonly paths: readonly string[]; readonly root?: string }) => ({
        paths: each.paths.map((path) => join(bench.source, path)),
        ...(each.root === undefined ? {} : { root: bench.source }),
      });
      await bench.backup(repository, wish(first));

      const { snapshots, evidence } = await bench.backup(repository, wish(second));
      const third = await bench.backup(repository, wish(second));

      assert.equal(snapshots[0]?.kind, "full");
      assert.match(evidence.notes?.join("\n") ?? "", /holds other paths than are backed up now/);
      assert.equal(third.snapshots[0]?.kind, "differential");
    });
  }

  test("of another job in the same folder is left to that one", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    await repository.init(work.signal);
    const kinds: (string | undefined)[] = [];

    for (const job of ["one", "other", "one", "other"]) {
      const paths = [job === "one" ? join(bench.source, "deep") : join(bench.source, "kept")];
      const { snapshots } = await bench.backup(repository, { job, paths });
      kinds.push(snapshots[0]?.kind);
    }

    assert.deepEqual(kinds, ["full", "full", "differential", "differential"]);
  });

  test("whose state file was cut short begins anew, and says so", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const [full] = await bench.chain(repository);
    const state = bench.at("archives", `${full}.snar`);
    execFileSync("truncate", ["--size=-3", state]);

    const { snapshots, evidence } = await bench.backup(repository);

    assert.equal(snapshots[0]?.kind, "full");
    assert.match(evidence.notes?.join("\n") ?? "", /\.snar is damaged/);
  });

  test("holds what changed after the state that the full archive is of, and before that was made", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    await repository.init(work.signal);
    const asOf = new Date();
    const snapshot = bench.at("snapshot");
    execFileSync("cp", ["--archive", bench.source, snapshot]);
    await bench.write({ kept: "changed after the snapshot" });
    // As a snapshot would have it, which is at the same place with the same inodes: what was there before.
    const live = await textsBelow(bench.source);
    await bench.write({ kept: "kept" });
    const [full] = (await bench.backup(repository, { asOf })).snapshots;
    await writeFile(join(bench.source, "kept"), live["kept"] ?? "");
    await bench.postpone(full?.id ?? "", 3600);

    const { snapshots } = await bench.backup(repository);

    assert.equal(snapshots[0]?.kind, "differential");
    const restored = await bench.restored(repository, snapshots[0]?.id ?? "");
    assert.equal(restored["kept"], "changed after the snapshot");
  });

  test("holds what changed in the moment in which the full archive was begun", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    await repository.init(work.signal);
    const [full] = (await bench.backup(repository)).snapshots;
    await bench.write({ kept: "changed at once" });
    const now = new Date();
    await utimes(join(bench.source, "kept"), now, now);
    // tar's clock is some milliseconds ahead of the one that files are dated by.
    await bench.postpone(full?.id ?? "", 1);

    const { snapshots } = await bench.backup(repository);

    const restored = await bench.restored(repository, snapshots[0]?.id ?? "");
    assert.equal(restored["kept"], "changed at once");
  });

  test("archives a folder that was moved like a new one", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    await repository.init(work.signal);
    await bench.write({ "one/a": "a", "other/b": "b" });
    const [full] = (await bench.backup(repository)).snapshots;
    await bench.postpone(full?.id ?? "", 60);
    // Each in the place of the other, which is more than tar can follow.
    await rename(join(bench.source, "one"), join(bench.source, "aside"));
    await rename(join(bench.source, "other"), join(bench.source, "one"));
    await rename(join(bench.source, "aside"), join(bench.source, "other"));
    await rm(join(bench.source, "gone"));

    const { snapshots } = await bench.backup(repository);
    const snapshot = snapshots[0]?.id ?? "";
    const target = bench.at("part");
    await repository.restore({ snapshot, include: [join(bench.source, "one")], target }, work);

    assert.deepEqual(await textsBelow(join(target, bench.source)), { "one/b": "b" });
    const { gone: _, ...rest } = before;
    const whole = await bench.restored(repository, snapshot);
    assert.deepEqual(whole, { ...rest, "one/b": "b", "other/a": "a" });
  });
});
