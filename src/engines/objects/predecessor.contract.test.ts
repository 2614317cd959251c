import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { openObjects, quickFolder } from "../../../test/support/objects-places.ts";
import { MemoryStore } from "../../../test/support/objects-source.ts";
import { calmWork, requestFor, treeOf } from "../../../test/support/objects-workshop.ts";
import { withoutTools } from "../../../test/support/tools.ts";

const skip = withoutTools("find", "sync", "cp");
const job = { name: "tree", paths: [] };

function hash(algorithm: string, content: string): string {
  return createHash(algorithm).update(content).digest("hex");
}

/** What nextcloud-s3-backup leaves: content, its ETags as further names, and folders of links. */
class Predecessor {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    mkdirSync(join(root, "snapshots"), { recursive: true });
  }

  #at(kind: "sha1" | "etag", name: string): string {
    const path = join(this.root, ".data", kind, name.slice(0, 2), name.slice(2));
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }

  content(content: string, etag?: string): string {
    const path = this.#at("sha1", hash("sha1", content));
    writeFileSync(path, content);
    // The time of the download.
    utimesSync(path, 1_680_000_000, 1_680_000_000);
    if (etag !== undefined) linkSync(path, this.#at("etag", etag));
    return path;
  }

  /** As after `rsync -a` without `-H`. */
  separate(etag: string): void {
    const path = this.#at("etag", etag);
    copyFileSync(path, `${path}.copy`);
    rmSync(path);
    linkSync(`${path}.copy`, path);
    rmSync(`${path}.copy`);
  }

  snapshot(name: string, files: Readonly<Record<string, string>>): void {
    for (const [path, content] of Object.entries(files)) {
      const to = join(this.root, "snapshots", name, path);
      mkdirSync(dirname(to), { recursive: true });
      if (content === "") writeFileSync(to, "");
      else linkSync(this.#at("sha1", hash("sha1", content)), to);
    }
  }
}

/** A tree with everything that it can hold, and the store that it came from. */
function makeBoth(root: string): { readonly old: Predecessor; readonly store: MemoryStore } {
  const old = new Predecessor(root);
  const store = new MemoryStore();
  const parts = `${"a".repeat(32)}-3`;
  store.add("alice/files/with checksum", "one", { sha1: hash("sha1", "one"), modified: 1 });
  store.add("alice/files/without", "two", { modified: 2 });
  store.add("alice/files/in parts", "three", { modified: 3 });
  store.put("urn:oid:3", "three", parts);
  store.add("alice/files/empty", "");
  old.content("one");
  old.content("two", hash("md5", "two"));
  old.content("three", parts);
  old.content("deleted long ago", hash("md5", "deleted long ago"));
  const files = {
    "alice/files/with checksum": "one",
    "alice/files/without": "two",
    "alice/files/in parts": "three",
    "alice/files/empty": "",
  };
  old.snapshot("230401-0300", { ...files, "alice/files/deleted": "deleted long ago" });
  old.snapshot("230402-0300", files);
  writeFileSync(join(root, ".data/sha1/ab.downloading"), "");
  return { old, store };
}

suite("what nextcloud-s3-backup left", { skip, concurrency: 2 }, () => {
  const options = { "name-format": "%y%m%d-%H%M" };

  test("is listed, and continued without fetching anything", async () => {
    await using folder = await quickFolder();
    const { store } = makeBoth(folder.path);
    const repository = openObjects(folder.path, { options });
    const before = treeOf(join(folder.path, "snapshots/230402-0300"));
    const times = statSync(join(folder.path, "snapshots/230402-0300/alice/files/without")).mtimeMs;

    const listed = await repository.snapshots(job, calmWork.signal);
    const { snapshots, evidence } = await repository.backup(requestFor(store.prepared()), calmWork);

    assert.deepEqual(
      listed.map(({ id, time, series }) => [id, time, series]),
      [
        ["230401-0300", new Date(2023, 3, 1, 3, 0), "holdfast:tree"],
        ["230402-0300", new Date(2023, 3, 2, 3, 0), "holdfast:tree"],
      ],
    );
    const id = snapshots[0]?.id ?? "";
    assert.match(id, /^\d{6}-\d{4}$/);
    assert.deepEqual([store.reads, evidence.unreadable, evidence.added], [[], undefined, 0]);
    assert.deepEqual(treeOf(join(folder.path, "snapshots", id)), before);
    // Others have links to these files: their times are not changed under them.
    assert.equal(
      statSync(join(folder.path, "snapshots", id, "alice/files/without")).mtimeMs,
      times,
    );
    const again = await repository.backup(requestFor(store.prepared()), calmWork);
    assert.deepEqual([store.reads, again.evidence.unreadable], [[], undefined]);
  });

  test("is continued after a copy that has separated ETags from content", async () => {
    await using folder = await quickFolder();
    const { old, store } = makeBoth(folder.path);
    const etag = hash("md5", "two");
    old.separate(etag);
    const repository = openObjects(folder.path, { options });
    const { notes } = await repository.check({}, calmWork);

    await repository.backup(requestFor(store.prepared()), calmWork);

    assert.deepEqual(store.reads, []);
    assert.match(notes?.join() ?? "", /1 ETags name content of their own/);
    const tagged = join(folder.path, ".data/etag", etag.slice(0, 2), etag.slice(2));
    const sha1 = hash("sha1", "two");
    assert.equal(
      statSync(tagged).ino,
      statSync(join(folder.path, ".data/sha1", sha1.slice(0, 2), sha1.slice(2))).ino,
    );
    assert.equal((await repository.check({}, calmWork)).notes, undefined);
  });

  test("is forgotten and collected like our own, and copied", async () => {
    await using folder = await quickFolder();
    const root = join(folder.path, "first");
    makeBoth(root);
    const repository = openObjects(root, { options });
    const further = openObjects(join(folder.path, "further"));
    await further.init(calmWork.signal);
    const snapshots = await repository.snapshots(job, calmWork.signal);

    const { copied, after } = await further.copy(repository, { job, snapshots }, calmWork);
    const lacking = further.missing(snapshots, after);
    await repository.forget(["230401-0300"], calmWork);
    const { freedBytes } = await repository.prune(calmWork);

    assert.deepEqual([copied.length, lacking], [2, []]);
    assert.equal(freedBytes, "deleted long ago".length);
    assert.deepEqual(treeOf(join(folder.path, "further/snapshots/230402-0300")), {
      ...treeOf(join(root, "snapshots/230402-0300")),
    });
    assert.deepEqual((await repository.check({ readData: "100%" }, calmWork)).problems, []);
  });

  test("is left alone where its name is no date", async () => {
    await using folder = await quickFolder();
    const { old } = makeBoth(folder.path);
    old.snapshot("before the move", { "alice/files/without": "two" });
    mkdirSync(join(folder.path, "snapshots/.hidden"));
    writeFileSync(join(folder.path, "snapshots/README"), "");
    const repository = openObjects(folder.path, { options });

    const listed = await repository.snapshots(job, calmWork.signal);

    assert.deepEqual(
      listed.map(({ id, series }) => [id, series]),
      [
        ["230401-0300", "holdfast:tree"],
        ["230402-0300", "holdfast:tree"],
        ["before the move", undefined],
      ],
    );
    assert.deepEqual(readdirSync(join(folder.path, "snapshots")).length, 5);
  });
});
