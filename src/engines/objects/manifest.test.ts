import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { ObjectFile, StoredObject } from "../../kernel/prepared-source.ts";
import {
  contentInLine,
  entryInLine,
  fileLine,
  folderLine,
  identityOf,
  keyInLine,
  linesOf,
  ManifestWriter,
} from "./manifest.ts";

const sha1 = "a".repeat(40);
const other = "b".repeat(40);
const file: ObjectFile = {
  kind: "file",
  key: 'k"e\\y\n😀',
  path: 'a/\n"b\\',
  size: 3,
  sha1,
  modified: 7,
};
const object: StoredObject = { key: file.key, size: 3, etag: "c".repeat(32), modified: 0 };
const identity = identityOf(file, object);

suite("the line of a file", () => {
  test("says again what its source said", () => {
    const line = fileLine(identity, file, { content: sha1 }).trimEnd();

    assert.equal(keyInLine(line), file.key);
    assert.deepEqual(entryInLine(line), file);
    assert.equal(contentInLine(line, identity, sha1), sha1);
  });

  test("tells content that is not what the source said", () => {
    const line = fileLine(identity, file, { content: other });

    assert.equal(contentInLine(line, identity, sha1), other);
  });

  test("tells that content is only known by its ETag", () => {
    const { sha1: _, ...bare } = file;
    const bareIdentity = identityOf(bare, object);

    assert.equal(contentInLine(fileLine(bareIdentity, bare, {}), bareIdentity, undefined), "");
    assert.equal(
      contentInLine(fileLine(bareIdentity, bare, { content: other }), bareIdentity, undefined),
      other,
    );
  });

  test("tells nothing of content when the object is another one, or there is a hole", () => {
    const line = fileLine(identity, file, { content: sha1 });
    const hole = fileLine(identity, file, { hole: "gone" });

    assert.equal(contentInLine(line, identityOf(file, { ...object, size: 4 }), sha1), undefined);
    assert.equal(contentInLine(line, identityOf(file, { ...object, etag: "d" }), sha1), undefined);
    assert.equal(contentInLine(line, identityOf({ ...file, size: 30 }, object), sha1), undefined);
    assert.equal(contentInLine(hole, identity, sha1), undefined);
    assert.deepEqual(entryInLine(hole), { ...file, refused: "gone" });
  });
});

test("a manifest is read as it was written, and one that is cut off is noticed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-manifest-"));
  const path = join(folder, "manifest");
  try {
    await using writer = new ManifestWriter(path, "s3://bucket");
    await writer.write(folderLine("x\ny", 5));
    const written = Array.from({ length: 20_000 }, (_, index) => {
      const each = { ...file, key: `urn:oid:${index}` };
      return fileLine(identityOf(each, { ...object, key: each.key }), each, { content: sha1 });
    });
    for (const line of written) await writer.write(line);
    await writer.close();

    const read = await all(path);
    await truncate(path, (await stat(path)).size - 100);

    assert.deepEqual(read, [
      '{"holdfast":1,"store":"s3://bucket"}',
      '{"folder":"x\\ny","modified":5}',
      ...written.map((line) => line.trimEnd()),
    ]);
    await assert.rejects(all(path));
    await assert.rejects(all(`${path}.not`));
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function all(path: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const batch of linesOf(path)) lines.push(...batch);
  return lines;
}
