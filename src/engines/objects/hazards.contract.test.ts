import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newDisk, withoutDisks } from "../../../test/support/disk.ts";
import { withCode } from "../../../test/support/engine-contract.ts";
import { FaultyHost } from "../../../test/support/faulty-host.ts";
import { expectedOf, generationOf } from "../../../test/support/objects-generations.ts";
import { damageContent, openObjects, quickFolder } from "../../../test/support/objects-places.ts";
import {
  calmWork,
  ObjectsWorkshop,
  requestFor,
  treeOf,
} from "../../../test/support/objects-workshop.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { localHost } from "../../hosts/local.ts";
import { thisProcess } from "../../hosts/process-identity.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { Repository } from "../engine.ts";

const skip = withoutTools("find", "sync", "cp");
const kills = Number(process.env["HOLDFAST_KILLS"] ?? 4);
const job = { name: "tree", paths: [] };

function filesIn(root: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(treeOf(root)).flatMap(([path, content]) =>
      content === null ? [] : [[path, content] as const],
    ),
  );
}

/** Every listed snapshot holds all of the state that its label names, and nothing else. */
async function assertAllComplete(repository: Repository): Promise<readonly Snapshot[]> {
  const listed = await repository.snapshots(job, calmWork.signal);
  for (const snapshot of listed) {
    const generation = Number(snapshot.labels[0]);
    const found = filesIn(repository.browse?.(snapshot) ?? "");
    assert.deepEqual(found, expectedOf(generation), `snapshot of state ${generation}`);
  }
  return listed;
}

/** Lets backups follow each other, and kills whichever runs after a while. */
async function killSoon(location: string, generation: number): Promise<void> {
  const victim = join(import.meta.dirname, "../../../test/support/objects-victim.ts");
  const child = spawn(process.execPath, [victim, location, String(generation)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), ended]);
  await Promise.race([sleep(500 + Math.random() * 4000), ended]);
  child.kill("SIGKILL");
  const [, signal] = await ended;
  assert.equal(signal, "SIGKILL");
}

suite("a backup of objects that is killed", { skip }, () => {
  const title = `leaves complete snapshots and a store that is whole, ${kills} times`;
  test(title, async (context: TestContext) => {
    await using folder = await quickFolder();
    const location = join(folder.path, "repository");
    const repository = openObjects(location);
    await repository.init(calmWork.signal);
    let generation = 1;
    for (let count = 0; count < kills; count += 1) {
      await killSoon(location, generation);
      const listed = await assertAllComplete(repository);
      const { problems } = await repository.check({ readData: "100%" }, calmWork);
      assert.deepEqual(problems, []);
      generation = 1 + Math.max(generation - 1, ...listed.map(({ labels }) => Number(labels[0])));
      context.diagnostic(`killed in state ${generation} with ${listed.length} snapshots`);
      const ids = listed.slice(0, -1).map(({ id }) => id);
      await repository.forget(ids, calmWork);
      if (count % 2 === 1) await repository.prune(calmWork);
    }

    const store = generationOf(generation);
    const request = { ...requestFor(store.prepared()), labels: [String(generation)] };
    await repository.backup(request, calmWork);
    await repository.prune(calmWork);

    await assertAllComplete(repository);
    const left = readdirSync(join(location, "snapshots")).filter((name) => name.startsWith("."));
    assert.deepEqual(left, []);
    assert.deepEqual(readdirSync(join(location, ".data", "downloading")), []);
    assert.deepEqual((await repository.check({ readData: "100%" }, calmWork)).problems, []);
  });
});

