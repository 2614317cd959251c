// Files of a real Nextcloud in a real store, as readable trees: what is in them, what is reported, and what a second run costs.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { Secret } from "../../src/kernel/secret.ts";
import { openStore } from "../../src/s3/index.ts";
import { type Ended, newUser, type User } from "../support/holdfast.ts";
import {
  type FixtureInS3,
  loadNextcloudInS3,
  type NextcloudInS3,
  nextcloudInS3Tools,
} from "../support/nextcloud-in-s3.ts";
import { Findings } from "../support/json-shapes.ts";
import { finishedRun } from "../support/run-events.ts";
import { type S3Proxy, startS3Proxy } from "../support/s3-proxy.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { readTree, type Tree, visibleSnapshots } from "../support/s3-tree.ts";
import { withoutTools } from "../support/tools.ts";

const skip = withoutTools(...nextcloudInS3Tools);

// ext4 cannot hold later times, nor can what the fixture has of year 9999.
const latestTime = 15_032_385_535;
// A path as long as some of these does not fit below any folder.
const longestPath = 4095;

interface Place extends AsyncDisposable {
  readonly nextcloud: NextcloudInS3;
  readonly proxy: S3Proxy;
  readonly user: User;
  readonly repository: string;
  configure(source: object): Promise<void>;
}

