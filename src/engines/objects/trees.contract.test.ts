import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { withCode } from "../../../test/support/engine-contract.ts";
import { calmWork, ObjectsWorkshop, treeOf } from "../../../test/support/objects-workshop.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { HoldfastError } from "../../kernel/errors.ts";

const skip = withoutTools("find", "sync", "cp");
const time = 1_600_000_000;

function sha1(content: string): string {
  return createHash("sha1").update(content).digest("hex");
}

function named(workshop: ObjectsWorkshop): readonly string[] {
  return workshop.stored().filter((name) => name.startsWith("sha1/"));
}

function inode(path: string): number {
  return statSync(path).ino;
}

suite("a tree of objects", { skip, concurrency: 2 }, () => {
  test("holds every file under its path, with its time, and every folder", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.row({ kind: "folder", path: "alice", modified: time + 5 });
    store.row({ kind: "folder", path: "alice/empty", modified: time + 6 });
    store.add("alice/a", "same", { modified: time });
    store.add("alice/deep/er/b", "other", { modified: time + 1, sha1: sha1("other") });
    store.add("bob/copy of a", "same", { modified: time });
    store.add("bob/empty file", "", { modified: time + 2 });
    store.add("line\nfeed/-n", "hostile");

    const { id, evidence } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), {
      alice: null,
      "alice/a": "same",
      "alice/deep": null,
      "alice/deep/er": null,
      "alice/deep/er/b": "other",
      "alice/empty": null,
      bob: null,
      "bob/copy of a": "same",
      "bob/empty file": "",
      "line\nfeed": null,
      "line\nfeed/-n": "hostile",
    });
    const mtime = (path: string): number => statSync(workshop.at(id, path)).mtimeMs / 1000;
    assert.deepEqual(
      ["alice/a", "alice/deep/er/b", "bob/empty file", "alice", "alice/empty"].map(mtime),
      [time, time + 1, time + 2, time + 5, time + 6],
    );
    const stored = join(
      workshop.location,
      ".data",
      "sha1",
      sha1("same").slice(0, 2),
      sha1("same").slice(2),
    );
    assert.equal(inode(workshop.at(id, "alice/a")), inode(workshop.at(id, "bob/copy of a")));
    assert.equal(inode(workshop.at(id, "alice/a")), inode(stored));
    const { files, bytes, added, unreadable, notes } = evidence;
    assert.deepEqual(
      { files, bytes, added, unreadable, notes },
      { files: 5, bytes: 20, added: 16, unreadable: undefined, notes: undefined },
    );
  });

  test("is made again without reading anything, be there checksums or not", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("known", "1", { sha1: sha1("1"), modified: time });
    store.add("unknown", "2", { modified: time });
    store.add("in parts", "3");
    store.put("urn:oid:3", "3", `${"e".repeat(32)}-2`);
    store.add("odd tag", "4");
    store.put("urn:oid:4", "4", "W/weak");
    store.add("empty", "");
    const first = await workshop.backup();
    const reads = store.reads.length;

    const second = await workshop.backup();
    rmSync(join(workshop.location, ".data", "manifests"), { recursive: true });
    const third = await workshop.backup();

    assert.deepEqual(workshop.tree(second.id), workshop.tree(first.id));
    assert.deepEqual(workshop.tree(third.id), workshop.tree(first.id));
    // Without what was written down, a tag that says nothing about content is all there is.
    assert.deepEqual([reads, store.reads.slice(reads).map(({ key }) => key)], [4, ["urn:oid:4"]]);
    assert.equal(second.evidence.added, 0);
  });

  test("is made again from what was written down, whatever its names and keys look like", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    const pretended = `,"path":"x","sha1":"${sha1("other")}","content":"${sha1("other")}"`;
    const names = [
      'quote"',
      "back\\slash",
      "line\nfeed",
      "tab\t",
      'a","path":"b',
      `c${pretended}`,
      "\u2028",
      "ü\u{1f600}",
    ];
    for (const [index, name] of names.entries()) {
      const key = `urn:oid:${index}${index % 2 === 0 ? "" : pretended}`;
      const claimed = index < 4 ? { sha1: sha1(name) } : {};
      store.add(name, name, { key, modified: time, ...claimed });
    }
    store.add("other", "other", { key: "z", modified: time });
    const first = await workshop.backup();
    const reads = store.reads.length;

    const second = await workshop.backup();

    const expected = Object.fromEntries([...names, "other"].map((name) => [name, name]));
    assert.deepEqual(workshop.tree(first.id), expected);
    assert.deepEqual(workshop.tree(second.id), expected);
    assert.equal(store.reads.length, reads);
    assert.equal(second.evidence.unreadableCount, undefined);
  });

  test("follows what was changed, moved and deleted, and leaves earlier trees as they were", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    const moved = store.add("moved", "stays the same", { modified: time });
    store.add("changed", "before");
    store.add("deleted", "gone");
    const first = await workshop.backup();
    const before = workshop.tree(first.id);
    store.dropRow("deleted");
    store.remove("urn:oid:3");
    store.dropRow("moved");
    store.row({ ...moved, path: "elsewhere" });
    store.put("urn:oid:2", "after!");
    const reads = store.reads.length;

    const second = await workshop.backup();

    assert.deepEqual(workshop.tree(second.id), { changed: "after!", elsewhere: "stays the same" });
    assert.deepEqual(workshop.tree(first.id), before);
    assert.equal(store.reads.length, reads + 1);
    assert.deepEqual(second.evidence.unreadable, undefined);
  });

  test("is called after its moment, and gets a number when there is one already", async () => {
    await using workshop = await ObjectsWorkshop.open({ options: { "name-format": "%Y-%m-%d" } });
    workshop.store.add("a", "1");

    const first = await workshop.backup();
    const second = await workshop.backup();
    const third = await workshop.backup();

    assert.match(first.id, /^\d{4}-\d\d-\d\d$/);
    assert.deepEqual([second.id, third.id], [`${first.id}.2`, `${first.id}.3`]);
    assert.deepEqual(
      (await workshop.list()).map(({ id }) => id),
      [first.id, second.id, third.id],
    );
  });

  test("never leaves its place, whatever paths it is given", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    const hostile = [
      "../escaped",
      "/etc/escaped",
      "a/../../escaped",
      "a//b",
      "",
      ".",
      "a/",
      "x\0y",
      "./z",
    ];
    for (const path of hostile) store.add(path, "hostile");
    for (const path of ["../folder", "/folder"]) store.row({ kind: "folder", path });
    store.add("hash", "x", { sha1: "../../../../../../etc/passwd0000000000000000" });
    store.add("tag", "x");
    store.put("urn:oid:13", "x", "../../../../../../etc/passwd");
    store.add("good", "y");

    const { id, evidence } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { good: "y", hash: "x", tag: "x" });
    assert.equal(evidence.unreadableCount, hostile.length + 2);
    assert.deepEqual(readdirSync(workshop.folder), ["repository"]);
    assert.deepEqual(readdirSync(join(workshop.location, "snapshots")), [id]);
  });

  test("names what its file system cannot hold, and holds the rest", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("long".repeat(64), "1");
    store.add(Array.from({ length: 50 }, () => "p".repeat(100)).join("/"), "2");
    store.add("twice", "first", { key: "urn:oid:a" });
    store.add("twice", "second", { key: "urn:oid:b" });
    store.add("file", "3", { key: "urn:oid:c" });
    store.add("file/below", "4", { key: "urn:oid:d" });
    store.row({ kind: "folder", path: "folder" });
    store.add("folder", "5", { key: "urn:oid:e" });

    const { id, evidence } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { twice: "first", file: "3", folder: null });
    assert.equal(evidence.unreadableCount, 5);
    assert.match(
      evidence.unreadable?.join("\n") ?? "",
      /twice: there is another file of this name/,
    );
    assert.match(
      evidence.unreadable?.join("\n") ?? "",
      /file\/below: a part of its path is a file/,
    );
  });
});

