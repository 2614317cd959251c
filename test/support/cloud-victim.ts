// Knows: a user whose backup of a Nextcloud is killed at a chosen moment, and what every kill must leave intact. Must not know: which moments are chosen.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CloudUser, type CloudSetup } from "./cloud-user.ts";
import type { Started } from "./holdfast.ts";
import { Recovered } from "./json-shapes.ts";
import { type KillOrder, KillOrders } from "./kill-orders.ts";
import { commandLine, killProcesses, processesOf } from "./processes.ts";
import { linesOf } from "./victim.ts";

/** When the program is killed: by what it has started, right when it says a line (see `victim.ts`), or after a time. */
export type CloudMoment =
  | { readonly kind: "order"; readonly order: KillOrder }
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "time"; readonly ms: number; readonly extent: "program" | "everything" };

// All that a backup of a Nextcloud is made with, but for occ.
const programs =
  `sh btrfs cp rsync flock find rm dd date stat sync cat mkdir chmod ln readlink du realpath touch mv sqlite3
  tee tar zstd sha256sum`.split(/\s+/);

/** A user with a Nextcloud and a chain of archives of it. */
export class CloudVictim implements AsyncDisposable {
  readonly cloud: CloudUser;
  /** How long the last undisturbed run took, in milliseconds. */
  lastRunMs = 0;
  readonly #orders: KillOrders;
  /** What stays in the staging folder between runs. */
  readonly #stays: readonly string[];
  #changes = 0;

  private constructor(cloud: CloudUser, orders: KillOrders, stays: readonly string[]) {
    this.cloud = cloud;
    this.#orders = orders;
    this.#stays = stays;
  }

  /** Makes one with a full archive. */
  static async make(setup: CloudSetup, stays: readonly string[] = []): Promise<CloudVictim> {
    const cloud = await CloudUser.make({ ...setup, engine: "tar" });
    const orders = await KillOrders.make(cloud.user, programs);
    const victim = new CloudVictim(cloud, orders, stays);
    await victim.change();
    await victim.run();
    return victim;
  }

  /** Changes the data, so that a run has something to back up. */
  async change(): Promise<void> {
    this.#changes += 1;
    await this.cloud.write(`new/${this.#changes}`, String(Math.random()).repeat(2000));
    await this.cloud.write("changing", `${this.#changes}`);
    if (this.#changes > 3) await this.cloud.remove(`new/${this.#changes - 3}`);
  }

  /** A run that is not disturbed and must succeed, with what is there now in its archive. Answers with its lines. */
  async run(): Promise<readonly string[]> {
    await this.#orders.reset();
    const started = performance.now();
    const ended = await this.#start("run", "--json").ended;
    this.lastRunMs = performance.now() - started;
    const { run, lines } = linesOf(ended);
    assert.ok(run);
    assert.equal(ended.exitStatus, 0, ended.stdout + ended.stderr);
    await this.cloud.assertTidy(this.#stays);
    const { data } = await this.cloud.restored();
    assert.deepEqual(await filesIn(data), await filesIn(this.cloud.nextcloud.data));
    return lines;
  }

  /** How many programs a run calls. */
  async countCommands(): Promise<number> {
    await this.change();
    await this.run();
    return (await this.#orders.called()).length;
  }

  /** Kills one run, and checks all that has to hold then: after `recover`, or after the next run. */
  async killAndCheck(moment: CloudMoment, recovers: boolean): Promise<void> {
    await this.change();
    await this.#kill(moment);
    await this.#assertNothingRuns();
    if (recovers) await this.#recover();
    await this.change();
    await this.run();
    await this.#assertNothingRuns();
  }

  async #recover(): Promise<void> {
    const { exitStatus, stdout, stderr } = await this.#start("recover", "--json").ended;
    assert.equal(exitStatus, 0, stdout + stderr);
    const { recovered } = Recovered.parse(JSON.parse(stdout));
    assert.deepEqual(
      recovered.flatMap(({ failed }) => failed),
      [],
    );
    await this.cloud.assertTidy(this.#stays);
  }

  #start(...words: readonly string[]): Started {
    const started = this.cloud.user.start(words, { env: { PATH: this.#orders.path } });
    // Written before it can have started anything.
    writeFileSync(this.cloud.user.at("victim"), `${started.child.pid}\n`);
    return started;
  }

  async #kill(moment: CloudMoment): Promise<void> {
    await this.#orders.reset();
    if (moment.kind === "order") await this.#orders.give(moment.order);
    const { child, ended } = this.#start("run", "--json");
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (moment.kind !== "line") return;
      if (linesOf({ stdout: said }).lines.includes(moment.line)) child.kill("SIGKILL");
    });
    const timer = moment.kind === "time" ? setTimeout(kill, moment.ms, this, moment) : undefined;
    const end = await ended;
    clearTimeout(timer);
    await this.#orders.reset();
    // What is killed a moment later, or at its last word, may be quicker.
    const mayEnd =
      moment.kind === "time" || (moment.kind === "order" && moment.order.startsWith("in"));
    const hasEnded = mayEnd || linesOf(end).lines.at(-1) === "run-finished";
    assert.ok(end.exitStatus === null || hasEnded, `it was not killed: ${end.stdout}${end.stderr}`);

    function kill(victim: CloudVictim, { extent }: { readonly extent: string }): void {
      child.kill("SIGKILL");
      if (extent === "everything") killProcesses(victim.cloud.user.home);
    }
  }

  /** Fails when something that was started for this user still runs half a minute later. */
  async #assertNothingRuns(): Promise<void> {
    const { home } = this.cloud.user;
    for (let tries = 0; processesOf(home).length > 0 && tries < 600; tries += 1) await sleep(50);
    assert.deepEqual(processesOf(home).map(commandLine), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cloud[Symbol.asyncDispose]();
  }
}

/** All users' files, by their paths. */
async function filesIn(data: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(join(data, "alice"), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(data.length), await readFile(path, "utf8")] as const;
    });
  return Object.fromEntries(await Promise.all(files));
}
