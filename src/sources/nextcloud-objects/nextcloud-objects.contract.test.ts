import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { localHost } from "../../hosts/local.ts";
import type { ObjectFile, PreparedObjects, StoredObject } from "../../kernel/prepared-source.ts";
import {
  copyToSqlite,
  loadNextcloudInS3,
  type NextcloudInS3,
  nextcloudInS3Tools,
} from "../../../test/support/nextcloud-in-s3.ts";
import { startS3Server, type S3Server } from "../../../test/support/s3-server.ts";
import { withoutTools } from "../../../test/support/tools.ts";
import { compareKeys } from "../../kernel/key-order.ts";
import { AnySource } from "../index.ts";

const skip = withoutTools(...nextcloudInS3Tools, "sqlite3");

suite("files of a real Nextcloud in S3", { skip }, () => {
  let s3: S3Server;

  before(async () => {
    s3 = await startS3Server();
  });

  after(async () => {
    await s3?.[Symbol.asyncDispose]();
  });

  for (const fixture of ["s3-mariadb", "s3-postgresql"] as const) {
    suite(fixture, () => {
      let nextcloud: NextcloudInS3;
      let config: string;

      before(async () => {
        nextcloud = await loadNextcloudInS3(fixture, s3);
        config = await nextcloud.config(s3.address);
      });

      after(async () => {
        await nextcloud?.[Symbol.asyncDispose]();
      });

      for (const from of ["database", "dump"] as const) {
        test(`are read from the ${from} as their owners know them`, async ({ signal }) => {
          const database = from === "dump" ? { database: { dump: nextcloud.dump } } : {};
          const trees = Object.keys(nextcloud.expected.users).map((user) => ({ user }));
          const options = { config, ...database, trees, include: everything };
          await using prepared = await prepare(options, config, signal);

          const read = await readAll(prepared, signal);

          const wanted = expectedOf(nextcloud, Object.keys(nextcloud.expected.users));
          assert.deepEqual(new Set(read.files.keys()), new Set(wanted.keys()));
          assert.deepEqual(differences(read.files, wanted), []);
          assert.deepEqual(read.keys, read.keys.toSorted(compareKeys));
          assert.deepEqual(missingFolders(nextcloud, read.folders), []);
        });
      }

      if (fixture === "s3-mariadb") {
        test("are read from SQLite just the same", async ({ signal }) => {
          await using folder = await mkdtempDisposable(join(tmpdir(), "holdfast-sqlite-"));
          const file = join(folder.path, "owncloud.db");
          await copyToSqlite(nextcloud, file);
          const trees = Object.keys(nextcloud.expected.users).map((user) => ({ user }));
          const options = { config, trees, include: everything };
          const database = { kind: "sqlite", file };
          await using other = await prepare(options, config, signal);
          await using prepared = await prepare({ ...options, database }, config, signal);

          const read = await readAll(prepared, signal);

          assert.deepEqual(read, await readAll(other, signal));
          const [some = ""] = read.keys;
          assert.deepEqual(
            await prepared.again?.(some, signal),
            [...read.files.values()].filter(({ key }) => key === some),
          );
          assert.deepEqual(prepared.evidence?.(), other.evidence?.());
        });

        test("are read from SQLite as far as trees go", async ({ signal }) => {
          await using folder = await mkdtempDisposable(join(tmpdir(), "holdfast-sqlite-"));
          const file = join(folder.path, "owncloud.db");
          await copyToSqlite(nextcloud, file);
          const options = {
            config,
            trees: [
              { user: "alice", path: "/files/a_b/", folder: "letters" },
              { user: "o'neil@example.org", path: "files" },
            ],
            "exclude-mimetypes": ["text/markdown"],
          };
          const database = { kind: "sqlite", file };
          await using other = await prepare(options, config, signal);
          await using prepared = await prepare({ ...options, database }, config, signal);

          const read = await readAll(prepared, signal);

          assert.ok(read.files.size > 1);
          assert.deepEqual(read, await readAll(other, signal));
        });
      }

      test("are read only as far as trees, types and extras go", async ({ signal }) => {
        const trees = [
          { user: "alice", path: "/files/a_b/", folder: "letters" },
          { storage: numberOf(nextcloud, "bob"), path: "files/Documents", folder: "b" },
          { user: "alice", path: "files_trashbin/versions", folder: "old" },
        ];
        await using prepared = await prepare(
          { config, trees, "exclude-mimetypes": ["text/markdown", "image/*"] },
          config,
          signal,
        );

        const { files, folders } = await readAll(prepared, signal);

        const paths = [...files.keys()];
        assert.ok(paths.includes("letters/files/a_b/inside.txt"));
        assert.ok(paths.includes("b/files/Documents/report.txt"));
        assert.ok(
          paths.some((path) => path.startsWith("old/files_trashbin/versions/versioned.txt")),
        );
        assert.ok(folders.has("letters/files/a_b"));
        assert.ok(!paths.some((path) => path.endsWith(".md")));
        assert.ok(
          paths.every((path) =>
            /^(letters\/files\/a_b|b\/files\/Documents|old\/files_trashbin\/versions)\//.test(path),
          ),
        );
      });

      test("are reported where they are not what they should be", async ({ signal }) => {
        const trees = Object.keys(nextcloud.expected.users).map((user) => ({ user }));
        await using prepared = await prepare({ config, trees }, config, signal);

        const { files, objects } = await readAll(prepared, signal);

        const told = (prepared.evidence?.().notes ?? []).join("\n");
        for (const anomaly of nextcloud.expected.anomalies) {
          if (anomaly.key !== undefined)
            assert.ok(told.includes(JSON.stringify(anomaly.key)), anomaly.key);
          else if (anomaly.path?.endsWith(".part") === true) assert.ok(told.includes(anomaly.path));
          else {
            const file = files.get(`${anomaly.user}/files/${anomaly.path}`);
            assert.equal(file?.size, anomaly.rowSize);
            assert.equal(objects.get(file?.key ?? "")?.size, anomaly.objectSize);
          }
        }
        assert.doesNotMatch(told, /urn:oid:[1-8]\d*"/);
      });

      test("have the content that they had, unless it is encrypted", async ({ signal }) => {
        await using prepared = await prepare(
          { config, trees: [{ user: "alice" }], include: everything },
          config,
          signal,
        );
        const { files, objects } = await readAll(prepared, signal);
        const damaged = new Set(
          nextcloud.expected.anomalies.map(({ path }) => `alice/files/${path}`),
        );
        const refused: string[] = [];

        for (const [path, { sha1 }] of expectedOf(nextcloud, ["alice"])) {
          const file = files.get(path);
          if (sha1 === undefined || file === undefined || file.size === 0 || damaged.has(path))
            continue;
          if (file.refused !== undefined) {
            refused.push(path);
            continue;
          }
          const etag = objects.get(file.key)?.etag;
          try {
            const bytes = await buffer(
              await prepared.read({ key: file.key, ...(etag && { etag }) }, signal),
            );
            assert.equal(createHash("sha1").update(bytes).digest("hex"), sha1, path);
          } catch (error) {
            assert.ok(
              error instanceof Error && "code" in error && error.code === "source-unreadable",
              path,
            );
            refused.push(path);
          }
        }

        const encrypted = [...files.keys()].filter((path) => path.includes("/encrypted/"));
        assert.equal(refused.length > 0, fixture === "s3-postgresql");
        assert.ok(refused.every((path) => encrypted.includes(path)));
      });

      test("are looked at again when they may have changed", async ({ signal }) => {
        await using prepared = await prepare(
          { config, trees: [{ user: "alice" }] },
          config,
          signal,
        );
        const { files } = await readAll(prepared, signal);
        const file = files.get("alice/files/readme.txt");
        assert.ok(file !== undefined);
        const number = Number(file.key.slice("urn:oid:".length));
        await nextcloud.query(`UPDATE oc_filecache SET size = 4242 WHERE fileid = ${number}`);

        const now = await prepared.again?.(file.key, signal);
        const gone = await prepared.again?.("urn:oid:999999", signal);

        await nextcloud.query(
          `UPDATE oc_filecache SET size = ${file.size} WHERE fileid = ${number}`,
        );
        assert.deepEqual(now, [{ ...file, size: 4242 }]);
        assert.deepEqual(gone, []);
      });

      test("are told to be missing when there is no such user", async ({ signal }) => {
        const trees = [{ user: "alice" }, { user: "Alice" }];
        await using some = await prepare({ config, trees }, config, signal);
        await using none = await prepare({ config, trees: trees.slice(1) }, config, signal);

        await readAll(some, signal);
        const reading = readAll(none, signal);

        assert.deepEqual(some.evidence?.().emptySources, ['tree "Alice"']);
        await assert.rejects(reading, {
          code: "source-missing",
          message: 'there is no storage of user "Alice"',
        });
      });
    });
  }
});

const everything = ["trashbin", "versions", "uploads"] as const;

async function prepare(
  options: object,
  location: string,
  signal: AbortSignal,
): Promise<PreparedObjects> {
  const source = AnySource.parse({ "nextcloud-objects": options }).open({
    host: localHost(),
    location,
    ledger: { promise: () => assert.fail("reading needs no ledger") },
    newestSnapshot: async () => await Promise.reject(new Error("there is no repository")),
    secret: async () => assert.fail("config.php says all of them"),
  });
  const prepared = await source.prepare(signal);
  assert.ok(prepared.kind === "objects");
  return prepared;
}

/** Reads both sides as an engine would. */
async function readAll(prepared: PreparedObjects, signal: AbortSignal) {
  const files = new Map<string, ObjectFile>();
  const folders = new Set<string>();
  const keys: string[] = [];
  for await (const batch of prepared.entries(signal)) {
    for (const entry of batch) {
      if (entry.kind === "folder") {
        assert.equal(keys.length, 0, "folders come first");
        folders.add(entry.path);
        continue;
      }
      assert.ok(!files.has(entry.path), entry.path);
      files.set(entry.path, entry);
      keys.push(entry.key);
    }
  }
  const objects = new Map<string, StoredObject>();
  for await (const batch of prepared.objects(signal)) {
    for (const object of batch) objects.set(object.key, object);
  }
  return { files, folders, keys, objects };
}

interface Known {
  readonly size?: number | undefined;
  readonly sha1?: string | undefined;
  readonly mtime?: number | undefined;
}

/** What the fixture says of files, by their paths in a snapshot. */
function expectedOf({ expected }: NextcloudInS3, users: readonly string[]) {
  const wanted = new Map<string, Known>();
  for (const user of users) {
    const of = expected.users[user];
    assert.ok(of !== undefined);
    const files = [...of.files, ...of.filesThatWebDavCannotReach].map((file) => ({
      storedPath: `files/${file.path}`,
      ...file,
    }));
    const extras = [of.versions, of.trash, of.trashVersions, of.unfinishedUploads].flat();
    for (const { storedPath, type = "file", ...about } of [...files, ...extras]) {
      if (type === "file") wanted.set(`${user}/${storedPath}`, about);
    }
  }
  for (const { user = "", path = "", rowSize } of expected.anomalies) {
    if (users.includes(user)) wanted.set(`${user}/files/${path}`, { size: rowSize });
  }
  // It has a version, which the fixture does not list: the file itself is left out there too.
  if (users.includes("alice") && expected.anomalies[0]?.path === "interrupted/overwrite.bin") {
    wanted.set("alice/files_versions/interrupted/overwrite.bin.v1000000101", {});
  }
  return wanted;
}

function differences(
  files: ReadonlyMap<string, ObjectFile>,
  wanted: ReadonlyMap<string, Known>,
): readonly string[] {
  return [...wanted].flatMap(([path, { size, mtime }]) => {
    const file = files.get(path);
    // Of what is encrypted, the size is that of the object, whether its row says that it is or not.
    const sameSize = size === undefined || path.includes("/encrypted/") || file?.size === size;
    const sameTime = mtime === undefined || file?.modified === mtime;
    return sameSize && sameTime ? [] : [path];
  });
}

function missingFolders({ expected }: NextcloudInS3, folders: ReadonlySet<string>) {
  return Object.entries(expected.users).flatMap(([user, { files }]) =>
    files
      .filter(({ type, path }) => type === "dir" && !folders.has(`${user}/files/${path}`))
      .map(({ path }) => path),
  );
}

/** The number of a user's storage in both fixtures. */
function numberOf({ expected }: NextcloudInS3, user: string): number {
  return Object.keys(expected.users).indexOf(user) + 3;
}