suite("pruning", { skip, concurrency: 2 }, () => {
  test("removes content that no snapshot holds, under all its names, and nothing else", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store, repository } = workshop;
    store.add("gone", "0123456789", { key: "urn:oid:1" });
    store.add("gone twice", "0123456789", { key: "urn:oid:2" });
    store.put("urn:oid:2", "0123456789", `${"e".repeat(32)}-2`);
    store.add("stays", "stays", { key: "urn:oid:3" });
    const first = await workshop.backup();
    for (const path of ["gone", "gone twice"]) store.dropRow(path);
    const second = await workshop.backup();
    await repository.forget([first.id], calmWork);

    const { freedBytes } = await repository.prune(calmWork);
    const again = await repository.prune(calmWork);

    assert.deepEqual([freedBytes, again.freedBytes], [10, 0]);
    assert.equal(workshop.stored().length, 2);
    assert.deepEqual(workshop.tree(second.id), { stays: "stays" });
    const reads = store.reads.length;
    await workshop.backup();
    assert.equal(store.reads.length, reads);
  });

  test("loses nothing of a backup that runs beside it", async () => {
    await using folder = await quickFolder();
    const location = join(folder.path, "repository");
    const [writer, cleaner] = [openObjects(location), openObjects(location)];
    await writer.init(calmWork.signal);
    const backUp = async (generation: number, isSlow: boolean): Promise<string> => {
      const store = generationOf(generation);
      if (isSlow) store.interfere = async () => await sleep(5, undefined);
      const request = { ...requestFor(store.prepared()), labels: [String(generation)] };
      const { snapshots } = await writer.backup(request, calmWork);
      return snapshots[0]?.id ?? "";
    };
    for (let round = 1; round <= 2; round += 1) {
      const old = await backUp(round, false);
      await cleaner.forget([old], calmWork);
      const over = new AbortController();
      let prunes = 0;

      const backup = backUp(round, true).finally(() => over.abort());
      // Told below.
      backup.catch(() => {});
      while (!over.signal.aborted) {
        await cleaner.prune(calmWork);
        prunes += 1;
      }
      await backup;

      assert.ok(prunes > 0);
      assert.equal((await assertAllComplete(cleaner)).length, 1);
      const { problems } = await cleaner.check({ readData: "100%" }, calmWork);
      assert.deepEqual(problems, []);
      const [only] = await cleaner.snapshots(job, calmWork.signal);
      await cleaner.forget([only?.id ?? ""], calmWork);
    }
  });

  test("takes away what was left behind, but not the parts of a large object", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { repository, location } = workshop;
    workshop.store.add("a", "a");
    await workshop.backup();
    const at = (name: string): string => join(location, name);
    mkdirSync(at("snapshots/.holdfast-new-x/y"), { recursive: true });
    mkdirSync(at("snapshots/.holdfast-gone-x"));
    mkdirSync(at(".data/downloading"), { recursive: true });
    writeFileSync(at(".data/downloading/1-1"), "12345");
    writeFileSync(at(".data/downloading/large-1"), "67890");
    writeFileSync(at(".data/manifests/gone.json"), "{}");

    const { freedBytes } = await repository.prune(calmWork);

    assert.equal(freedBytes, 5);
    assert.equal(readdirSync(at("snapshots")).length, 1);
    assert.deepEqual(readdirSync(at(".data/downloading")), ["large-1"]);
    assert.equal(readdirSync(at(".data/manifests")).length, 2);
  });
});

suite("two backups of objects at once", { skip }, () => {
  test("do not add to one repository", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("a", "a");
    let second: Promise<unknown> | undefined;
    store.interfere = async () => {
      second ??= workshop.backup().catch((error: unknown) => error);
      await second;
      return undefined;
    };

    const { id } = await workshop.backup();

    assert.ok(withCode("repository-locked")(await second));
    assert.deepEqual(workshop.tree(id), { a: "a" });
  });

  test("do not hold up each other when one is dead", async () => {
    await using workshop = await ObjectsWorkshop.open();
    workshop.store.add("a", "a");
    const lease = join(workshop.location, ".data", "running.json");
    const dead = { ...thisProcess(), pid: 2 ** 22 - 3 };
    writeFileSync(lease, JSON.stringify({ owner: dead, since: Date.now() }));

    const { id } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { a: "a" });
    assert.throws(() => statSync(lease));
  });
});

