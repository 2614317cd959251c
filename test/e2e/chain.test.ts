// The chain of six mirrors that nbkp is tested with: every direction, every kind of snapshot, each reading what the one before it made.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, mkdir, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { addAttributes, attributesOf, attributeTools } from "../support/attributes.ts";
import { newDisk, withoutDisks } from "../support/disk.ts";
import { type Ended, newUser, type User } from "../support/holdfast.ts";
import { Plans, Snapshots } from "../support/json-shapes.ts";
import { type Machines, newMachines, withoutMachines } from "../support/machines.ts";
import { putEverythingBack } from "../support/own-world.ts";
import { finishedRuns } from "../support/run-events.ts";
import { withoutTools } from "../support/tools.ts";
import { assertSameTree, makeHostileTree } from "../support/tree.ts";

const execute = promisify(execFile);

putEverythingBack();

const skip =
  withoutMachines() || withoutDisks("btrfs") || withoutTools("rsync", "btrfs", ...attributeTools);

/** One link of the chain: what it is called, where it writes to, and how earlier states are kept there. */
const links = [
  { job: "relay", at: "relay:photos", snapshots: "hard-links" },
  { job: "drive", at: "usb:photos", snapshots: "btrfs" },
  { job: "server", at: "nas:plain", snapshots: "none" },
  { job: "server-btrfs", at: "nas:btrfs", snapshots: "btrfs" },
  { job: "server-links", at: "nas:links", snapshots: "hard-links" },
  { job: "back", at: "relay:back", snapshots: "none" },
] as const;

/** The chain, and what it goes through. */
interface Chain extends AsyncDisposable {
  readonly user: User;
  readonly machines: Machines;
  readonly source: string;
  /** Calls the program in the network of the machines. */
  call(...words: readonly string[]): Promise<Ended>;
  /** Where the newest files of a job are, seen from here. */
  newestOf(job: string): string;
}

/** A laptop with a relay and a drive, and a server that is reached through another machine. */
async function newChain(): Promise<Chain> {
  await using stack = new AsyncDisposableStack();
  const usb = stack.use(await newDisk());
  const server = stack.use(await newDisk());
  const machines = stack.use(
    await newMachines({ gate: {}, nas: { disk: server.path, behind: "gate" } }),
  );
  const user = stack.use(await newUser());
  const source = user.at("Pictures");
  await mkdir(user.at("relay"));
  await makeHostileTree(source);
  await addAttributes(source);
  const folders: Readonly<Record<string, string>> = {
    relay: user.at("relay"),
    usb: usb.path,
    nas: server.path,
  };
  await user.configure({
    state: user.at("state"),
    hosts: machines.hosts,
    volumes: {
      laptop: { path: source, marker: false },
      relay: { path: folders["relay"], marker: false },
      usb: { path: usb.path },
      nas: { host: "nas", path: machines.disk },
    },
    repositories: Object.fromEntries(
      links.map(({ job, at, snapshots }) => [job, { engine: "rsync", at, snapshots }]),
    ),
    // In an order that is not theirs.
    jobs: Object.fromEntries(
      links
        .map(({ job }, index) => {
          const before = links[index - 1];
          const from = before === undefined ? "laptop:" : { repository: before.job };
          return [job, { sources: [from], repository: job }] as const;
        })
        .toReversed(),
    ),
  });
  const owned = stack.move();
  return {
    user,
    machines,
    source,
    call: async (...words) => await user.start(words, { prefix: machines.prefix }).ended,
    newestOf(job) {
      const link = links.find((each) => each.job === job);
      const [volume = "", folder = ""] = link?.at.split(":") ?? [];
      const root = join(folders[volume] ?? "", folder);
      return link?.snapshots === "none" ? root : join(root, "latest/");
    },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

/** Adds, changes, renames and removes. */
async function change(tree: string): Promise<void> {
  await writeFile(join(tree, "names/new\nfile"), "new");
  await appendFile(join(tree, "large"), "longer");
  await rename(join(tree, "program"), join(tree, "private/program"));
  await rm(join(tree, "empty file"));
  await rm(join(tree, "link"));
  // rsync takes what was made in the same second for unchanged, folders of the mirror too.
  for (const changed of ["names/new\nfile", "names", "large", "private", "."]) {
    await utimes(join(tree, changed), later, later);
  }
}

const later = new Date("2002-03-04T05:06:07.890Z");

async function assertSame(original: string, restored: string): Promise<void> {
  await assertSameTree(original, restored);
  assert.equal(await attributesOf(restored), await attributesOf(original));
}

function assertDone({ exitStatus, stdout, stderr }: Ended): void {
  assert.equal(exitStatus, 0, stdout + stderr);
}

/** What each job's run came to, in the order in which they ended. */
function outcomes(ended: Ended): readonly string[] {
  return finishedRuns(ended).map(({ job, outcome }) => `${job} ${outcome}`);
}

const allDone = links.map(({ job }) => `${job} success`);

/** Ids of a job's snapshots, oldest first. */
async function snapshotsOf(chain: Chain, job: string): Promise<readonly string[]> {
  const { stdout } = await chain.call("snapshots", job, "--json");
  const { snapshots } = Snapshots.parse(JSON.parse(stdout));
  return snapshots.toSorted((a, b) => a.time.localeCompare(b.time)).map(({ id }) => id);
}

/** Restores what is named so, and compares it. */
async function assertRestores(chain: Chain, named: string, original: string): Promise<void> {
  const target = chain.user.at("restored");
  assertDone(await chain.call("restore", named, "--target", target));
  await assertSame(original, target);
  await rm(target, { recursive: true });
}

suite("the chain of six mirrors", { skip }, () => {
  test("runs in order, follows changes, and gives back every state from everywhere", async () => {
    await using chain = await newChain();
    const { user, source } = chain;
    const before = user.at("before");
    await execute("cp", ["-a", source, before]);
    assertDone(await chain.call("init"));

    const first = await chain.call("run", "--json");
    await change(source);
    const second = await chain.call("run", "--json");
    const unchanged = await chain.call("run", "--json");

    for (const run of [first, second, unchanged])
      assert.deepEqual(outcomes(run), allDone, run.stdout);
    for (const { job, snapshots } of links) {
      await assertRestores(chain, job, source);
      if (snapshots === "none") continue;
      await assertSame(source, chain.newestOf(job));
      const [oldest = "", ...newer] = await snapshotsOf(chain, job);
      assert.equal(newer.length, 2);
      await assertRestores(chain, `${job}@${oldest}`, before);
    }
    assert.deepEqual(
      await readdir(chain.machines.disk),
      [],
      "nothing was written on the wrong machine",
    );
  });

  test("says before its first run in which order it will go, and connects to nobody twice", async () => {
    await using chain = await newChain();
    assertDone(await chain.call("init"));
    const before = await chain.machines.get("nas").connections();

    const planned = await chain.call("run", "--dry-run", "--json");

    assertDone(planned);
    const { plans } = Plans.parse(JSON.parse(planned.stdout));
    assert.deepEqual(
      plans.map(({ job, action }) => `${action} ${job}`),
      links.map(({ job }) => `run ${job}`),
    );
    const after = await chain.machines.get("nas").connections();
    assert.equal(after.made - before.made, 1);
  });
});