suite("files of a Nextcloud in S3", { skip }, () => {
  let s3: S3Server;

  before(async () => {
    s3 = await startS3Server();
  });

  after(async () => {
    await s3?.[Symbol.asyncDispose]();
  });

  for (const fixture of ["s3-mariadb", "s3-postgresql"] as const) {
    suite(`of ${fixture}`, () => {
      let place: Place;
      let config: string;
      let first: Ended;

      before(async () => {
        place = await newPlace(fixture, s3);
        config = await place.nextcloud.config(place.proxy.address);
        await place.configure({ config });
        await succeed(await place.user.holdfast("init", "cloud"), 0);
        first = await place.user.holdfast("run", "cloud", "--json");
      });

      after(async () => {
        await place?.[Symbol.asyncDispose]();
      });

      test("become a tree that is what their owners saw, and nothing else", async () => {
        await succeed(first, 3);
        const tree = await newestTree(place);
        const wanted = wantedFiles(place);

        assert.deepEqual(
          [...wanted.keys()].filter((path) => !tree.files.has(path)),
          [],
        );
        const unexpected = [...tree.files.keys()].filter((path) => !wanted.has(path));
        assert.deepEqual(
          unexpected.filter((path) => !mayBeThere(place, path)),
          [],
        );
        for (const [path, { size, sha1 }] of wanted) {
          const file = tree.files.get(path);
          if (sha1 !== undefined) assert.equal(file?.sha1, sha1, path);
          else if (size !== undefined) assert.equal(file?.size, size, path);
        }
        for (const path of wantedFolders(place)) assert.ok(tree.folders.has(path), path);
      });

      test("have the time that they were changed, where their content has one time", async () => {
        const tree = await newestTree(place);
        const wanted = wantedFiles(place);
        const timesOf = Map.groupBy(wanted.values(), ({ sha1 }) => sha1);
        let compared = 0;

        for (const [path, { sha1, mtime, size }] of wanted) {
          const times = new Set(timesOf.get(sha1)?.map((other) => other.mtime));
          if (mtime === undefined || mtime > latestTime || (times.size > 1 && size !== 0)) continue;
          assert.equal(tree.files.get(path)?.mtime, mtime, path);
          compared += 1;
        }

        assert.ok(compared > 100, `${compared} compared`);
      });

      test("are reported by name where something is wrong with them", () => {
        const { evidence } = finishedRun(first);
        const told = [...(evidence?.unreadable ?? []), ...(evidence?.notes ?? [])].join("\n");

        for (const { path, key } of place.nextcloud.expected.anomalies) {
          assert.ok(told.includes(path ?? JSON.stringify(key)), `${path ?? key}\n${told}`);
        }
        const encrypted = encryptedPaths(place);
        assert.equal(encrypted.length > 0, fixture === "s3-postgresql");
        for (const path of encrypted) assert.ok(told.includes(path), `${path}\n${told}`);
        assert.equal(told.includes("readme.txt"), false);
      });

      test("cost one sweep when nothing has changed", async () => {
        place.proxy.forget();

        const again = await place.user.holdfast("run", "cloud", "--json");

        await succeed(again, 3);
        const asked = place.proxy.passed.map(({ verb, path }) => (verb === "list" ? verb : path));
        assert.deepEqual(asked, ["list"]);
        assert.deepEqual(await newestTree(place), await oldestTree(place));
      });

      test("come to the same tree from a dump, without a server", async () => {
        const earlier = await newestTree(place);
        await place.configure({ config, database: { dump: place.nextcloud.dump } });
        place.proxy.forget();

        const fromDump = await place.user.holdfast("run", "cloud", "--json");

        await succeed(fromDump, 3);
        assert.equal(place.proxy.count("get"), 0);
        assert.deepEqual(await newestTree(place), earlier);
      });

      test("are examined by doctor: whether their bucket can be listed, and their database read", async () => {
        await s3.put(`${fixture}-empty`);
        const found: (readonly string[])[] = [];

        for (const more of [
          {},
          { s3: { bucket: `${fixture}-empty` } },
          { s3: { bucket: "no-such-bucket" } },
          { s3: { bucket: "no-such-bucket" }, database: { name: "no_such_database" } },
        ]) {
          await place.configure({ config, ...more });
          const { stdout } = await place.user.holdfast("doctor", "--json");
          found.push(faultsIn(stdout));
        }

        const server = fixture === "s3-mariadb" ? "MariaDB" : "PostgreSQL";
        assert.deepEqual(found, [
          [],
          ["source-empty source"],
          ["store-unusable source"],
          ["store-unusable source", `database-unusable ${server}`],
        ]);
      });

      test("get back into an empty bucket, under the keys that they had", async ({ signal }) => {
        const bucket = `${fixture}-again`;
        await s3.put(bucket);
        await place.configure({ config, s3: { bucket } });

        const restored = await place.user.holdfast("restore", "cloud", "--in-place", "--yes");
        const twice = await place.user.holdfast("restore", "cloud", "--in-place", "--yes");

        // What was missing when it was backed up is missing now.
        await succeed(restored, 3);
        assert.match(restored.stderr, /files are not in the snapshot: .*object is missing/);
        await succeed(twice, 2);
        assert.match(twice.stderr, /bucket .*-again is not empty/);
        const [was, is] = [
          await contentOf(s3, fixture, signal),
          await contentOf(s3, bucket, signal),
        ];
        const { users } = place.nextcloud.expected;
        const paths = wantedFiles(place);
        for (const [user, { files }] of Object.entries(users)) {
          for (const { fileid, path, size, sha1 } of files) {
            if (!paths.has(`${user}/files/${path}`)) continue;
            assert.equal(is.get(`urn:oid:${fileid}`), size === 0 ? emptySha1 : sha1, path);
          }
        }
        // Its row says that it is empty, and so it is now.
        const unfinished = place.nextcloud.expected.anomalies
          .filter(({ path = "" }) => path.endsWith(".part"))
          .map(({ fileid }) => `urn:oid:${fileid}`);
        assert.deepEqual(
          [...is.keys()].filter((key) => !was.has(key)),
          unfinished,
        );
      });
    });
  }
});

const emptySha1 = createHash("sha1").digest("hex");

/** The SHA-1 of every object of a bucket. */
async function contentOf(
  s3: S3Server,
  bucket: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  using store = openStore({
    bucket,
    endpoint: s3.address,
    pathStyle: true,
    credentials: { accessKey: new Secret(s3.accessKey), secretKey: new Secret(s3.secretKey) },
  });
  const hashes = new Map<string, string>();
  for await (const batch of store.list("", signal)) {
    for (let at = 0; at < batch.length; at += 16) {
      const some = batch.slice(at, at + 16).map(async ({ key }) => {
        const bytes = await buffer(await store.read({ key }, signal));
        hashes.set(key, createHash("sha1").update(bytes).digest("hex"));
      });
      await Promise.all(some);
    }
  }
  return hashes;
}

