// Whenever a run that makes, copies and prunes archives is killed: no half archive is listed, the chain stays valid, nothing is pruned for one that failed, and the next run leaves nothing behind.
// HOLDFAST_KILLS: how many kills at random moments (default 5; from 60 on also before, in and after every command, and with gpg).
// HOLDFAST_SEED: the seed of an earlier run.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Manifest } from "../../src/engines/tar/manifest.ts";
import { isLeftover, parseArchiveName } from "../../src/engines/tar/names.ts";
import { writeTree } from "../support/backup-user.ts";
import { newUser, type Started, type User } from "../support/holdfast.ts";
import { type KillOrder, KillOrders } from "../support/kill-orders.ts";
import { commandLine, killProcesses, processesOf } from "../support/processes.ts";
import { randomNumbers } from "../support/random.ts";
import { withoutTools } from "../support/tools.ts";
import { filesIn } from "../support/tree-hash.ts";

const randomKills = Number(process.env["HOLDFAST_KILLS"] ?? 5);
const thorough = randomKills >= 60;
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);
const skip = withoutTools("tar", "zstd", "gpg");
const folders = ["archives", "further"] as const;
const programs =
  "tar zstd sh gpg tee sha256sum sed dd cat tr rm mv sync stat find mkdir head tail".split(" ");
const passphrase = "an ordinary passphrase";

/** A user whose every run makes an archive, copies it, and forgets and prunes older ones. */
class Victim implements AsyncDisposable {
  readonly user: User;
  lastRunMs = 0;
  readonly #orders: KillOrders;
  /** The source as it was, in every state that it ever had. */
  readonly #states = new Set<string>();
  /** What the file of an archive was when it was first seen, and proven whole. */
  readonly #proven = new Map<string, string>();
  #changes = 0;

  private constructor(user: User, orders: KillOrders) {
    this.user = user;
    this.#orders = orders;
  }

  static async make(): Promise<Victim> {
    await using stack = new AsyncDisposableStack();
    const user = stack.use(await newUser());
    const victim = new Victim(user, await KillOrders.make(user, programs));
    const encrypt = thorough ? { encrypt: { gpg: { passphrase } } } : {};
    const repository = (name: string): object => ({ engine: "tar", at: user.at(name), ...encrypt });
    await user.configure({
      state: user.at("state"),
      repositories: Object.fromEntries(folders.map((name) => [name, repository(name)])),
      jobs: {
        data: {
          sources: [user.at("data")],
          repository: "archives",
          copies: ["further"],
          keep: { full: 2, differential: 2 },
          "prune-every": "0s",
        },
      },
    });
    await victim.change();
    const { exitStatus, stderr } = await victim.#start("init").ended;
    assert.equal(exitStatus, 0, stderr);
    await victim.run();
    await victim.run();
    stack.move();
    return victim;
  }

  /** Adds, changes, moves and removes something. */
  async change(): Promise<void> {
    this.#changes += 1;
    const number = this.#changes;
    const data = this.user.at("data");
    await writeTree(data, {
      changing: `${number}`,
      [`new/${number}`]: randomBytes(200_000),
      [`folder ${number}/same`]: "same",
      never: "changed",
    });
    await rm(join(data, `new/${number - 2}`), { force: true });
    await rename(join(data, `folder ${number}`), join(data, `moved ${number}`));
    await rm(join(data, `moved ${number - 2}`), { recursive: true, force: true });
    this.#states.add(await stateOf(data));
  }

  /** A run that is not disturbed must succeed, copy what is there now, and leave nothing else. */
  async run(): Promise<void> {
    await this.change();
    const began = performance.now();
    const { exitStatus, stdout, stderr } = await this.#start(...this.#words()).ended;
    this.lastRunMs = performance.now() - began;
    assert.equal(exitStatus, 0, stdout + stderr);
    const listed = await this.assertStanding();
    for (const folder of folders) {
      const newest = listed.get(folder)?.at(-1) ?? "";
      assert.equal(await this.#restored(folder, newest), await stateOf(this.user.at("data")));
      const files = await readdir(this.user.at(folder));
      const ids = new Set(listed.get(folder));
      assert.deepEqual(
        files.filter((file) => isLeftover(file, ids)),
        [],
      );
    }
    await this.assertNothingRuns();
  }

  /** A full archive every third time. */
  #words(): readonly [string, ...string[]] {
    return this.#changes % 3 === 0 ? ["run", "--full"] : ["run"];
  }

