// Whoever is killed in a transfer, the sender, the receiver or Holdfast itself: the next run makes both sides equal.
// HOLDFAST_KILLS: how many kills (default 6). HOLDFAST_TRANSFER_MB: how much is sent each time (default 64).
// HOLDFAST_SEED: the seed of an earlier run.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Owner } from "../support/btrfs-owner.ts";
import { byHand, wholeSnapshots } from "../support/btrfs-places.ts";
import { newDisk, withoutDisks } from "../support/disk.ts";
import { newUser, type User } from "../support/holdfast.ts";
import { KillOrders } from "../support/kill-orders.ts";
import { commandLine, killIfThere, processesOf } from "../support/processes.ts";
import { randomNumbers } from "../support/random.ts";
import { assertSameTree } from "../support/tree.ts";

const kills = Number(process.env["HOLDFAST_KILLS"] ?? 6);
const megabytes = Number(process.env["HOLDFAST_TRANSFER_MB"] ?? 64);
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
const victims = ["sender", "receiver", "holdfast"] as const;
type Victim = (typeof victims)[number];

async function succeed(user: User, ...words: readonly string[]): Promise<string> {
  const { exitStatus, stdout, stderr } = await user.holdfast(...words);
  assert.equal(exitStatus, 0, `${words.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** Replaces what is to be sent, so that each difference is as large as the first snapshot. */
async function change(home: string): Promise<void> {
  await using file = await open(join(home, "bulk"), "w");
  for (let written = 0; written < megabytes; written += 1) {
    await file.write(randomBytes(1024 ** 2));
  }
  await writeFile(join(home, "small"), randomBytes(100));
}

/** The processes of this user that send or receive. */
function find(victim: Exclude<Victim, "holdfast">, home: string): readonly number[] {
  const word = victim === "sender" ? " send " : " receive ";
  return processesOf(home).filter((pid) => commandLine(pid).includes(word));
}

/** How long the transfer of a run takes that nobody disturbs. */
async function transferMs(user: User): Promise<number> {
  const { child, ended } = user.start(["run"]);
  let began = Number.POSITIVE_INFINITY;
  let last = began;
  while (child.exitCode === null) {
    await sleep(5);
    if (find("receiver", user.home).length === 0) continue;
    last = performance.now();
    began = Math.min(began, last);
  }
  const { exitStatus, stderr } = await ended;
  assert.equal(exitStatus, 0, stderr);
  return last - began;
}

/** Starts a run, and kills one of its processes so long after the transfer began. Answers whether one was there. */
async function killIn(
  user: User,
  { victim, afterMs }: { readonly victim: Victim; readonly afterMs: number },
): Promise<boolean> {
  const { child, ended } = user.start(["run"]);
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  while (!isOver() && find("receiver", user.home).length === 0) await sleep(5);
  await sleep(afterMs);
  const own = child.pid === undefined || isOver() ? [] : [child.pid];
  const pids = victim === "holdfast" ? own : find(victim, user.home);
  for (const pid of pids) killIfThere(pid);
  await ended;
  for (let left = 200; left > 0 && processesOf(user.home).length > 0; left -= 1) await sleep(50);
  return pids.length > 0;
}

const options = { skip: withoutDisks("btrfs"), timeout: 3_600_000 };
test(`a transfer that is killed ${kills} times leaves both sides equal`, options, async (t) => {
  t.diagnostic(`HOLDFAST_SEED=${seed} HOLDFAST_KILLS=${kills} HOLDFAST_TRANSFER_MB=${megabytes}`);
  await using user = await newUser();
  const sizeMiB = megabytes * 8 + 512;
  await using inner = await newDisk({ sizeMiB });
  await using outer = await newDisk({ sizeMiB });
  const home = join(inner.path, "home");
  const kept = join(inner.path, "kept");
  const copied = join(outer.path, "copied");
  await byHand("subvolume", "create", home);
  await user.configure({
    repositories: {
      home: { engine: "btrfs", at: kept, keep: { last: 2 } },
      usb: { engine: "btrfs", at: copied, keep: { last: 2 } },
    },
    jobs: { home: { sources: [{ subvolume: home }], repository: "home", copies: ["usb"] } },
  });
  await succeed(user, "init");
  await change(home);
  let longestMs = await transferMs(user);
  const random = randomNumbers(seed);
  const hits = { sender: 0, receiver: 0, holdfast: 0 };

  for (let round = 0, done = 0; done < kills; round += 1) {
    assert.ok(round < kills * 5, `only ${done} of ${round} were there to be killed`);
    const victim = victims[done % victims.length] ?? "sender";
    await change(home);
    const afterMs = Math.round(random() * longestMs);

    if (await killIn(user, { victim, afterMs })) {
      hits[victim] += 1;
      done += 1;
    } else {
      // The machine has become quicker since that was measured.
      longestMs *= 0.8;
    }

    const told = `round ${round}: ${victim} after ${afterMs} ms`;
    const visible = (await readdir(copied)).filter((name) => !name.startsWith("."));
    assert.deepEqual(await wholeSnapshots(copied), visible.toSorted(), told);
    await succeed(user, "run");
    await succeed(user, "prune");
    const ours = (await readdir(kept)).toSorted();
    const theirs = (await readdir(copied)).toSorted();
    assert.deepEqual(theirs, ours, told);
    assert.deepEqual(await wholeSnapshots(copied), theirs, told);
    for (const name of round % 10 === 0 ? ours : ours.slice(-1)) {
      await assertSameTree(join(kept, name), join(copied, name));
    }
  }
  t.diagnostic(`killed while it was there: ${JSON.stringify(hits)}`);
});

test(
  "a restore in place that is killed leaves what was there, or what was restored",
  { skip: withoutDisks("btrfs") },
  async (t) => {
    await using owner = await Owner.make();
    const { user, home, inner } = owner;
    await owner.change("good");
    await owner.succeed("run");
    const [good] = await readdir(owner.kept);
    const orders = await KillOrders.make(user, ["btrfs", "mv", "mountpoint", "findmnt", "stat"]);
    const restore = async (isOrdered: boolean): Promise<string> => {
      await owner.change("spoilt");
      const words = ["restore", `home@${good}`, "--in-place"] as const;
      const { child, ended } = user.start(words, { env: { PATH: orders.path } });
      writeFileSync(user.at("victim"), `${child.pid}\n`);
      const { exitStatus, stdout, stderr } = await ended;
      if (!isOrdered) assert.equal(exitStatus, 0, stdout + stderr);
      const called = (await orders.called()).length;
      await orders.reset();
      await owner.succeed("recover");
      const asides = (await readdir(inner.path)).filter((name) => name.startsWith("home."));
      const text = await readFile(join(home, "file"), "utf8");
      assert.equal(asides.length, text === "good" ? 1 : 0, asides.join());
      for (const aside of asides) {
        assert.equal(await readFile(join(inner.path, aside, "file"), "utf8"), "spoilt");
        await byHand("subvolume", "delete", join(inner.path, aside));
      }
      return `${called} ${text}`;
    };
    const [count = ""] = (await restore(false)).split(" ");
    const words = ["before", "in", "after"] as const;
    const came: string[] = [];

    for (let number = 1; number <= Number(count); number += 1) {
      for (const word of kills >= 50 ? words : words.slice(number % 3, (number % 3) + 1)) {
        await orders.give(`${word} ${number}`);
        const [, text = ""] = (await restore(true)).split(" ");
        assert.match(text, /^(good|spoilt)$/, `${word} ${number}`);
        came.push(text);
      }
    }

    const restored = came.filter((text) => text === "good").length;
    t.diagnostic(`${count} commands: ${came.length} kills, ${restored} times as restored`);
    await owner.change("last");
    await owner.succeed("run");
    await owner.succeed("check", "--read-data");
    assert.equal((await wholeSnapshots(owner.copied)).length, 2);
  },
);
