// Knows: a user whose mirror is killed at a chosen moment, and what every kill must leave intact. Must not know: which moments are chosen, and where the mirror is.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readdir, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeTree } from "./backup-user.ts";
import { type Ended, newUser, type Started, type User } from "./holdfast.ts";
import { History } from "./json-shapes.ts";
import { type KillOrder, KillOrders } from "./kill-orders.ts";
import type { MirrorPlace } from "./mirror-places.ts";
import { commandLine, processesOf } from "./processes.ts";
import { treeHash } from "./tree-hash.ts";
import { linesOf } from "./victim.ts";

/** When the program is killed: by what it has started, or right when it says a line (see `victim.ts`). */
export type MirrorMoment =
  | { readonly kind: "order"; readonly order: KillOrder }
  | { readonly kind: "line"; readonly line: string };

/** A run that was killed, or that ended before it was to be. */
interface KilledRun extends Ended {
  readonly run: string | undefined;
}

// All that a mirror is made with, here; what runs elsewhere goes through ssh.
const programs =
  `rsync btrfs ssh find cat dd mv ln mkdir rm chmod sync truncate touch stat df mount umount
  findmnt lsblk blkid losetup`.split(/\s+/);

const kept = 3;

/** What is in a repository: the name of each snapshot, oldest first, and the hash of its files. */
type Standing = ReadonlyMap<string, string>;

/** A user with a job whose every run has something to copy, to forget and to prune. */
export class MirrorVictim implements AsyncDisposable {
  readonly user: User;
  readonly #place: MirrorPlace;
  readonly #orders: KillOrders;
  readonly #succeeded = new Set<string>();
  /** What each listed snapshot held when it was first seen. */
  readonly #known = new Map<string, string>();
  /** What the source has held: the only states that a snapshot may have. */
  readonly #states = new Set<string>();
  #changes = 0;

  private constructor(user: User, place: MirrorPlace, orders: KillOrders) {
    this.user = user;
    this.#place = place;
    this.#orders = orders;
  }

  /** Makes a user with as many snapshots as are kept. */
  static async make(place: MirrorPlace): Promise<MirrorVictim> {
    await using stack = new AsyncDisposableStack();
    const user = stack.use(await newUser());
    const orders = await KillOrders.make(user, programs);
    const victim = new MirrorVictim(user, place, orders);
    await user.write("tmp/.keep", "");
    await rm(user.at("tmp/.keep"));
    await user.configure(configurationOf(user, place));
    await place.look(async (path) => {
      await writeTree(path, { "nobody's": "business" });
    });
    await victim.change();
    const initialised = await victim.#start("init").ended;
    assert.equal(initialised.exitStatus, 0, initialised.stdout + initialised.stderr);
    for (let runs = 0; runs < kept; runs += 1) {
      await victim.change();
      await victim.run();
    }
    stack.move();
    return victim;
  }