  /** How many programs a run calls. */
  async countCommands(): Promise<number> {
    await this.#orders.reset();
    await this.run();
    return (await this.#orders.called()).length;
  }

  async killAndCheck(moment: KillOrder | number, everything = false): Promise<void> {
    await this.change();
    const before = await this.assertStanding();
    await this.#orders.reset();
    if (typeof moment === "string") await this.#orders.give(moment);
    const { child, ended } = this.#start(...this.#words());
    if (typeof moment === "number") {
      await Promise.race([ended, sleep(moment)]);
      if (everything) killProcesses(this.user.home);
      else child.kill("SIGKILL");
    }
    await ended;
    await this.#orders.reset();
    await this.assertNothingRuns();
    const after = await this.assertStanding();
    for (const folder of folders) {
      const [was = [], is = []] = [before.get(folder), after.get(folder)];
      const isNew = is.some((id) => !was.includes(id));
      if (!isNew) assert.deepEqual(is, was, "nothing is pruned because of one that failed");
    }
    await this.run();
  }

  /** Every archive that is there is whole, and with its base a state of the source. */
  async assertStanding(): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    for (const folder of folders) {
      const files = await readdir(this.user.at(folder));
      const dated: { readonly id: string; readonly time: string }[] = [];
      for (const id of files.flatMap((file) => parseArchiveName(file)?.id ?? [])) {
        await this.#assertWhole(folder, id);
        dated.push({ id, time: (await this.#manifest(folder, id)).time.toISOString() });
      }
      // Names of one second are not in the order in which they were given.
      const oldestFirst = dated.toSorted((a, b) => (a.time < b.time ? -1 : 1));
      found.set(
        folder,
        oldestFirst.map(({ id }) => id),
      );
    }
    return found;
  }

  async #assertWhole(folder: string, id: string): Promise<void> {
    const manifest = await this.#manifest(folder, id);
    const bytes = await readFile(this.user.at(folder, fileOf(id)));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    assert.deepEqual([manifest.size, manifest.sha256], [bytes.length, sha256], `${folder}: ${id}`);
    assert.equal(this.#proven.get(id) ?? sha256, sha256);
    if (this.#proven.has(id)) return;
    assert.ok(
      this.#states.has(await this.#restored(folder, id)),
      `${id} is no state of the source`,
    );
    this.#proven.set(id, sha256);
  }

  async #manifest(folder: string, id: string): Promise<Manifest> {
    return Manifest.parse(JSON.parse(await this.user.read(`${folder}/${id}.manifest.json`)));
  }

  /** By stock tools. */
  async #restored(folder: string, id: string): Promise<string> {
    const target = await mkdtemp(this.user.at("target-"));
    const { base } = await this.#manifest(folder, id);
    const opened = thorough
      ? 'gpg --batch --quiet --no-autostart --pinentry-mode loopback --passphrase-fd 0 --decrypt "$1"'
      : 'cat "$1"';
    const script = `${opened} | zstd -d | tar -x --listed-incremental=/dev/null -C "$2"`;
    for (const each of [...(base === undefined ? [] : [base]), id]) {
      const words = ["-c", script, "sh", this.user.at(folder, fileOf(each)), target];
      execFileSync("sh", words, { input: passphrase, stdio: ["pipe", "ignore", "pipe"] });
    }
    const state = await stateOf(join(target, this.user.at("data")));
    await rm(target, { recursive: true });
    return state;
  }

  async assertNothingRuns(): Promise<void> {
    let running = processesOf(this.user.home);
    for (let tries = 0; running.length > 0 && tries < 400; tries += 1) {
      await sleep(50);
      running = processesOf(this.user.home);
    }
    assert.deepEqual(running.map(commandLine), []);
  }

  #start(...words: readonly string[]): Started {
    const started = this.user.start(words, { env: { PATH: this.#orders.path } });
    // Written before it can have started anything.
    writeFileSync(this.user.at("victim"), `${started.child.pid}\n`);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
  }
}

function fileOf(id: string): string {
  return `${id}.tar.zst${thorough ? ".gpg" : ""}`;
}

async function stateOf(folder: string): Promise<string> {
  const files = Object.entries(await filesIn(folder)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}

suite("a run that makes archives and is killed", { skip }, () => {
  test(`before, in or after its commands, seed ${seed}`, async (t) => {
    await using victim = await Victim.make();
    const count = await victim.countCommands();
    const words = ["before", "in", "after"] as const;
    const every = thorough ? 1 : Math.ceil(count / 6);
    t.diagnostic(`${count} commands`);

    for (let number = 1 + (seed % every); number <= count; number += every) {
      const chosen = thorough ? words : words.slice(number % 3, (number % 3) + 1);
      for (const word of chosen) {
        await t.test(`${word} command ${number}`, async () => {
          await victim.killAndCheck(`${word} ${number}`);
        });
      }
    }
  });

  test(`at ${randomKills} random moments, alone or with all it had started, seed ${seed}`, async (t) => {
    await using victim = await Victim.make();
    const random = randomNumbers(seed);

    for (let kills = 0; kills < randomKills; kills += 1) {
      const moment = Math.round(random() * victim.lastRunMs);
      const everything = random() < 0.5;
      await t.test(`after ${moment} ms${everything ? ", with everything" : ""}`, async () => {
        await victim.killAndCheck(moment, everything);
      });
    }
  });
});
