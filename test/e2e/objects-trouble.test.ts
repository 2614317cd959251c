// Whatever happens to the line to a store, or to the program: runs end, go on where they were, and every tree that can be seen is whole.
// HOLDFAST_LINES: how many troubles at random places (default 8). HOLDFAST_KILLS: how many kills (default 4).
// HOLDFAST_SEED: the seed of an earlier run.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Ended, newUser, type User } from "../support/holdfast.ts";
import {
  loadNextcloudInS3,
  type NextcloudInS3,
  nextcloudInS3Tools,
} from "../support/nextcloud-in-s3.ts";
import { randomNumbers } from "../support/random.ts";
import { type S3Fault, startS3Proxy } from "../support/s3-proxy.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { readTree, type Tree, visibleSnapshots } from "../support/s3-tree.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { withoutTools } from "../support/tools.ts";

const skip = withoutTools(...nextcloudInS3Tools);
const troubles = Number(process.env["HOLDFAST_LINES"] ?? 8);
const kills = Number(process.env["HOLDFAST_KILLS"] ?? 4);
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
// Far beyond any run, and yet an end.
const longestRunMs = 240_000;
// So that what comes is put into the store while more is to come.
const latencyMs = 100;
// As many as are under way at once: what of them has come is not yet in the store.
const underWay = 16;

const kinds = [
  "cut line",
  "silent line",
  "429",
  "503",
  "500",
  "cut body",
  "shortened body",
  "throttled",
] as const;