suite("a check of trees", { skip, concurrency: 2 }, () => {
  test("names every path whose content is damaged, and what is missing", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store, repository, location } = workshop;
    store.add("alice/large\nfile", "large".repeat(1000));
    store.add("bob/copy", "large".repeat(1000));
    store.add("bob/whole", "whole");
    store.add("bob/cut", "cut off");
    const first = await workshop.backup();
    const second = await workshop.backup();
    await damageContent(location);
    unlinkSync(workshop.at(second.id, "bob/whole"));
    unlinkSync(workshop.at(second.id, "bob/cut"));
    writeFileSync(workshop.at(second.id, "bob/cut"), "cut");

    const quick = await repository.check({}, calmWork);
    const thorough = await repository.check({ readData: "100%" }, calmWork);

    const structure = [
      `snapshot ${second.id}: bob/cut does not have the size that it had`,
      `snapshot ${second.id}: bob/whole is missing`,
    ];
    const among = [second.id, first.id].toSorted().toReversed();
    assert.deepEqual(quick.problems.toSorted(), structure);
    assert.deepEqual(thorough.problems.toSorted(), [
      `alice/large\nfile is damaged in snapshot ${among[0]} and 1 more`,
      `bob/copy is damaged in snapshot ${among[0]} and 1 more`,
      ...structure,
    ]);
  });

  test("tells a damaged manifest from damaged files", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store, repository, location } = workshop;
    store.add("a", "a");
    const { id } = await workshop.backup();
    const manifest = join(location, ".data", "manifests", `${id}.jsonl.zst`);
    truncateSync(manifest, statSync(manifest).size - 3);

    const { problems } = await repository.check({}, calmWork);
    const next = await workshop.backup();

    assert.deepEqual(problems, [`snapshot ${id}: its manifest is damaged; its files are not`]);
    assert.deepEqual(workshop.tree(next.id), { a: "a" });
  });
});

suite("a copy of trees", { skip, concurrency: 2 }, () => {
  test("shares content as the first does, and fetches nothing when it takes over", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store, repository } = workshop;
    store.row({ kind: "folder", path: "empty", modified: 1_600_000_000 });
    store.add("one", "same", { modified: 1_600_000_001 });
    store.add("two", "same", { modified: 1_600_000_002 });
    store.add("none", "", { modified: 1_600_000_003 });
    await workshop.backup();
    store.add("three", "new");
    await workshop.backup();
    const further = openObjects(join(workshop.folder, "further"));
    await further.init(calmWork.signal);
    const snapshots = await workshop.list();

    const { copied, evidence } = await further.copy(repository, { job, snapshots }, calmWork);
    const reads = store.reads.length;
    const { snapshots: made } = await further.backup(requestFor(store.prepared()), calmWork);

    assert.equal(store.reads.length, reads);
    assert.deepEqual([copied.length, evidence.added, evidence.listed], [2, 7, true]);
    const at = (id: string, path: string): string =>
      join(workshop.folder, "further/snapshots", id, path);
    for (const { from, id } of copied) {
      assert.deepEqual(treeOf(at(id, "")), workshop.tree(from));
      for (const path of ["one", "none", "empty"]) {
        assert.equal(statSync(at(id, path)).mtimeMs, statSync(workshop.at(from, path)).mtimeMs);
      }
      assert.equal(statSync(at(id, "one")).ino, statSync(at(id, "two")).ino);
    }
    assert.equal(statSync(at(made[0]?.id ?? "", "one")).nlink, 8);
    assert.deepEqual((await further.check({ readData: "100%" }, calmWork)).problems, []);
  });

  test("waits for the disk with many files at once, not with each", async () => {
    await using workshop = await ObjectsWorkshop.open();
    for (let number = 0; number < 200; number += 1) workshop.store.add(`${number}`, `of ${number}`);
    await workshop.backup();
    using host = new FaultyHost(localHost(), []);
    const further = openObjects(join(workshop.folder, "further"), { host });
    await further.init(calmWork.signal);
    const snapshots = await workshop.list();

    const { copied } = await further.copy(workshop.repository, { job, snapshots }, calmWork);

    const [copy = { from: "", id: "" }] = copied;
    const made = join(workshop.folder, "further/snapshots", copy.id);
    assert.deepEqual(treeOf(made), workshop.tree(copy.from));
    const syncs = host.asked.filter(({ argv: [file] }) => file === "sync").length;
    assert.ok(syncs >= 2 && syncs <= 10, `${syncs} syncs`);
  });

  test("does not take damaged content over", async () => {
    await using workshop = await ObjectsWorkshop.open();
    workshop.store.add("film", "0123456789");
    await workshop.backup();
    await damageContent(workshop.location);
    const further = openObjects(join(workshop.folder, "further"));
    await further.init(calmWork.signal);
    const snapshots = await workshop.list();

    const copying = further.copy(workshop.repository, { job, snapshots }, calmWork);

    await assert.rejects(copying, withCode("repository-damaged"));
    assert.deepEqual(await further.snapshots(job, calmWork.signal), []);
    assert.deepEqual(readdirSync(join(workshop.folder, "further/.data/downloading")), []);
  });
});