  /** Changes the data, so that a run has something to copy, and something to leave out. */
  async change(): Promise<void> {
    this.#changes += 1;
    const data = this.user.at("data");
    await writeTree(data, {
      ...Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`many/${index}`, "same"])),
      [`new/${this.#changes}`]: randomBytes(600_000),
      changing: `${this.#changes}`,
      "deep/er/and/deeper": "never changed",
    });
    await rm(join(data, `new/${this.#changes - 2}`), { force: true });
    this.#states.add(await treeHash(data));
  }

  /** A run that is not disturbed, must succeed, and must make a snapshot of what is there now. */
  async run(): Promise<readonly string[]> {
    const ended = await this.#start("run", "--json").ended;
    const { run, lines } = linesOf(ended);
    assert.equal(ended.exitStatus, 0, ended.stdout + ended.stderr);
    this.#succeeded.add(String(run));
    const standing = await this.assertStanding();
    const [newest] = [...standing.values()].slice(-1);
    assert.equal(newest, await treeHash(this.user.at("data")), "it is what was backed up");
    assert.equal(standing.size, Math.min(kept, this.#known.size), "the rules are kept");
    await this.#assertTidy([...standing.keys()].at(-1));
    return lines;
  }

  /** How many programs a run calls, after a change. */
  async countCommands(): Promise<number> {
    await this.change();
    await this.#orders.reset();
    await this.run();
    return (await this.#orders.called()).length;
  }

  /** Kills one run, and checks all that has to hold then: at once, and after the next run. */
  async killAndCheck(moment: MirrorMoment): Promise<void> {
    await this.change();
    const before = await this.assertStanding();
    const killed = await this.#kill(moment);
    await this.assertNothingRuns();
    const after = await this.assertStanding();
    const [, ...stay] = before.keys();
    for (const id of stay) assert.ok(after.has(id), `snapshot ${id} is gone: ${killed.stdout}`);
    await this.change();
    await this.run();
    await this.#assertHistory(killed);
    await this.assertNothingRuns();
    await this.#place.assertPutBack();
  }

  /** Every listed snapshot is a whole state of the source, and the same as ever. */
  async assertStanding(): Promise<Standing> {
    const found = await this.#place.look(async (path) => await standingIn(join(path, "mirror")));
    for (const [id, hash] of found) {
      const known = this.#known.get(id) ?? hash;
      assert.equal(hash, known, `snapshot ${id} has changed`);
      assert.ok(this.#states.has(hash), `snapshot ${id} is no state of the source`);
      this.#known.set(id, hash);
    }
    return found;
  }

  /** Fails when something that was started for this user still runs ten seconds later. */
  async assertNothingRuns(): Promise<void> {
    let running = processesOf(this.user.home);
    for (let tries = 0; running.length > 0 && tries < 200; tries += 1) {
      await sleep(50);
      running = processesOf(this.user.home);
    }
    assert.deepEqual(running.map(commandLine), []);
  }

  #start(...words: readonly string[]): Started {
    const env = { TMPDIR: this.user.at("tmp"), PATH: this.#orders.path };
    const started = this.user.start(words, { env, prefix: this.#place.prefix });
    // Written before it can have started anything.
    writeFileSync(this.user.at("victim"), `${started.child.pid}\n`);
    return started;
  }

  async #kill(moment: MirrorMoment): Promise<KilledRun> {
    await this.#orders.reset();
    if (moment.kind === "order") await this.#orders.give(moment.order);
    const { child, ended } = this.#start("run", "--json");
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (moment.kind !== "line") return;
      if (linesOf({ stdout: said }).lines.includes(moment.line)) child.kill("SIGKILL");
    });
    const end = await ended;
    await this.#orders.reset();
    const { run, lines } = linesOf(end);
    // What is killed a moment later, or at its last word, may be quicker.
    const mayEnd = moment.kind === "order" && moment.order.startsWith("in");
    const isKilled = end.exitStatus === null;
    const hasEnded = mayEnd || lines.at(-1) === "run-finished";
    assert.ok(isKilled || hasEnded, `it was not killed: ${end.stdout}${end.stderr}`);
    return { ...end, run };
  }

  /** No trace of anything unfinished, and `latest` leads to the newest. */
  async #assertTidy(newest: string | undefined): Promise<void> {
    await this.#place.look(async (path) => {
      const names = await readdir(join(path, "mirror"));
      const unfinished = names.filter((name) => /^\.holdfast-(partial|deleted|latest)$/.test(name));
      assert.deepEqual(unfinished, []);
      assert.equal(await readlink(join(path, "mirror/latest")), `snapshots/${newest}`);
    });
    assert.deepEqual(await readdir(this.user.at("tmp")), [], "temporary files");
  }

  async #assertHistory(killed: KilledRun): Promise<void> {
    const shown = await this.#start("history", "--json", "--limit", "1000").ended;
    const { runs } = History.parse(JSON.parse(shown.stdout));
    if (killed.run !== undefined) assert.ok(runs.some(({ run }) => run === killed.run));
    for (const { run, outcome } of runs) {
      // Between the journal's entry and the program's word it may have been killed all the same.
      const mayHaveEnded = run === killed.run || this.#succeeded.has(run);
      const allowed = mayHaveEnded ? ["success", "interrupted"] : ["interrupted"];
      assert.ok(allowed.includes(String(outcome)), `${run}: ${outcome}`);
      if (outcome === "success") this.#succeeded.add(run);
      else assert.ok(!this.#succeeded.has(run), `${run} had succeeded`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
  }
}

async function standingIn(repository: string): Promise<Standing> {
  const folder = join(repository, "snapshots");
  const names = (await readdir(folder)).toSorted();
  const hashes = names.map(async (name) => [name, await treeHash(join(folder, name))] as const);
  return new Map(await Promise.all(hashes));
}

function configurationOf(user: User, { hosts, volume, snapshots }: MirrorPlace): object {
  return {
    state: user.at("state"),
    hosts,
    volumes: { place: volume },
    repositories: {
      mirror: {
        engine: "rsync",
        at: "place:mirror",
        snapshots,
        "check-every": "0s",
        // So slow that it can be killed while it copies; and tests change files twice in a second.
        "extra-options": ["--bwlimit=3m", "--modify-window=-1"],
      },
    },
    jobs: {
      data: {
        sources: [user.at("data")],
        repository: "mirror",
        keep: { last: kept },
        "prune-every": "0s",
      },
    },
  };
}
