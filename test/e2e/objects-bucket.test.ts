// A plain bucket as a source: keys become paths, hostile ones lead nowhere and are named, and a bucket that was lost is filled again.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { Secret } from "../../src/kernel/secret.ts";
import { openStore } from "../../src/s3/index.ts";
import type { Store } from "../../src/s3/store.ts";
import { type Ended, newUser, type User } from "../support/holdfast.ts";
import { Findings } from "../support/json-shapes.ts";
import { finishedRun } from "../support/run-events.ts";
import { clientOf } from "../support/nextcloud-in-s3.ts";
import { type S3Proxy, startS3Proxy } from "../support/s3-proxy.ts";
import { type S3Server, s3ServerTools, startS3Server } from "../support/s3-server.ts";
import { readTree, visibleSnapshots } from "../support/s3-tree.ts";
import { withoutTools } from "../support/tools.ts";

const skip = withoutTools(...s3ServerTools);
const tooLong = `${"n".repeat(300)}.txt`;

/** What becomes files, with what is in them. */
const good: Readonly<Record<string, string>> = {
  "plain.txt": "plain",
  "folder/inner.txt": "inner",
  "folder/again.txt": "inner",
  empty: "",
  "-leading dash": "dash",
  "new\nline": "line",
  "quote'\"<&>%2B+": "quotes",
  "üml\u{1F600}": "not ASCII",
  "Case.txt": "upper",
  "case.txt": "lower",
  ".holdfast-new-x/y": "looks like ours",
  both: "a file, and a folder of the same name",
  "...": "three dots are a name",
};
/** What stands for folders, as consoles make them. */
const folders = ["folder/", "empty folder/"];
/** What can be no file. */
const hostile = [
  "..",
  "../up",
  "../../../../etc/holdfast-was-here",
  "folder/../../up",
  "/absolute",
  "a//b",
  "dot/./file",
  "not an empty folder/",
  // The file came first, in the order of keys.
  "both/inside",
  tooLong,
];