suite("objects and rows that do not agree", { skip, concurrency: 2 }, () => {
  test("are no silent hole when an object is missing", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("there", "1");
    store.row({ kind: "file", path: "lost", key: "urn:oid:99", size: 5 });
    store.row({
      kind: "file",
      path: "refused",
      key: "urn:oid:98",
      size: 5,
      refused: "it is encrypted",
    });

    const { id, evidence } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { there: "1" });
    assert.deepEqual(evidence.unreadable, [
      "refused: it is encrypted",
      "lost: the store has no object urn:oid:99",
    ]);
    assert.deepEqual([evidence.files, evidence.unreadableCount], [1, 2]);
  });

  test("keep what an earlier backup had of an object that is gone now, and say so", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("with checksum", "1", { sha1: sha1("1"), modified: time });
    store.add("without", "2", { modified: time });
    await workshop.backup();
    store.remove("urn:oid:1");
    store.remove("urn:oid:2");

    const { id, evidence } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { "with checksum": "1", without: "2" });
    assert.equal(evidence.unreadableCount, 2);
    assert.match(evidence.unreadable?.[0] ?? "", /no object urn:oid:1; an earlier backup had it/);
  });

  test("give an empty file for a row that says so, whatever its object holds", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("New text file.md", " ", { size: 0, modified: time });

    const { id, evidence } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { "New text file.md": "" });
    assert.equal(statSync(workshop.at(id, "New text file.md")).mtimeMs, time * 1000);
    assert.deepEqual([store.reads.length, evidence.unreadable], [0, undefined]);
  });

  test("take the content when a checksum is wrong, warn once, and do not fetch it again", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("wrong", "content", { sha1: sha1("something else") });
    store.add("shorter", "four", { size: 10 });

    const first = await workshop.backup();
    const reads = store.reads.length;
    const second = await workshop.backup();

    assert.deepEqual(workshop.tree(second.id), { wrong: "content", shorter: "four" });
    assert.deepEqual(first.evidence.unreadable, [
      "wrong: its content is not what its checksum says; the content was taken",
      "shorter: the application says 10 bytes, its object has 4; those were taken",
    ]);
    assert.equal(second.evidence.unreadable, undefined);
    assert.match(
      second.evidence.notes?.join() ?? "",
      /^2 files hold something else .*wrong, shorter$/,
    );
    assert.equal(store.reads.length, reads);
    assert.ok(!workshop.stored().some((name) => name.includes(sha1("something else").slice(2))));
  });

  test("take the content when its wrong checksum is that of another file", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("right", "right", { sha1: sha1("right") });
    await workshop.backup();
    store.add("wrong", "wrong", { sha1: sha1("right") });
    store.add("wrong again", "WRONG");
    await workshop.backup();
    store.dropRow("wrong again");
    store.row({ kind: "file", path: "now", key: "urn:oid:3", size: 5, sha1: sha1("right") });

    const { id } = await workshop.backup();

    // Of one that was fetched before, its ETag contradicts the row; of one that never was, nothing does.
    assert.deepEqual(workshop.tree(id), { right: "right", wrong: "right", now: "WRONG" });
  });

  test("take what is there now of an object that was replaced meanwhile", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("document", "before");
    store.interfere = async () => {
      store.put("urn:oid:1", "after");
      return undefined;
    };

    const { id, evidence } = await workshop.backup();
    delete store.interfere;
    const next = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { document: "after" });
    assert.match(evidence.notes?.join() ?? "", /document was replaced while it was backed up/);
    assert.deepEqual(workshop.tree(next.id), { document: "after" });
  });
});