/** Codes, and what kind of thing each is about. */
function faultsIn(stdout: string): readonly string[] {
  const { findings } = Findings.parse(JSON.parse(stdout));
  return findings
    .filter(({ severity }) => severity === "error" || severity === "warning")
    .map(({ code, subject }) => `${code} ${subject.split(" ")[0]}`);
}

async function newPlace(fixture: FixtureInS3, s3: S3Server): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const nextcloud = stack.use(await loadNextcloudInS3(fixture, s3));
  const proxy = stack.use(await startS3Proxy({ target: s3.address }));
  const user = stack.use(await newUser());
  const repository = user.at("tree");
  const kept = stack.move();
  return {
    nextcloud,
    proxy,
    user,
    repository,
    async configure(source) {
      const trees = Object.keys(nextcloud.expected.users).map((name) => ({ user: name }));
      const objects = { trees, include: ["trashbin", "versions", "uploads"], ...source };
      await user.configure({
        repositories: { tree: { engine: "objects", at: repository } },
        jobs: { cloud: { sources: [{ "nextcloud-objects": objects }], repository: "tree" } },
      });
    },
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  };
}

async function succeed(ended: Ended, exitStatus: number): Promise<void> {
  assert.equal(ended.exitStatus, exitStatus, ended.stdout + ended.stderr);
}

async function newestTree({ repository }: Place): Promise<Tree> {
  return await readTree((await visibleSnapshots(repository)).at(-1) ?? "none");
}

async function oldestTree({ repository }: Place): Promise<Tree> {
  return await readTree((await visibleSnapshots(repository))[0] ?? "none");
}

interface Wanted {
  readonly size?: number | undefined;
  readonly sha1?: string | undefined;
  readonly mtime?: number | undefined;
}

/** What has to be in the tree: all that can be had, and fits. */
function wantedFiles({ nextcloud: { expected }, repository }: Place): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const [user, of] of Object.entries(expected.users)) {
    const files = [...of.files, ...of.filesThatWebDavCannotReach].map((file) => ({
      storedPath: `files/${file.path}`,
      ...file,
    }));
    const extras = [of.versions, of.trash, of.trashVersions].flat();
    for (const { storedPath, type = "file", ...about } of [...files, ...extras]) {
      const path = `${user}/${storedPath}`;
      const isTooLong =
        Buffer.byteLength(`${repository}/snapshots/${"-".repeat(40)}/${path}`) > longestPath;
      if (type === "file" && !isTooLong && !isEncrypted(path)) wanted.set(path, about);
    }
  }
  return wanted;
}

function wantedFolders({ nextcloud: { expected }, repository }: Place): readonly string[] {
  return Object.entries(expected.users).flatMap(([user, { files }]) =>
    files
      .filter(({ type }) => type === "dir")
      .map(({ path }) => `${user}/files/${path}`)
      .filter(
        (path) =>
          Buffer.byteLength(`${repository}/snapshots/${"-".repeat(40)}/${path}`) <= longestPath,
      ),
  );
}

/** What the fixture does not list: unfinished uploads, and what is damaged, in whatever state it is. */
function mayBeThere({ nextcloud: { expected }, repository }: Place, path: string): boolean {
  const isUpload = path.includes("/uploads/web-file-upload-");
  const isDamaged = expected.anomalies.some((anomaly) => path.endsWith(`/${anomaly.path}`));
  const isVersionOfDamaged = path.includes("files_versions/interrupted/overwrite.bin");
  const isLong = Buffer.byteLength(`${repository}/snapshots/${path}`) > longestPath - 60;
  return isUpload || isDamaged || isVersionOfDamaged || isLong;
}

function isEncrypted(path: string): boolean {
  // One of them was overwritten when encryption was off again.
  return /\/(files|files_versions)\/encrypted\/(?!overwritten\.txt$)/.test(path);
}

function encryptedPaths({ nextcloud: { expected } }: Place): readonly string[] {
  return Object.entries(expected.users).flatMap(([user, { files }]) =>
    files
      .filter(({ type }) => type === "file")
      .map(({ path }) => `${user}/files/${path}`)
      .filter((path) => isEncrypted(path)),
  );
}
