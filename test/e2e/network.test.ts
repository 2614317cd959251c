// A line that fails in the middle of a transfer: the run ends and says why, nothing half is seen, and the next run goes on where it was.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { writeTree } from "../support/backup-user.ts";
import { type Ended, newUser, type Started, type User } from "../support/holdfast.ts";
import { type Machine, type Machines, newMachines, withoutMachines } from "../support/machines.ts";
import { putEverythingBack } from "../support/own-world.ts";
import { finishedRun } from "../support/run-events.ts";
import { withoutTools } from "../support/tools.ts";
import { treeHash } from "../support/tree-hash.ts";

putEverythingBack();

const megabyte = 1_000_000;
const files = 12;
// Long enough for any machine, and far shorter than what TCP alone would wait.
const patienceMs = 120_000;

type Direction = "to" | "from";

/** A user with a tree, and a mirror of it at the other end of a line. */
class Scene implements AsyncDisposable {
  readonly user: User;
  readonly machines: Machines;
  readonly nas: Machine;
  /** What is backed up, and where the snapshots are: as seen from here. */
  readonly source: string;
  readonly snapshots: string;

  private constructor(user: User, machines: Machines, direction: Direction) {
    this.user = user;
    this.machines = machines;
    this.nas = machines.get("nas");
    const [source, mirror] =
      direction === "to" ? [user.home, this.nas.disk] : [this.nas.disk, user.home];
    this.source = join(source, "data");
    this.snapshots = join(mirror, "mirror/snapshots");
  }

  static async make(direction: Direction): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const machines = stack.use(await newMachines({ nas: {} }));
    const user = stack.use(await newUser());
    const scene = new Scene(user, machines, direction);
    const [from, to] = direction === "to" ? ["here", "nas"] : ["nas", "here"];
    await user.configure({
      state: user.at("state"),
      hosts: machines.hosts,
      volumes: {
        here: { path: user.home, marker: false },
        nas: { host: "nas", path: machines.disk, marker: false },
      },
      repositories: { mirror: { engine: "rsync", at: `${to}:mirror`, snapshots: "hard-links" } },
      jobs: { data: { sources: [`${from}:data`], repository: "mirror" } },
    });
    await writeTree(scene.source, { letter: "Dear reader", "old/photo": randomBytes(1000) });
    assert.equal((await scene.call("init")).exitStatus, 0);
    assert.equal((await scene.call("run")).exitStatus, 0);
    stack.move();
    return scene;
  }

  start(...words: readonly string[]): Started {
    return this.user.start(words, { prefix: this.machines.prefix });
  }

  async call(...words: readonly string[]): Promise<Ended> {
    return await this.start(...words).ended;
  }

  /** Adds much, none of which can be compressed. */
  async addMuch(): Promise<void> {
    const names = Array.from({ length: files }, (_, index) => `new/${index}`);
    await writeTree(
      this.source,
      Object.fromEntries(names.map((name) => [name, randomBytes(megabyte)])),
    );
  }

  /** Starts a run, and answers when a part of what is new has gone over the line. */
  async startAndWait(): Promise<Started> {
    await this.nas.slowDown(2000);
    const before = await this.#moved();
    const started = this.start("run", "--json");
    while ((await this.#moved()) - before < (files / 3) * megabyte) {
      assert.equal(started.child.exitCode, null, "it ended too early");
      await sleep(20);
    }
    return started;
  }

  async #moved(): Promise<number> {
    const { received, sent } = await this.nas.traffic();
    return received + sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
    await this.machines[Symbol.asyncDispose]();
  }
}

async function endedInTime({ child, ended }: Started): Promise<Ended> {
  const timer = new AbortController();
  const late = sleep(patienceMs, undefined, { signal: timer.signal }).then(() => {
    child.kill("SIGKILL");
    throw new Error("it does not end by itself");
  });
  const end = await Promise.race([ended, late]);
  timer.abort();
  await late.catch(() => {});
  return end;
}

suite("a line", { skip: withoutMachines() || withoutTools("rsync"), concurrency: 2 }, () => {
  for (const direction of ["to", "from"] as const) {
    for (const failure of ["cut", "swallow"] as const) {
      const how = failure === "cut" ? "is cut" : "silently loses everything";
      test(`that ${how} in the middle of a backup ${direction} a machine is no end`, async () => {
        await using scene = await Scene.make(direction);
        const { nas } = scene;
        const before = await readdir(scene.snapshots);
        await scene.addMuch();

        const started = await scene.startAndWait();
        await nas[failure]();
        const failed = await endedInTime(started);
        const afterFailure = await readdir(scene.snapshots);
        await nas.heal();
        await nas.speedUp();
        const resumed = await scene.call("run", "--json");

        const { outcome, code, hint } = finishedRun(failed);
        assert.deepEqual([outcome, code], ["failure", "host-unreachable"], failed.stdout);
        assert.ok(hint === undefined || !hint.includes("undefined"));
        assert.equal(failed.exitStatus, 1, failed.stderr);
        assert.deepEqual(afterFailure, before, "nothing half is seen");
        const { outcome: end, snapshots, evidence } = finishedRun(resumed);
        assert.equal(end, "success", resumed.stdout);
        assert.ok(Number(evidence?.added) < (files - 1) * megabyte, "it went on where it was");
        const made = join(scene.snapshots, String(snapshots[0]?.id));
        assert.equal(await treeHash(made), await treeHash(scene.source));
        await scene.machines.assertIdle();
      });
    }
  }

  test("that is down when a run begins makes its jobs wait, and nothing fails", async () => {
    await using scene = await Scene.make("to");
    await scene.nas.cut();

    const away = await scene.call("run", "--json");
    const strict = await scene.call("run", "--strict");
    await scene.nas.heal();
    const back = await scene.call("run", "--json");

    const { outcome, reason } = finishedRun(away);
    assert.equal(outcome, "skipped");
    assert.match(String(reason), /nas/);
    assert.deepEqual([away.exitStatus, strict.exitStatus, back.exitStatus], [0, 75, 0]);
    assert.equal(finishedRun(back).outcome, "success");
  });
});
