// Whatever happens to the line to a store, or to the program: runs end, go on where they were, and every tree that can be seen is whole.
// HOLDFAST_LINES: how many troubles at random places (default 8). HOLDFAST_KILLS: how many kills (default 10, of which a few here).
// HOLDFAST_SEED: the seed of an earlier run.
import assert from "node:assert/strict";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ended, newUser, type User } from "../support/holdfast.ts";
import {
  loadNextcloudInS3,
  type NextcloudInS3,
  nextcloudInS3Tools,
} from "../support/nextcloud-in-s3.ts";
import { type S3Fault, type S3Proxy, startS3Proxy } from "../support/s3-proxy.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { readTree, type Tree, visibleSnapshots } from "../support/s3-tree.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { withoutTools } from "../support/tools.ts";

const skip = withoutTools(...nextcloudInS3Tools);
const troubles = Number(process.env["HOLDFAST_LINES"] ?? 8);
const kills = Math.ceil(Number(process.env["HOLDFAST_KILLS"] ?? 10) / 3);
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
// Far beyond any run, and yet an end.
const longestRunMs = 240_000;

const kinds = [
  "cut line",
  "silent line",
  "429",
  "503",
  "500",
  "cut body",
  "shortened body",
] as const;

suite("files of a Nextcloud in S3", { skip }, () => {
  let s3: S3Server;
  let nextcloud: NextcloudInS3;
  let proxy: S3Proxy;
  let line: TcpProxy;
  let user: User;
  let whole: Tree;
  let bytes: number;
  let requests: number;

  before(async () => {
    s3 = await startS3Server();
    nextcloud = await loadNextcloudInS3("s3-mariadb", s3);
    proxy = await startS3Proxy({ target: s3.address });
    line = await startTcpProxy(Number(new URL(s3.address).port));
    user = await newUser();
    await run(`http://127.0.0.1:${line.port}`);
    bytes = line.bytes;
    await rm(user.at("tree"), { recursive: true });
    await run(proxy.address);
    requests = proxy.passed.length;
    whole = await onlyTree();
  });

  after(async () => {
    for (const each of [user, line, proxy, nextcloud, s3]) await each?.[Symbol.asyncDispose]();
  });

  async function configure(endpoint: string): Promise<void> {
    const config = await nextcloud.config(s3.address);
    const trees = [{ user: "bob", path: "files" }];
    const source = { config, trees, s3: { endpoint, timeout: "4s" } };
    await user.configure({
      repositories: { tree: { engine: "objects", at: user.at("tree") } },
      jobs: { cloud: { sources: [{ "nextcloud-objects": source }], repository: "tree" } },
    });
    const { exitStatus, stderr } = await user.holdfast("init", "cloud");
    assert.equal(exitStatus, 0, stderr);
  }

  async function run(endpoint: string): Promise<Ended> {
    await configure(endpoint);
    const { ended, child } = user.start(["run", "cloud"]);
    const timer = setTimeout(() => child.kill("SIGKILL"), longestRunMs);
    const result = await ended;
    clearTimeout(timer);
    assert.notEqual(result.exitStatus, null, `it ran for more than ${longestRunMs} ms`);
    return result;
  }

  async function onlyTree(): Promise<Tree> {
    const [one = "none", ...others] = await visibleSnapshots(user.at("tree"));
    assert.deepEqual(others, []);
    return await readTree(one);
  }

  /** The address through which something will happen. */
  function trouble(kind: (typeof kinds)[number], random: () => number): string {
    const at = Math.floor(random() * bytes);
    proxy.setFault(undefined);
    if (kind === "cut line" || kind === "silent line") {
      line.plan({ kind: kind === "cut line" ? "cut" : "stall", after: at });
      return `http://127.0.0.1:${line.port}`;
    }
    const first = proxy.passed.length + Math.floor(random() * requests);
    const how = faultOf(kind, Math.floor(random() * 2000));
    let left = 3;
    proxy.setFault(({ index }) => (index >= first && left-- > 0 ? how : undefined));
    return proxy.address;
  }

  test(`come whole over ${troubles} lines with trouble, seed ${seed}`, async (t) => {
    const random = randomNumbers(seed);
    let failures = 0;
    for (let round = 0; round < troubles; round += 1) {
      const kind = kinds[round % kinds.length] ?? "cut line";
      await t.test(kind, async () => {
        await rm(user.at("tree"), { recursive: true, force: true });

        const ended = await run(trouble(kind, random));
        const isDone = ended.exitStatus === 0 || ended.exitStatus === 3;
        if (!isDone) failures += 1;
        proxy.setFault(undefined);
        if (!isDone) assert.deepEqual(await visibleSnapshots(user.at("tree")), []);
        const again = isDone ? ended : await run(s3.address);

        assert.ok(again.exitStatus === 0 || again.exitStatus === 3, again.stdout + again.stderr);
        assertSameTree(await onlyTree(), whole, ended);
      });
    }
    t.diagnostic(`${failures} runs failed and were made up for`);
  });

  test(`are all there or not to be seen when the program is killed ${kills} times, seed ${seed}`, async (t) => {
    const random = randomNumbers(seed);
    await using slow = await startS3Proxy({ target: s3.address, latencyMs: 10 });
    await rm(user.at("tree"), { recursive: true, force: true });
    for (let round = 0; round < kills; round += 1) {
      await configure(slow.address);
      const { child, ended } = user.start(["run", "cloud"]);
      const began = slow.passed.length;
      const moment = Math.floor(random() * requests);
      while (slow.passed.length - began < moment && child.exitCode === null) await sleep(5);
      if (child.exitCode === null) child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      const killed = await ended;
      t.diagnostic(`killed after ${moment} requests`);

      for (const snapshot of await visibleSnapshots(user.at("tree"))) {
        assertSameTree(await readTree(snapshot), whole, killed);
      }
    }

    const last = await run(s3.address);

    assert.ok(last.exitStatus === 0 || last.exitStatus === 3, last.stdout + last.stderr);
    const snapshots = await visibleSnapshots(user.at("tree"));
    assertSameTree(await readTree(snapshots.at(-1) ?? "none"), whole, last);
  });
});

function faultOf(kind: (typeof kinds)[number], bytes: number): S3Fault {
  switch (kind) {
    case "429":
      return { kind: "status", status: 429, code: "TooManyRequests" };
    case "503":
      return { kind: "status", status: 503, code: "SlowDown" };
    case "500":
      return { kind: "status", status: 500, code: "InternalError" };
    case "shortened body":
      return { kind: "shorten", after: bytes };
    case "cut body":
    case "cut line":
      return { kind: "cut", after: bytes };
    case "silent line":
      return { kind: "stall", after: bytes };
  }
}

function assertSameTree(found: Tree, whole: Tree, { stdout, stderr }: Ended): void {
  const said = stdout + stderr;
  assert.deepEqual([...found.files.keys()].toSorted(), [...whole.files.keys()].toSorted(), said);
  for (const [path, { size, sha1 }] of whole.files) {
    const file = found.files.get(path);
    assert.deepEqual([file?.size, file?.sha1], [size, sha1], `${path}\n${said}`);
  }
  assert.deepEqual(found.folders, whole.folders, said);
}

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
function randomNumbers(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