suite("reading that fails", { skip, concurrency: 2 }, () => {
  test("is tried again when the content was cut off, and is a hole when it always is", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("once", "long enough");
    store.add("always", "never whole");
    let cut = 0;
    store.interfere = async ({ key }, content) => {
      if (key === "urn:oid:1" && cut > 0) return undefined;
      if (key === "urn:oid:1") cut += 1;
      return Readable.from([content.subarray(0, 4)]);
    };

    const { id, evidence } = await workshop.backup();

    assert.deepEqual(workshop.tree(id), { once: "long enough" });
    assert.deepEqual(evidence.unreadable, ["always: it could not be fetched: 4 of 11 bytes came"]);
    assert.deepEqual(
      workshop.stored().filter((name) => !/^(sha1|etag)\//.test(name)),
      [],
    );
  });

  test("is tried again when other bytes came, and believed when the same come twice", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.add("garbled once", "abcdefgh");
    store.add("store that encrypts", "ijklmnop");
    store.put("urn:oid:2", "ijklmnop", "f".repeat(32));
    let garbled = 0;
    store.interfere = async ({ key }) => {
      if (key !== "urn:oid:1" || garbled > 0) return undefined;
      garbled += 1;
      return Readable.from([Buffer.from("abcdXfgh")]);
    };

    const { id, evidence } = await workshop.backup();
    const next = await workshop.backup();

    assert.deepEqual(workshop.tree(id), {
      "garbled once": "abcdefgh",
      "store that encrypts": "ijklmnop",
    });
    assert.match(evidence.notes?.join() ?? "", /ETags are no checksums/);
    assert.deepEqual([evidence.unreadable, next.evidence.unreadable], [undefined, undefined]);
    assert.equal(store.reads.length, 4);
  });

  test("ends the backup when there is no store any more", async () => {
    await using workshop = await ObjectsWorkshop.open({ options: { parallel: 64 } });
    const { store } = workshop;
    for (let number = 1; number <= 30; number += 1) store.add(`file ${number}`, `${number}`);
    store.interfere = async () => {
      throw new HoldfastError("store-unusable", "the store does not answer");
    };

    await assert.rejects(workshop.backup(), withCode("store-unusable"));

    assert.deepEqual(await workshop.list(), []);
  });

  test("fetches nothing again that an interrupted backup has fetched", async () => {
    await using workshop = await ObjectsWorkshop.open({ options: { parallel: 1 } });
    const { store } = workshop;
    for (let number = 1; number <= 9; number += 1) store.add(`file ${number}`, `${number}`);
    const abort = new AbortController();
    store.interfere = async () => {
      if (store.reads.length < 6) return undefined;
      // What has its name by then was fetched for good.
      while (named(workshop).length < 2) await sleep(10);
      abort.abort();
      return undefined;
    };
    await assert.rejects(
      workshop.backup({ ...calmWork, signal: abort.signal }),
      withCode("interrupted"),
    );
    delete store.interfere;
    const listed = await workshop.list();
    const names = named(workshop).length;
    store.reads.length = 0;

    const { id } = await workshop.backup();

    assert.deepEqual(listed, []);
    assert.equal(store.reads.length, 9 - names);
    assert.ok(names >= 2);
    assert.equal(Object.keys(workshop.tree(id)).length, 9);
    assert.deepEqual(readdirSync(join(workshop.location, "snapshots")), [id]);
  });

  test("goes on with a large object where it was cut off, part by part", async () => {
    await using workshop = await ObjectsWorkshop.open({ options: { parallel: 2 } });
    const { store } = workshop;
    const content = Buffer.alloc(100 * 1024 ** 2, "0123456789abcdef-");
    store.add("film", content, { modified: time });
    const abort = new AbortController();
    store.interfere = async ({ range }, bytes) => {
      if (range === undefined || range[0] < 64 * 1024 ** 2) return undefined;
      abort.abort();
      return Readable.from([bytes.subarray(0, 1000)]);
    };
    await assert.rejects(workshop.backup({ ...calmWork, signal: abort.signal }));
    delete store.interfere;
    store.reads.length = 0;

    const { id, evidence } = await workshop.backup();

    assert.ok(store.reads.length >= 3 && store.reads.length < 6, String(store.reads.length));
    assert.ok(store.reads.every(({ range }) => (range?.[0] ?? 0) >= 16 * 1024 ** 2));
    assert.equal(evidence.added, content.length);
    assert.equal(
      createHash("sha1")
        .update(workshop.tree(id)["film"] ?? "")
        .digest("hex"),
      createHash("sha1").update(content).digest("hex"),
    );
    assert.equal(statSync(workshop.at(id, "film")).mtimeMs, time * 1000);
  });
});

