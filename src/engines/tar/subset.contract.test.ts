// Restoring a part of a full archive and a differential one: what was removed stays removed, and nothing else is touched.
import assert from "node:assert/strict";
import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { ArchiveBench, textsBelow, work } from "../../../test/support/archives.ts";
import { withoutTools } from "../../../test/support/tools.ts";

const skip = withoutTools("tar", "zstd");
// No string can hold the last one: it is shown with this character in the place of the bytes.
const hostile = [
  "line\nfeed",
  "line\nN kept",
  "*",
  "?[a-z]*",
  "-rf",
  "--checkpoint-action=exec=touch x",
  "back\\slash\\n",
  "a:b",
  " ",
  "ü",
];

/** A full archive to which changes are made. */
async function beginChain(bench: ArchiveBench, rooted: boolean) {
  const { source } = bench;
  const wish = { paths: [source], ...(rooted ? { root: source } : {}) };
  const repository = bench.repository();
  await repository.init(work.signal);
  const [full] = (await bench.backup(repository, wish)).snapshots;
  await bench.postpone(full?.id ?? "", 60);
  return {
    repository,
    next: async () => (await bench.backup(repository, wish)).snapshots[0]?.id ?? "",
    within: (target: string) => (rooted ? target : join(target, source)),
  };
}

for (const rooted of [false, true]) {
  const how = rooted ? "as seen from a root" : "by its whole path";

  suite(`a part of a snapshot, ${how}`, { skip }, () => {
    test("has no file that was removed after the full archive, and says which are missing", async () => {
      await using bench = await ArchiveBench.open();
      await bench.write({ "part/stays": "1", "part/goes": "2", "whole/goes": "3", single: "4" });
      const { repository, next, within } = await beginChain(bench, rooted);
      for (const name of ["part/goes", "whole", "single"]) {
        await rm(join(bench.source, name), { recursive: true });
      }
      const snapshot = await next();
      const target = bench.at("target");

      const { problems } = await repository.restore(
        {
          snapshot,
          include: ["part", "whole", "whole/goes", "single", "kept"].map((name) =>
            join(bench.source, name),
          ),
          target,
        },
        work,
      );

      assert.deepEqual(await textsBelow(within(target)), { "part/stays": "1", kept: "kept" });
      assert.equal(problems.length, 3);
      for (const problem of problems)
        assert.match(problem, /(whole|single).* is not in the snapshot$/s);
    });

    test("is nothing when nothing of it was there any more", async () => {
      await using bench = await ArchiveBench.open();
      const { repository, next } = await beginChain(bench, rooted);
      await rm(join(bench.source, "gone"));
      const snapshot = await next();
      const target = bench.at("target");

      const include = [join(bench.source, "gone")];
      const { problems } = await repository.restore({ snapshot, include, target }, work);

      assert.equal(problems.length, 1);
      assert.deepEqual(await textsBelow(target), {});
    });

    test("leaves everything else in the target as it is", async () => {
      await using bench = await ArchiveBench.open();
      const { repository, next, within } = await beginChain(bench, rooted);
      await rm(join(bench.source, "gone"));
      const snapshot = await next();
      const target = bench.at("target");
      await mkdir(join(within(target), "other"), { recursive: true });
      await writeFile(join(within(target), "gone"), "mine");
      await writeFile(join(within(target), "other/file"), "mine");

      const include = [join(bench.source, "deep"), join(bench.source, "kept")];
      const { problems } = await repository.restore({ snapshot, include, target }, work);

      assert.deepEqual(problems, []);
      assert.deepEqual(await textsBelow(within(target)), {
        "deep/er/file": "deep",
        gone: "mine",
        kept: "kept",
        "other/file": "mine",
      });
    });

    test("may have any name, unchanged, changed or removed", async () => {
      await using bench = await ArchiveBench.open();
      for (const name of hostile) {
        await bench.write({
          [`same/${name}`]: "same",
          [`new/${name}`]: "old",
          [`lost/${name}`]: "x",
        });
      }
      const { repository, next, within } = await beginChain(bench, rooted);
      await rm(join(bench.source, "lost"), { recursive: true });
      const later = new Date(Date.now() + 3_600_000);
      for (const name of hostile) {
        await bench.write({ [`new/${name}`]: "new!" });
        await utimes(join(bench.source, "new", name), later, later);
      }
      await mkdir(join(bench.source, "lost"));
      const snapshot = await next();
      const target = bench.at("target");
      await bench.write({ "same/empty\n\nline": "hides nothing" });
      const names = hostile.flatMap((name) => [`same/${name}`, `new/${name}`, `lost/${name}`]);

      const include = names.map((name) => join(bench.source, name));
      const { problems } = await repository.restore({ snapshot, include, target }, work);

      const lost = { "lost/line\nN kept": "x" };
      const expected = hostile.flatMap((name) => [
        [`same/${name}`, "same"],
        [`new/${name}`, "new!"],
      ]);
      assert.deepEqual(await textsBelow(within(target)), {
        ...lost,
        ...Object.fromEntries(expected),
      });
      // Of one it cannot be told from a listing.
      assert.equal(problems.length, hostile.length - 1);
    });

    test("may be named as it was shown, when its name is no text", async () => {
      await using bench = await ArchiveBench.open();
      const bytes = Buffer.concat([
        Buffer.from(join(bench.source, "b")),
        Buffer.from([0xff, 0x5b]),
      ]);
      await writeFile(bytes, "bytes");
      await bench.write({ "b[other": "other" });
      const { repository, next, within } = await beginChain(bench, rooted);
      await bench.write({ "b[other": "changed" });
      const snapshot = await next();
      const target = bench.at("target");

      const found = await repository.find("b\uFFFD[", await bench.listed(repository), work.signal);
      const include = found.slice(0, 1).map(({ path }) => path);
      const { problems } = await repository.restore({ snapshot, include, target }, work);

      assert.equal(found.length, 2);
      assert.deepEqual(problems, []);
      const names = await readdir(Buffer.from(within(target)), "buffer");
      assert.deepEqual(names, [Buffer.from([0x62, 0xff, 0x5b])]);
    });
  });
}