suite("the limits of a file system", { skip: skip === false ? withoutDisks("ext4") : skip }, () => {
  test("of links to one file are no limits of content", async () => {
    await using disk = await newDisk({ format: "ext4", sizeMiB: 64 });
    await using workshop = await ObjectsWorkshop.open({}, disk.path);
    const { store, repository } = workshop;
    store.add("one", "same");
    store.add("two", "same");
    const first = await workshop.backup();
    mkdirSync(join(disk.path, "full"));
    const most = 65_000;
    for (let links = statSync(workshop.at(first.id, "one")).nlink; links < most; links += 1) {
      linkSync(workshop.at(first.id, "one"), join(disk.path, "full", String(links)));
    }

    const second = await workshop.backup();
    const third = await workshop.backup();

    assert.deepEqual(workshop.tree(second.id), { one: "same", two: "same" });
    assert.deepEqual(workshop.tree(third.id), { one: "same", two: "same" });
    assert.equal(statSync(workshop.at(third.id, "two")).nlink, 5);
    assert.equal(store.reads.length, 1);
    assert.deepEqual((await repository.check({ readData: "100%" }, calmWork)).problems, []);
    await repository.forget([second.id, third.id], calmWork);
    assert.equal((await repository.prune(calmWork)).freedBytes, 4);
  });

  test("of space end the backup, and the next one goes on when there is some again", async () => {
    await using disk = await newDisk({ format: "ext4", sizeMiB: 32 });
    await using workshop = await ObjectsWorkshop.open({}, disk.path);
    const { store, repository } = workshop;
    store.add("small", "small");
    const first = await workshop.backup();
    for (let number = 2; number <= 9; number += 1) {
      store.add(`large ${number}`, Buffer.alloc(2 * 1024 ** 2, String(number)));
    }
    writeFileSync(join(disk.path, "ballast"), Buffer.alloc(16 * 1024 ** 2));

    await assert.rejects(workshop.backup(), withCode("repository-full"));
    const listed = await workshop.list();
    const problems = (await repository.check({ readData: "100%" }, calmWork)).problems;
    rmSync(join(disk.path, "ballast"));
    const second = await workshop.backup();

    assert.deepEqual(
      listed.map(({ id }) => id),
      [first.id],
    );
    assert.deepEqual(problems, []);
    assert.equal(Object.keys(workshop.tree(second.id)).length, 9);
  });
});

suite("a restore of trees", { skip }, () => {
  test("follows no link that somebody put into a snapshot, nor one in the target", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store, repository, folder } = workshop;
    store.add("inside/a", "a");
    const { id } = await workshop.backup();
    const outside = join(folder, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "");
    symlinkSync(outside, workshop.at(id, "link"));
    const target = join(folder, "target");

    const through = await repository.restore(
      { snapshot: id, include: ["link/secret"], target },
      calmWork,
    );
    mkdirSync(target);
    symlinkSync(outside, join(target, "inside"));
    const into = repository.restore({ snapshot: id, include: [], target }, calmWork);

    assert.deepEqual(through.problems, [`link/secret is not in snapshot ${id}`]);
    await assert.rejects(into, withCode("target-invalid"));
    assert.deepEqual(readdirSync(outside), ["secret"]);
    assert.equal(lstatSync(join(target, "inside")).isSymbolicLink(), true);
  });
});