suite("what a repository of trees gives back", { skip, concurrency: 2 }, () => {
  test("are copies with the times of each file, and no links into the store", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store } = workshop;
    store.row({ kind: "folder", path: "alice", modified: time });
    store.add("alice/one", "same", { modified: time + 1 });
    store.add("alice/two", "same", { modified: time + 2 });
    store.add("bob/three", "same", { modified: time + 3 });
    const { id } = await workshop.backup();
    const whole = join(workshop.folder, "whole");
    const part = join(workshop.folder, "part");
    const { repository } = workshop;

    const all = await repository.restore({ snapshot: id, include: [], target: whole }, calmWork);
    const some = await repository.restore(
      { snapshot: id, include: ["/alice/", "../../bob/none"], target: part },
      calmWork,
    );

    assert.deepEqual(treeOf(whole), workshop.tree(id));
    assert.deepEqual(treeOf(part), { alice: null, "alice/one": "same", "alice/two": "same" });
    const times = ["alice", "alice/one", "alice/two", "bob/three"].map(
      (path) => statSync(join(whole, path)).mtimeMs / 1000,
    );
    assert.deepEqual(times, [time, time + 1, time + 2, time + 3]);
    assert.equal(lstatSync(join(whole, "alice/one")).nlink, 1);
    assert.deepEqual([all.files, all.bytes, all.problems], [3, 12, []]);
    assert.deepEqual(some.problems, [`../../bob/none is not in snapshot ${id}`]);
  });

  test("are all entries that the source named, with their keys", async () => {
    await using workshop = await ObjectsWorkshop.open();
    const { store, repository } = workshop;
    store.row({ kind: "folder", path: "alice", modified: time });
    store.add("alice/one", "1", { modified: time + 1, sha1: sha1("1") });
    store.row({ kind: "file", path: "lost", key: "urn:oid:99", size: 5 });
    const { id } = await workshop.backup();
    const entries: unknown[] = [];

    for await (const batch of repository.entries?.(id, calmWork.signal) ?? [])
      entries.push(...batch);

    assert.deepEqual(entries, [
      { kind: "folder", path: "alice", modified: time },
      {
        kind: "file",
        path: "alice/one",
        key: "urn:oid:2",
        size: 1,
        sha1: sha1("1"),
        modified: time + 1,
      },
      {
        kind: "file",
        path: "lost",
        key: "urn:oid:99",
        size: 5,
        refused: "the store has no object urn:oid:99",
      },
    ]);
    assert.equal(
      existsSync(repository.browse?.((await workshop.list())[0] ?? assert.fail()) ?? ""),
      true,
    );
  });
});