suite("files of a Nextcloud in S3", { skip, concurrency: 2 }, () => {
  let s3: S3Server;
  let nextcloud: NextcloudInS3;
  let whole: Tree;
  /** What it takes to have all. */
  let bytes: number;
  let requests: number;
  let fetches: number;

  before(async () => {
    s3 = await startS3Server();
    nextcloud = await loadNextcloudInS3("s3-mariadb", s3);
    await using proxy = await startS3Proxy({ target: s3.address });
    await using line = await startTcpProxy(Number(new URL(s3.address).port));
    await using first = await newUser();
    assertDone(await run(first, `http://127.0.0.1:${line.port}`));
    bytes = line.bytes;
    await using second = await newUser();
    assertDone(await run(second, proxy.address));
    requests = proxy.passed.length;
    fetches = proxy.count("get");
    whole = await onlyTree(second);
  });

  after(async () => {
    for (const each of [nextcloud, s3]) await each?.[Symbol.asyncDispose]();
  });

  async function configure(user: User, endpoint: string, at = user.at("tree")): Promise<void> {
    const config = await nextcloud.config(s3.address);
    const trees = [{ user: "bob", path: "files" }];
    const source = { config, trees, s3: { endpoint, timeout: "4s" } };
    await user.configure({
      repositories: { tree: { engine: "objects", at } },
      jobs: { cloud: { sources: [{ "nextcloud-objects": source }], repository: "tree" } },
    });
    const { exitStatus, stderr } = await user.holdfast("init", "cloud");
    assert.equal(exitStatus, 0, stderr);
  }

  async function run(user: User, endpoint: string): Promise<Ended> {
    await configure(user, endpoint);
    const { ended, child } = user.start(["run", "cloud"]);
    const timer = setTimeout(() => child.kill("SIGKILL"), longestRunMs);
    const result = await ended;
    clearTimeout(timer);
    assert.notEqual(result.exitStatus, null, `it ran for more than ${longestRunMs} ms`);
    return result;
  }

  /** Runs to the end, and fetches nothing that an earlier run has put into the store. */
  async function runTheRest(user: User): Promise<number> {
    await using counting = await startS3Proxy({ target: s3.address });
    const { length: had } = await contentsIn(user.at("tree"));
    const last = await run(user, counting.address);
    assertDone(last);
    const fetched = counting.count("get");
    assert.ok(fetched <= fetches - had + underWay, `${fetched} of ${fetches} fetched, had ${had}`);
    const snapshots = await visibleSnapshots(user.at("tree"));
    assertSameTree(await readTree(snapshots.at(-1) ?? "none"), whole, last);
    return had;
  }

  test(`come whole over ${troubles} lines with trouble, seed ${seed}`, async (t) => {
    const random = randomNumbers(seed);
    await using proxy = await startS3Proxy({ target: s3.address });
    await using line = await startTcpProxy(Number(new URL(s3.address).port));
    let failures = 0;
    let longestMs = 0;
    for (let round = 0; round < troubles; round += 1) {
      const kind = kinds[round % kinds.length] ?? "cut line";
      await t.test(kind, async () => {
        await using user = await newUser();
        const [at, which, within] = [random(), random(), random()];
        let happened = 0;
        let endpoint = proxy.address;
        if (kind === "cut line" || kind === "silent line") {
          happened -= line.happened;
          // Dates are not always of one length: the last bytes may never come.
          const lastAt = Math.floor(at * bytes * 0.95);
          line.plan({ kind: kind === "cut line" ? "cut" : "stall", after: lastAt });
          endpoint = `http://127.0.0.1:${line.port}`;
        } else {
          const first = proxy.passed.length + Math.floor(which * requests);
          const how = faultOf(kind, Math.floor(within * 2000));
          const isHit = (index: number): boolean =>
            kind === "throttled" ? random() < 0.3 : index >= first && happened < 3;
          proxy.setFault(({ index }) => {
            if (!isHit(index)) return undefined;
            happened += 1;
            return how;
          });
        }

        const began = Date.now();
        const ended = await run(user, endpoint);
        longestMs = Math.max(longestMs, Date.now() - began);
        proxy.setFault(undefined);
        if (kind === "cut line" || kind === "silent line") happened += line.happened;

        assert.ok(happened > 0, "nothing happened to it");
        if (isDone(ended)) {
          assertSameTree(await onlyTree(user), whole, ended);
          return;
        }
        failures += 1;
        assert.deepEqual(await visibleSnapshots(user.at("tree")), []);
        await runTheRest(user);
      });
    }
    t.diagnostic(`${failures} runs failed and were made up for; the longest took ${longestMs} ms`);
  });

  test("come whole when a store has gone away and is there again", async (t) => {
    await using user = await newUser();
    const store = await startS3Proxy({ target: s3.address, latencyMs });
    const running = run(user, store.address);
    while (store.count("get") < fetches * 0.7) await sleep(5);
    await store[Symbol.asyncDispose]();
    const gone = Date.now();

    const { exitStatus, stdout, stderr } = await running;

    const tookMs = Date.now() - gone;
    assert.equal(exitStatus, 1, stdout + stderr);
    assert.match(stdout + stderr, /bucket .* cannot be reached/);
    assert.deepEqual(await visibleSnapshots(user.at("tree")), []);
    const had = await runTheRest(user);
    assert.ok(had > 0, "nothing had come before");
    t.diagnostic(`it ended ${tookMs} ms after; ${had} of ${fetches} had come`);
  });

  test("lose nothing to somebody else who prunes while they are backed up", async (t) => {
    await using user = await newUser();
    await using other = await newUser();
    await using slow = await startS3Proxy({ target: s3.address, latencyMs });
    assertDone(await run(user, s3.address));
    await configure(other, s3.address, user.at("tree"));
    const counts: number[] = [];
    for (const share of [0, 0.5]) {
      await removeSnapshots(user.at("tree"));
      // Some of it has to be fetched again, so that it takes a while; the rest lies there and belongs to nothing.
      const contents = await contentsIn(user.at("tree"));
      for (const each of contents.filter((_, index) => index % 2 === 1)) await rm(each);
      await rm(user.at("tree/.data/etag"), { recursive: true });
      const began = slow.count("get");
      let prunes = 0;

      const running = run(user, slow.address);
      while (slow.count("get") - began < (contents.length / 2) * share) await sleep(5);
      const over = new AbortController();
      void running.finally(() => over.abort());
      while (!over.signal.aborted) {
        const pruned = await other.holdfast("prune", "cloud");
        assert.ok([0, 11].includes(pruned.exitStatus ?? -1), pruned.stdout + pruned.stderr);
        prunes += 1;
      }

      const ended = await running;
      assertDone(ended);
      assertSameTree(await onlyTree(user), whole, ended);
      const checked = await other.holdfast("check", "cloud", "--read-data=100%");
      assert.equal(checked.exitStatus, 0, checked.stdout + checked.stderr);
      counts.push(prunes);
    }
    t.diagnostic(`pruned ${counts.join(" and ")} times`);
  });

  test(`are all there or not to be seen when the program is killed ${kills} times, seed ${seed}`, async (t) => {
    const random = randomNumbers(seed);
    await using user = await newUser();
    await using slow = await startS3Proxy({ target: s3.address, latencyMs });
    const moments: number[] = [];
    for (let round = 0; round < kills; round += 1) {
      await configure(user, slow.address);
      const { child, ended } = user.start(["run", "cloud"]);
      const began = slow.passed.length;
      const moment = Math.floor(random() * requests);
      while (slow.passed.length - began < moment && child.exitCode === null) await sleep(5);
      if (child.exitCode === null) child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      const killed = await ended;
      moments.push(moment);

      for (const snapshot of await visibleSnapshots(user.at("tree"))) {
        assertSameTree(await readTree(snapshot), whole, killed);
        // The next one begins with nothing again.
        await rm(user.at("tree"), { recursive: true });
      }
    }

    const had = await runTheRest(user);

    t.diagnostic(`killed after ${moments.join(", ")} requests; had ${had} of ${fetches} at last`);
  });
});

/** Removes every snapshot that can be seen, as people do by hand: what they shared stays in the store. */
async function removeSnapshots(repository: string): Promise<void> {
  for (const snapshot of await visibleSnapshots(repository)) {
    await rm(snapshot, { recursive: true });
  }
}

async function onlyTree(user: User): Promise<Tree> {
  const [one = "none", ...others] = await visibleSnapshots(user.at("tree"));
  assert.deepEqual(others, []);
  return await readTree(one);
}

/** The contents in the store of a repository. */
async function contentsIn(repository: string): Promise<readonly string[]> {
  const folder = join(repository, ".data", "sha1");
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

function isDone({ exitStatus }: Ended): boolean {
  return exitStatus === 0 || exitStatus === 3;
}

function assertDone(ended: Ended): void {
  assert.ok(isDone(ended), ended.stdout + ended.stderr);
}

function faultOf(kind: (typeof kinds)[number], bytes: number): S3Fault {
  switch (kind) {
    case "429":
      return { kind: "status", status: 429, code: "TooManyRequests" };
    case "503":
    case "throttled":
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
