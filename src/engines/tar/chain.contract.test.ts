import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import {
  after,
  ArchiveBench,
  before,
  gpg,
  hostOfOrdinaryUser,
  passphrase,
  textsBelow,
  work,
} from "../../../test/support/archives.ts";
import { withCode } from "../../../test/support/engine-contract.ts";
import { withoutTools } from "../../../test/support/tools.ts";

const skip = withoutTools("tar", "zstd", "gpg", "gzip");

suite("a chain of archives", { skip }, () => {
  test("is a full archive and what has changed since, deletions and moves too", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository(gpg);

    const [full, differential] = await bench.chain(repository);

    assert.match(full, /-full$/);
    assert.match(differential, /-differential$/);
    assert.deepEqual(await bench.restored(repository, full), before);
    assert.deepEqual(await bench.restored(repository, differential), after);
    const listed = await repository.snapshots({ name: "job", paths: [] }, work.signal);
    assert.deepEqual(
      listed.map(({ id, kind, base, files }) => ({ id, kind, base, files })),
      [
        { id: full, kind: "full", base: undefined, files: 4 },
        { id: differential, kind: "differential", base: full, files: 4 },
      ],
    );
  });

  test("is restored by stock gpg and tar", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository({ ...gpg, compress: "gzip" });
    const ids = await bench.chain(repository);
    const target = bench.at("by hand");
    await mkdir(target);
    await writeFile(bench.at("passphrase"), passphrase);

    for (const id of ids) {
      const script =
        'gpg --batch --pinentry-mode loopback --passphrase-file "$1" --decrypt "$2" | tar -x -z --listed-incremental=/dev/null -C "$3"';
      const archive = bench.at("archives", `${id}.tar.gz.gpg`);
      const words = ["-c", script, "sh", bench.at("passphrase"), archive, target];
      const home = await mkdtemp(bench.at("gnupg-"));
      const env = { ...process.env, GNUPGHOME: home };
      const { status, stderr } = spawnSync("sh", words, { encoding: "utf8", env });
      spawnSync("gpgconf", ["--kill", "gpg-agent"], { env });
      assert.equal(status, 0, stderr);
    }

    assert.deepEqual(await textsBelow(join(target, bench.source)), after);
  });

  test("finds what lies in the full archive under the differential one", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const [, differential] = await bench.chain(repository);
    const listed = await repository.snapshots({ name: "job", paths: [] }, work.signal);
    const newest = listed.filter(({ id }) => id === differential);
    const target = bench.at("part");

    const found = await repository.find("kept", newest, work.signal);
    const gone = await repository.find("gone", newest, work.signal);
    const everywhere = await repository.find("gone", listed, work.signal);
    const { problems } = await repository.restore(
      { snapshot: differential, include: [join(bench.source, "kept")], target },
      work,
    );

    assert.deepEqual(
      found.map(({ path }) => path),
      [join(bench.source, "kept")],
    );
    assert.deepEqual([gone.length, everywhere.length], [0, 1]);
    assert.deepEqual(problems, []);
    assert.equal(await readFile(join(target, bench.source, "kept"), "utf8"), "kept");
  });

  test("begins anew when the state of its full archive is gone, and says so", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const [full] = await bench.chain(repository);
    await rm(bench.at("archives", `${full}.snar`));

    const { snapshots, evidence } = await bench.backup(repository);

    assert.equal(snapshots[0]?.kind, "full");
    assert.match(evidence.notes?.join() ?? "", /\.snar/);
  });

  test("keeps its full archive while a differential one needs it", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const [full, differential] = await bench.chain(repository);

    await assert.rejects(repository.forget([full], work), /needs/);
    await repository.forget([full, differential], work);

    assert.deepEqual(
      (await readdir(bench.at("archives"))).filter((name) => !name.startsWith(".")),
      [],
    );
  });

  test("survives two runs in one second, and a clock that was set back", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    await repository.init(work.signal);
    const future = "2126-01-01-00-00-00-full";
    const made = [
      await bench.backup(repository, { full: true }),
      await bench.backup(repository, { full: true }),
    ];
    for (const name of [
      `${made[0]?.snapshots[0]?.id}.tar.zst`,
      `${made[0]?.snapshots[0]?.id}.snar`,
    ]) {
      const suffix = name.slice(name.indexOf("-full") + 5);
      await rename(bench.at("archives", name), bench.at("archives", future + suffix));
    }

    const { snapshots, evidence } = await bench.backup(repository);

    assert.equal(snapshots[0]?.kind, "full");
    assert.match(evidence.notes?.join() ?? "", /future/);
    assert.equal(new Set(made.map((each) => each.snapshots[0]?.id)).size, 2);
  });
});

