import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import * as sdk from "@aws-sdk/client-s3";
import { Secret } from "../kernel/secret.ts";
import { type S3Server, s3ServerTools, startS3Server } from "../../test/support/s3-server.ts";
import { type S3Proxy, startS3Proxy } from "../../test/support/s3-proxy.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { type Answer, getObject, getPlainly } from "./getting.ts";
import { openStore } from "./index.ts";
import type { StoreSettings } from "./options.ts";
import type { Store } from "./store.ts";

const skip = withoutTools(...s3ServerTools);

suite("a bucket of a real gateway", { skip }, () => {
  let server: S3Server;
  let proxy: S3Proxy;

  before(async () => {
    server = await startS3Server();
    proxy = await startS3Proxy({ target: server.address });
  });

  after(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** A bucket of its own, seen through the proxy. Waits are short: what is tested is not how long they are. */
  async function newStore(name: string, settings: Partial<StoreSettings> = {}): Promise<Store> {
    await server.put(name);
    proxy.setFault(undefined);
    proxy.forget();
    return openStore({
      bucket: name,
      endpoint: proxy.address,
      pathStyle: true,
      credentials: {
        accessKey: new Secret(server.accessKey),
        secretKey: new Secret(server.secretKey),
      },
      waitsMs: [1, 2, 4, 8],
      stallMs: 20_000,
      ...settings,
    });
  }

  test("lists keys in the order of their bytes, whatever they are made of", async ({ signal }) => {
    using store = await newStore("names");
    const keys = [
      "../up",
      "/absolute",
      "a  b",
      "a+b",
      "a%2Bb",
      "a//b",
      "ends/",
      "new\nline",
      "quote\"'<&>",
      "urn:oid:10",
      "urn:oid:9",
      "ü\uFFFD",
      "ü\u{1F600}",
    ];
    for (const key of keys) await put(store, { key, bytes: Buffer.from(key) }, signal);

    const listed = (await collected(store.list("", signal))).flat();

    assert.deepEqual(
      listed.map(({ key }) => key),
      keys.toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
    );
    for (const { key, size, etag, modified } of listed) {
      assert.equal(size, Buffer.byteLength(key));
      assert.equal(etag, createHash("md5").update(key).digest("hex"));
      assert.ok(modified > Date.parse("2020-01-01"));
    }
    assert.deepEqual(await keysOf(store, "urn:oid:", signal), ["urn:oid:10", "urn:oid:9"]);
  });

  test("is asked for an object in few steps, and answers as it answers the client", async ({
    signal,
  }) => {
    using store = await newStore("alike");
    const keys = ["../up", "/absolute", "a  b", "a+b", "a%2Bb", "a//b", "new\nline", "(ü)!*'"];
    for (const key of keys) await put(store, { key, bytes: Buffer.from(`of ${key}`) }, signal);
    const client = new sdk.S3Client({
      endpoint: proxy.address,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
      maxAttempts: 1,
    });
    const refused = [{ key: "none" }, { key: "a+b", etag: "0".repeat(32) }] as const;
    const parts = [
      { key: "a+b", range: [1, 2] as const },
      { key: "a+b", range: [90, 91] as const },
    ];

    for (const asked of [...keys.map((key) => ({ key })), ...refused, ...parts]) {
      for (const bucket of ["alike", "no-such-bucket"]) {
        const [plainly, asClient] = [
          await said(getPlainly(client, { ...asked, bucket }, signal)),
          await said(getObject({ sdk, client }, { ...asked, bucket }, signal)),
        ];
        assert.partialDeepStrictEqual(asClient, plainly);
      }
    }
    client.destroy();
  });

  test("is swept in pages, each asked for once", async ({ signal }) => {
    using store = await newStore("many");
    const numbers = Array.from({ length: 1203 }, (_, index) => index);
    for (let at = 0; at < numbers.length; at += 32) {
      const some = numbers.slice(at, at + 32);
      await Promise.all(
        some.map(async (number) => await server.put(`many/k${number}`, Buffer.from("x"))),
      );
    }
    proxy.forget();

    const keys = await keysOf(store, "k", signal);

    assert.equal(new Set(keys).size, numbers.length);
    assert.equal(proxy.count("list"), 2);
    assert.equal(proxy.passed.length, 2);
  });

  test("gives an object, a part of it, and says when it is another one by now", async ({
    signal,
  }) => {
    using store = await newStore("read");
    await put(store, { key: "one", bytes: Buffer.from("hello world") }, signal);
    const [[object] = []] = await collected(store.list("", signal));

    const whole = await buffer(await store.read({ key: "one" }, signal));
    const part = await buffer(
      await store.read(
        { key: "one", range: [6, 10], ...(object && { etag: object.etag }) },
        signal,
      ),
    );

    assert.equal(whole.toString(), "hello world");
    assert.equal(part.toString(), "world");
    await assert.rejects(
      store.read({ key: "one", etag: "5d41402abc4b2a76b9719d911017c592" }, signal),
      { code: "object-changed", message: /"one" of bucket "read"/ },
    );
    await assert.rejects(store.read({ key: "two" }, signal), {
      code: "object-missing",
      message: /"two" of bucket "read"/,
    });
  });

  test("is never told to replace what it has", async ({ signal }) => {
    using store = await newStore("put");

    const first = await put(store, { key: "key", bytes: Buffer.from("first") }, signal);
    const second = await put(store, { key: "key", bytes: Buffer.from("second") }, signal);

    assert.deepEqual([first, second], [true, false]);
    assert.equal((await buffer(await store.read({ key: "key" }, signal))).toString(), "first");
  });

  test("gets large objects in parts, through a line that breaks", async ({ signal }) => {
    using store = await newStore("parts");
    const bytes = randomBytes(40 * 1024 * 1024);
    let refusals = 2;
    proxy.setFault(({ verb, path }) =>
      verb === "put" && path.includes("partNumber=2") && refusals-- > 0
        ? { kind: "status", status: 503, code: "SlowDown" }
        : undefined,
    );

    const isNew = await put(store, { key: "large", bytes }, signal);

    const back = await buffer(await store.read({ key: "large" }, signal));
    assert.equal(isNew, true);
    assert.ok(back.equals(bytes));
    assert.match((await collected(store.list("", signal))).flat()[0]?.etag ?? "", /-3$/);
  });

  test("is read to the last byte over lines that break, fall silent or are refused", async ({
    signal,
  }) => {
    using store = await newStore("faults", { stallMs: 500 });
    const bytes = randomBytes(3_000_000);
    await put(store, { key: "object", bytes }, signal);
    const faults = [
      { kind: "status", status: 429, code: "TooManyRequests" },
      { kind: "cut", after: 1_000_000 },
      { kind: "status", status: 503, code: "SlowDown" },
      { kind: "stall", after: 10 },
      { kind: "cut", after: 0 },
      { kind: "stall", after: 500_000 },
      { kind: "status", status: 500, code: "InternalError" },
    ] as const;
    const left = [...faults];
    proxy.setFault(({ verb }) => (verb === "get" ? left.shift() : undefined));

    const back = await buffer(await store.read({ key: "object" }, signal));

    assert.ok(back.equals(bytes));
    assert.deepEqual(left, []);
  });

  test("is swept again where a page was cut off, wherever that was", async ({ signal }) => {
    using store = await newStore("pages");
    for (const key of ["a", "b", "c"]) await put(store, { key, bytes: Buffer.from(key) }, signal);
    const cuts = [0, 30, 200, 400];
    proxy.setFault(({ verb }) => {
      const bytes = verb === "list" ? cuts.shift() : undefined;
      return bytes === undefined ? undefined : { kind: "shorten", after: bytes };
    });

    const keys = await keysOf(store, "", signal);

    assert.deepEqual(keys, ["a", "b", "c"]);
    assert.deepEqual(cuts, []);
  });

  test("fails with one sentence when nothing helps", async ({ signal }) => {
    using store = await newStore("down");
    proxy.setFault(() => ({ kind: "status", status: 503, code: "SlowDown" }));

    const listing = collected(store.list("", signal));

    await assert.rejects(listing, {
      code: "store-unusable",
      message:
        /^bucket "down" at http:\/\/127\.0\.0\.1:\d+ cannot be used: SlowDown.*\(HTTP 503\)$/,
    });
    assert.equal(proxy.passed.length, 5);
  });

  test("says what is wrong with keys and names, and does not ask twice", async ({ signal }) => {
    using missing = openStore({
      bucket: "no-such-bucket",
      endpoint: proxy.address,
      pathStyle: true,
      credentials: {
        accessKey: new Secret(server.accessKey),
        secretKey: new Secret(server.secretKey),
      },
    });
    using wrong = await newStore("keys", {
      credentials: {
        accessKey: new Secret(server.accessKey),
        secretKey: new Secret("another-secret-canary"),
      },
    });

    const noBucket = async () => await collected(missing.list("", signal));
    const badKey = async () => await collected(wrong.list("", signal));

    await assert.rejects(noBucket, { code: "store-unusable", hint: /create the bucket/ });
    await assert.rejects(badKey, {
      code: "store-unusable",
      message: /SignatureDoesNotMatch/,
      hint: "correct secret-key",
    });
    assert.equal(proxy.passed.length, 2);
  });

  test("stops when it is told to, also while it reads or waits", async (t) => {
    using store = await newStore("abort");
    await put(store, { key: "object", bytes: randomBytes(1_000_000) }, t.signal);
    proxy.setFault(() => ({ kind: "stall", after: 10 }));
    const stop = new AbortController();
    const content = await store.read({ key: "object" }, stop.signal);
    const reading = buffer(content);

    stop.abort();

    await assert.rejects(reading, { code: "interrupted" });
    await assert.rejects(store.read({ key: "object" }, stop.signal), { code: "interrupted" });
  });
});

test("an address where nobody answers is named", async ({ signal }) => {
  using store = openStore({
    bucket: "b",
    endpoint: "http://127.0.0.1:9",
    pathStyle: true,
    credentials: { accessKey: new Secret("AK"), secretKey: new Secret("not-a-real-secret") },
    waitsMs: [1],
  });

  const listing = collected(store.list("", signal));

  await assert.rejects(listing, {
    code: "store-unusable",
    message: /bucket "b" at http:\/\/127\.0\.0\.1:9 cannot be reached: ECONNREFUSED/,
  });
});

async function put(
  store: Store,
  { key, bytes }: { readonly key: string; readonly bytes: Uint8Array },
  signal: AbortSignal,
): Promise<boolean> {
  return await store.put(
    { key, size: bytes.length, content: () => Readable.from([bytes]) },
    signal,
  );
}

async function keysOf(store: Store, prefix: string, signal: AbortSignal) {
  const batches = await collected(store.list(prefix, signal));
  return batches.flat().map(({ key }) => key);
}

async function collected<Item>(batches: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

/** What came of asking for an object. */
async function said(asking: Promise<Answer>): Promise<unknown> {
  try {
    const { body, length, etag } = await asking;
    return { length, etag, text: (await buffer(body)).toString() };
  } catch (error) {
    assert.ok(error instanceof Error);
    const { name, message } = error;
    return { name, message, $metadata: "$metadata" in error && error.$metadata };
  }
}