suite("a plain bucket", { skip }, () => {
  let s3: S3Server;
  let proxy: S3Proxy;
  let user: User;

  before(async () => {
    s3 = await startS3Server();
    proxy = await startS3Proxy({ target: s3.address });
    user = await newUser();
    await user.write("secret", s3.secretKey);
  });

  after(async () => {
    for (const each of [user, proxy, s3]) await each?.[Symbol.asyncDispose]();
  });

  function storeOf(bucket: string): Store {
    return openStore({
      bucket,
      endpoint: s3.address,
      pathStyle: true,
      credentials: { accessKey: new Secret(s3.accessKey), secretKey: new Secret(s3.secretKey) },
    });
  }

  async function fill(bucket: string, signal: AbortSignal): Promise<void> {
    await s3.put(bucket);
    using store = storeOf(bucket);
    const put = async (key: string, content: string): Promise<void> => {
      const bytes = Buffer.from(content);
      const object = { key, size: bytes.length, content: () => Readable.from([bytes]) };
      assert.ok(await store.put(object, signal), key);
    };
    for (const [key, content] of Object.entries(good)) await put(key, content);
    for (const key of folders) await put(key, "");
    for (const key of hostile) await put(key, "hostile");
  }

  async function configure(bucket: string, more: object = {}, job = "photos"): Promise<void> {
    const source = {
      bucket,
      endpoint: proxy.address,
      "access-key": { file: await user.write("access", s3.accessKey) },
      "secret-key": { file: user.at("secret") },
      ...more,
    };
    await user.configure({
      repositories: { tree: { engine: "objects", at: user.at(`trees/${bucket}`) } },
      jobs: { [job]: { sources: [{ s3: source }], repository: "tree" } },
    });
  }

  async function expect(exitStatus: number, ...words: readonly string[]): Promise<Ended> {
    const ended = await user.holdfast(...words);
    assert.equal(ended.exitStatus, exitStatus, ended.stdout + ended.stderr);
    return ended;
  }

  test("is a tree of its keys, and each that is no path is named and leads nowhere", async ({
    signal,
  }) => {
    await fill("hostile", signal);
    await configure("hostile");
    await expect(0, "init");
    await expect(0, "doctor");

    const first = await expect(3, "run", "--json");
    proxy.forget();
    const again = await expect(3, "run", "--json");

    const asked = proxy.passed.map(({ verb }) => verb);
    assert.deepEqual(asked, ["list"]);
    const at = user.at("trees/hostile");
    const snapshots = await visibleSnapshots(at);
    assert.equal(snapshots.length, 2);
    for (const snapshot of snapshots) {
      const tree = await readTree(snapshot);
      assert.deepEqual([...tree.files.keys()].toSorted(), Object.keys(good).toSorted());
      assert.deepEqual(
        [...tree.folders].toSorted(),
        [".holdfast-new-x", "empty folder", "folder"].toSorted(),
      );
    }
    for (const ended of [first, again]) {
      const { unreadable = [] } = finishedRun(ended).evidence ?? {};
      for (const key of hostile) {
        assert.ok(
          unreadable.some((line) => line.startsWith(`${key}: `)),
          `${key}\n${unreadable.join("\n")}`,
        );
      }
      assert.equal(unreadable.length, hostile.length, unreadable.join("\n"));
    }
    const some = ["folder/inner.txt", "new\nline", "-leading dash"];
    await expect(0, "restore", "photos", "--target", user.at("some"), "--", ...some);
    const { files } = await readTree(user.at("some"));
    assert.deepEqual([...files.keys()].toSorted(), some.toSorted());
    assert.deepEqual((await readdir(dirname(at))).toSorted(), ["hostile"]);
    assert.deepEqual((await readdir(at)).toSorted(), [".data", "snapshots"]);
  });

  test("gets back what it had, and keeps what it has", async ({ signal }) => {
    await s3.put("emptied");
    await user.configure({
      repositories: { tree: { engine: "objects", at: user.at("trees/hostile") } },
      jobs: {
        photos: {
          sources: [
            {
              s3: {
                bucket: "emptied",
                endpoint: s3.address,
                "access-key": { file: user.at("access") },
                "secret-key": { file: user.at("secret") },
              },
            },
          ],
          repository: "tree",
        },
      },
    });

    const planned = await expect(0, "restore", "photos", "--in-place", "--dry-run");
    await expect(3, "restore", "photos", "--in-place", "--yes");
    const refused = await expect(2, "restore", "photos", "--in-place", "--yes");
    await expect(3, "restore", "photos", "--in-place", "--yes", "--force");

    assert.match(planned.stdout + planned.stderr, /under the key that it had/);
    assert.doesNotMatch(planned.stdout + planned.stderr, /database|Nextcloud/);
    assert.match(refused.stderr, /bucket emptied is not empty/);
    using store = storeOf("emptied");
    const found: Record<string, string> = {};
    for await (const batch of store.list("", signal)) {
      for (const { key } of batch) {
        found[key] = (await buffer(await store.read({ key }, signal))).toString();
      }
    }
    assert.deepEqual(found, good);
  });

  test("below a prefix is all that is looked at", async ({ signal }) => {
    await fill("part", signal);
    await configure("part", { prefix: "folder/" });
    await expect(0, "init");

    const ended = await expect(3, "run", "--json");

    const [snapshot = ""] = await visibleSnapshots(user.at("trees/part"));
    const { files } = await readTree(snapshot);
    assert.deepEqual([...files.keys()].toSorted(), ["folder/again.txt", "folder/inner.txt"]);
    const { unreadable } = finishedRun(ended).evidence ?? {};
    assert.equal(unreadable?.length, 1, unreadable?.join("\n"));
  });

  test("gives a large object in parts, and the next run asks for those that did not come", async ({
    signal,
  }) => {
    await s3.put("large");
    const bytes = randomBytes(70 * 1024 ** 2);
    using store = storeOf("large");
    await store.put(
      { key: "film", size: bytes.length, content: () => Readable.from([bytes]) },
      signal,
    );
    await configure("large", {}, "films");
    await expect(0, "init");
    proxy.forget();
    let parts = 0;
    proxy.setFault(({ verb }) => {
      if (verb === "get") parts += 1;
      return parts > 3 ? { kind: "status", status: 403, code: "AccessDenied" } : undefined;
    });

    const first = await expect(3, "run", "--json");
    proxy.setFault(undefined);
    proxy.forget();
    await expect(0, "run");

    assert.match(finishedRun(first).evidence?.unreadable?.join() ?? "", /^film: .*AccessDenied/);
    assert.equal(proxy.count("get"), 2);
    const [, newest = ""] = await visibleSnapshots(user.at("trees/large"));
    const { files } = await readTree(newest);
    assert.equal(files.get("film")?.sha1, createHash("sha1").update(bytes).digest("hex"));
  });

  test("that has become empty makes a suspicious run, and what was in it is kept", async ({
    signal,
  }) => {
    await fill("drained", signal);
    await configure("drained");
    await expect(0, "init");
    await expect(3, "run");
    const client = clientOf(s3);
    using store = storeOf("drained");
    for await (const batch of store.list("", signal)) {
      for (const { key: Key } of batch) {
        await client.send(new DeleteObjectCommand({ Bucket: "drained", Key }));
      }
    }
    client.destroy();

    const ended = await expect(3, "run", "--json");

    const { suspicious } = finishedRun(ended);
    assert.ok(suspicious.length > 0, ended.stdout);
    const [first = ""] = await visibleSnapshots(user.at("trees/drained"));
    const { files } = await readTree(first);
    assert.equal(files.size, Object.keys(good).length);
    const { stdout } = await user.holdfast("doctor", "--json");
    const codes = Findings.parse(JSON.parse(stdout)).findings.map(({ code }) => code);
    assert.ok(codes.includes("source-empty") && codes.includes("retention-frozen"), codes.join());
  });

  test("is examined by doctor: whether it answers, lets itself be listed, and holds anything", async () => {
    await s3.put("nothing");
    const findings = async (bucket: string, more: object = {}): Promise<string> => {
      await configure(bucket, more);
      const { stdout } = await user.holdfast("doctor", "--json");
      const all = Findings.parse(JSON.parse(stdout)).findings;
      return all
        .filter(({ subject, severity }) => subject.startsWith("source ") && severity !== "ok")
        .map(({ code, severity, message, hint }) => `${severity} ${code}: ${message} (${hint})`)
        .join("\n");
    };
    const wrong = { file: await user.write("wrong", "not the secret key") };

    const empty = await findings("nothing");
    const missing = await findings("no-such-bucket");
    const locked = await findings("nothing", { "secret-key": wrong });
    const gone = await findings("nothing", { endpoint: "http://127.0.0.1:1" });

    assert.match(empty, /^warning source-empty: bucket "nothing" holds nothing/);
    assert.match(missing, /^error store-unusable: .*NoSuchBucket.*\(create the bucket/);
    assert.match(locked, /^error store-unusable: .*SignatureDoesNotMatch.*\(correct secret-key\)/);
    assert.match(gone, /^error store-unusable: .*cannot be reached/);
  });
});