suite("an archive that goes wrong", { skip }, () => {
  test("is refused with another passphrase than those before it", async () => {
    await using bench = await ArchiveBench.open();
    await bench.chain(bench.repository(gpg));
    const other = bench.repository({ encrypt: { gpg: { passphrase: "another" } } });
    const held = await readdir(bench.at("archives"));

    await assert.rejects(bench.backup(other), withCode("password-wrong"));

    assert.deepEqual(await readdir(bench.at("archives")), held);
  });

  test("leaves nothing that is listed when the disk is full", async (t) => {
    if (process.getuid?.() !== 0) return t.skip("only root mounts a small disk");
    await using bench = await ArchiveBench.open();
    const disk = bench.at("disk");
    await mkdir(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
    using _ = { [Symbol.dispose]: () => void execFileSync("umount", [disk]) };
    const repository = bench.repository({ compress: "none" }, "disk/archives");
    await repository.init(work.signal);
    const small = await bench.backup(repository);
    await bench.write({ large: "x".repeat(4_000_000) });

    await assert.rejects(bench.backup(repository), withCode("repository-full"));

    const listed = await repository.snapshots({ name: "job", paths: [] }, work.signal);
    assert.deepEqual(listed, small.snapshots);
    await repository.prune(work);
    await rm(join(bench.source, "large"));
    assert.equal((await bench.backup(repository)).evidence.listed, true);
  });

  test("names what could not be read, and keeps the rest", async (t) => {
    if (process.getuid?.() === 0 && withoutTools("setpriv") !== false)
      return t.skip("root reads all");
    await using bench = await ArchiveBench.open();
    await bench.write({ "se\ncret": "unreadable" });
    await chmod(join(bench.source, "se\ncret"), 0);
    const repository = bench.repository();
    await repository.init(work.signal);

    const { evidence, snapshots } = await bench.backup(
      bench.repository({}, "archives", await hostOfOrdinaryUser(bench)),
    );

    assert.equal(snapshots.length, 1);
    assert.equal(evidence.unreadableCount, 1);
    assert.match(evidence.unreadable?.[0] ?? "", /se\\ncret$/);
  });

  test("is followed by differential ones that hold what it could not read", async (t) => {
    if (process.getuid?.() === 0 && withoutTools("setpriv") !== false)
      return t.skip("root reads all");
    await using bench = await ArchiveBench.open();
    const names = ["a: b", "[x]\\*^$/y\nz", "ü/in a folder", "closed/inside"];
    await bench.write(Object.fromEntries(names.map((name) => [name, name])));
    const closed = [...names.slice(0, 3), "closed"].map((name) => join(bench.source, name));
    for (const path of closed) await chmod(path, 0);
    const repository = bench.repository();
    await repository.init(work.signal);
    const full = await bench.backup(
      bench.repository({}, "archives", await hostOfOrdinaryUser(bench)),
    );
    if (process.getuid?.() !== 0) for (const path of closed) await chmod(path, 0o700);

    const { evidence, snapshots } = await bench.backup(repository);

    assert.equal(full.evidence.unreadableCount, 4);
    assert.equal(snapshots[0]?.kind, "differential");
    assert.deepEqual([evidence.unreadable, evidence.unreadableCount], [undefined, undefined]);
    const restored = await bench.restored(repository, snapshots[0]?.id ?? "");
    assert.deepEqual(
      names.map((name) => restored[name]),
      names,
    );
  });

  test("says of a differential archive what its full one lacks", async (t) => {
    if (process.getuid?.() === 0 && withoutTools("setpriv") !== false)
      return t.skip("root reads all");
    await using bench = await ArchiveBench.open();
    await bench.write({ secret: "unreadable" });
    const secret = join(bench.source, "secret");
    await chmod(secret, 0);
    const repository = bench.repository();
    await repository.init(work.signal);
    const paths = [secret, join(bench.source, "kept")];
    const ordinary = bench.repository({}, "archives", await hostOfOrdinaryUser(bench));
    const [made] = (await bench.backup(ordinary, { paths })).snapshots;
    await bench.postpone(made?.id ?? "", 60);

    const { evidence, snapshots } = await bench.backup(repository, { paths });

    assert.equal(snapshots[0]?.kind, "differential");
    assert.deepEqual(evidence.unreadable, [secret]);
    assert.equal(evidence.unreadableCount, 1);
    const full = await bench.backup(repository, { paths, full: true });
    assert.equal(full.evidence.unreadableCount, process.getuid?.() === 0 ? undefined : 1);
  });

  test("leaves alone what only looks like one at its end", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    await bench.chain(repository);
    const foreign = ["mine-full.snar", "mine-full.manifest.json", "mine-full.snar.copy"];
    for (const name of foreign) await writeFile(bench.at("archives", name), "mine");

    await repository.prune(work);

    const there = new Set(await readdir(bench.at("archives")));
    assert.deepEqual(
      foreign.filter((name) => !there.has(name)),
      [],
    );
  });

  test("is found by a check when it was cut short, and is copied whole or not at all", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository(gpg);
    const further = bench.repository(gpg, "further");
    const [full, differential] = await bench.chain(repository);
    await further.init(work.signal);
    const archive = bench.at("archives", `${full}.tar.zst.gpg`);
    await truncate(archive, 100);

    const { problems } = await repository.check({}, work);
    const snapshots = await repository.snapshots({ name: "job", paths: [] }, work.signal);
    const copying = further.copy(repository, { job: { name: "job", paths: [] }, snapshots }, work);
    await copying;

    assert.deepEqual(
      snapshots.map(({ id }) => id),
      [differential],
    );
    assert.equal(problems.length, 2);
    assert.match(problems.join("\n"), /it cannot be restored, and is not listed\n.* is gone/);
    assert.deepEqual((await copying).copied, []);
    assert.deepEqual(await further.snapshots({ name: "job", paths: [] }, work.signal), []);
  });

  test("goes on where a copy was cut off, and starts again when what is there is something else", async () => {
    await using bench = await ArchiveBench.open();
    const repository = bench.repository();
    const further = bench.repository({}, "further");
    const [full, differential] = await bench.chain(repository);
    await further.init(work.signal);
    const begun = await readFile(bench.at("archives", `${full}.tar.zst`));
    const part = (id: string) => bench.at("further", `.holdfast-receiving-${id}.tar.zst`);
    await writeFile(part(full), begun.subarray(0, 50));
    await writeFile(part(differential), "something else");
    const snapshots = await repository.snapshots({ name: "job", paths: [] }, work.signal);

    await further.copy(repository, { job: { name: "job", paths: [] }, snapshots }, work);

    const { problems } = await further.check({ readData: "100%" }, work);
    assert.deepEqual(problems, []);
    assert.equal(existsSync(part(differential)), false);
    assert.deepEqual(await bench.restored(further, differential), after);
  });
});
