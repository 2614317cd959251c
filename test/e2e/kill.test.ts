// Whenever the program is killed: the next run succeeds, calls the killed one interrupted, and nothing that was kept is lost.
// HOLDFAST_KILLS: how many kills at random moments (default 10; from 60 on also every boundary three times over).
// HOLDFAST_SEED: the seed of an earlier run.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { suite, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { backupUser, configureBackup, writeTree } from "../support/backup-user.ts";
import { newUser, type User } from "../support/holdfast.ts";
import { openHttpSink } from "../support/http-sink.ts";
import { killProcesses } from "../support/processes.ts";
import { randomNumbers } from "../support/random.ts";
import { withoutTools } from "../support/tools.ts";
import { type Extent, type Moment, Victim } from "../support/victim.ts";

const options = { skip: withoutTools("restic", "diff"), concurrency: 2 };
const randomKills = Number(process.env["HOLDFAST_KILLS"] ?? 10);
const thorough = randomKills >= 60;
const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 2 ** 31);

interface Kill {
  readonly moment: Moment;
  readonly extent: Extent;
}

/** Kills one run, and checks what has to hold then. */
async function killAndCheck(t: TestContext, victim: Victim, kill: Kill): Promise<void> {
  await t.test(`${described(kill.moment)} (${kill.extent})`, async () => {
    await victim.change();
    const killed = await victim.kill(kill.moment, kill.extent);
    await victim.assertIntact(killed);
  });
}

function described(moment: Moment): string {
  switch (moment.kind) {
    case "order":
      return moment.order;
    case "line":
      return `at ${moment.line}`;
    case "time":
      return `after ${moment.ms} ms`;
  }
}

suite("a run that is killed", options, () => {
  test("at any of its events, or in a hook", async (t) => {
    await using victim = await Victim.make();
    const lines = await victim.run();
    const hooks = ["begin of before", "end of before", "begin of after", "end of after"];
    const moments: readonly Moment[] = [
      // Between the end of a step and the begin of the next there is next to nothing.
      ...lines
        .filter((line) => thorough || !line.startsWith("step-finished"))
        .map((line) => ({ kind: "line", line }) as const),
      ...hooks.map((order) => ({ kind: "order", order }) as const),
    ];

    for (const moment of moments) await killAndCheck(t, victim, { moment, extent: "program" });

    await victim.assertRestorable();
  });

  test("before, in or after any command of restic", async (t) => {
    await using victim = await Victim.make();
    const count = await victim.countCommands();
    const words = ["before", "in", "after"];

    for (let number = 1; number <= count; number += 1) {
      const chosen = thorough ? words : words.slice(number % 3, (number % 3) + 1);
      for (const word of chosen) {
        const moment = { kind: "order", order: `${word} ${number}` } as const;
        await killAndCheck(t, victim, { moment, extent: "program" });
      }
    }

    await victim.assertRestorable();
  });

  test(`at ${randomKills} random moments, alone or with all it had started, seed ${seed}`, async (t) => {
    await using victim = await Victim.make();
    const random = randomNumbers(seed);

    for (let kills = 0; kills < randomKills; kills += 1) {
      const moment = { kind: "time", ms: Math.round(random() * victim.lastRunMs) } as const;
      const extent = random() < 0.5 ? "program" : "everything";
      await killAndCheck(t, victim, { moment, extent });
    }

    await victim.assertRestorable();
  });

  test("and whose recovery is killed too, is recovered by the next start", async () => {
    await using victim = await Victim.make();
    const killed = await victim.kill({ kind: "order", order: "end of before" });
    const again = await victim.kill({ kind: "order", order: "begin of after" });

    await victim.assertIntact(killed);

    assert.equal(again.run, undefined, "it was killed before its own run began");
  });

  test("is recovered before anything else begins, however many start at once", async () => {
    await using victim = await Victim.make();
    const killed = await victim.kill({ kind: "order", order: "end of before" });
    await victim.user.write("slow", "1");

    const first = victim.start("run", "--json");
    await sleep(300);
    await Promise.all([first.ended, victim.call("run", "--json")]);

    const hooks = (await readFile(victim.user.at("hooks.log"), "utf8")).trim().split("\n");
    const since = hooks.slice(hooks.indexOf(`before ${killed.run}`) + 1);
    const recovery = [`after ${killed.run}`, `done after ${killed.run}`];
    assert.deepEqual(since.slice(0, 2), recovery, "first of all, and whole");
    assert.ok(!since.slice(2).some((line) => recovery.includes(line)), "once");
  });
});

suite("another command that is killed", options, () => {
  test("restore: its target is refused, and a new one is filled", async () => {
    await using user = await backupUser();
    const files = Array.from({ length: 40 }, (_, index) => [`${index}`, randomBytes(1_000_000)]);
    await writeTree(user.at("data"), Object.fromEntries(files));
    assert.equal((await user.holdfast("run")).exitStatus, 0);
    const words = ["restore", "documents", "--target"];
    const { child, ended } = user.start([...words, user.at("half")]);
    await somethingIn(user.at("half"));

    child.kill("SIGKILL");

    assert.equal((await ended).exitStatus, null);
    const again = await user.holdfast(...words, user.at("half"));
    assert.equal(again.exitStatus, 2, again.stderr);
    assert.match(again.stderr, /is not empty\nhint: name a new directory/);
    const restored = await user.holdfast(...words, user.at("whole"));
    assert.equal(restored.exitStatus, 0, restored.stderr);
    assertSameFiles(user.at("data"), `${user.at("whole")}${user.at("data")}`);
  });

  test("init: the next one makes what is missing, and backups go there", async (t) => {
    const random = randomNumbers(seed);
    t.diagnostic(`seed ${seed}`);

    for (let kills = 0; kills < (thorough ? 20 : 2); kills += 1) {
      await using user = await newUser();
      await configureWithCopy(user);
      const { child, ended } = user.start(["init"]);
      await sleep(200 + random() * 2500);
      child.kill("SIGKILL");
      if (random() < 0.5) killProcesses(user.home);
      await ended;

      const completed = await user.holdfast("init");
      assert.equal(completed.exitStatus, 0, completed.stdout + completed.stderr);
      const opened = await user.holdfast("snapshots");
      assert.equal(opened.exitStatus, 0, opened.stderr);
      if (kills > 0) continue;
      const run = await user.holdfast("run", "--only", "backup,copy");
      assert.equal(run.exitStatus, 0, run.stderr);
    }
  });

  test("daemon: the next one calls its run interrupted and makes a new one", async () => {
    await using victim = await Victim.make();
    const { user } = victim;
    const { child, ended } = victim.start("daemon", "--run-now");
    await somethingIn(user.at("first/locks"));
    child.kill("SIGKILL");
    await ended;
    await victim.assertNothingRuns();

    const next = victim.start("daemon", "--run-now");
    await runEnded(victim, 4);
    next.child.kill("SIGTERM");
    const { exitStatus, stderr } = await next.ended;

    assert.equal(exitStatus, 0, stderr);
    assert.deepEqual((await outcomes(victim)).slice(0, 2), ["success", "interrupted"]);
  });
});

test(
  "a secret that was written for a tool does not stay after a kill",
  { skip: withoutTools("restic", "apprise") },
  async () => {
    await using sink = await openHttpSink();
    const url = `json://me:secret@${sink.address}/`;
    await using user = await backupUser({
      job: { notify: ["friend"] },
      more: { notifiers: { friend: { type: "apprise", urls: [url], on: ["success"] } } },
    });
    const env = { TMPDIR: user.at("tmp") };
    await mkdir(user.at("tmp"));
    sink.answer("hang");
    const { child, ended } = user.start(["run"], { env });
    // restic too has files there, for a moment: what is waited for is that the notifier's tool works.
    await until(() => sink.requests.length > 0);
    child.kill("SIGKILL");
    await ended;
    assert.equal((await readdir(user.at("tmp"))).length, 1);

    assert.equal((await user.start(["run"], { env }).ended).exitStatus, 0);

    assert.deepEqual(await readdir(user.at("tmp")), []);
  },
);

async function configureWithCopy(user: User): Promise<void> {
  const second = { engine: "restic", at: user.at("second"), password: "a second password" };
  const first = { engine: "restic", at: user.at("repository"), password: "a first password" };
  await configureBackup(user, {
    job: { copies: ["second"] },
    more: { repositories: { disk: first, second } },
  });
  await writeTree(user.at("data"), { letter: "Dear reader" });
}

async function somethingIn(folder: string): Promise<void> {
  await until(async () => (await readdir(folder, { recursive: true }).catch(() => [])).length > 0);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (await isSo()) return;
    await sleep(10);
  }
  throw new Error("what was waited for has not come in half a minute");
}

// A run that goes on has no outcome.
const Outcomes = z.object({ runs: z.array(z.object({ outcome: z.string().nullable() })) });

async function outcomes(victim: Victim): Promise<readonly (string | null)[]> {
  const { stdout } = await victim.call("history", "--json");
  return Outcomes.parse(JSON.parse(stdout)).runs.map(({ outcome }) => outcome);
}

async function runEnded(victim: Victim, count: number): Promise<void> {
  for (let tries = 0; tries < 150; tries += 1) {
    const ended = (await outcomes(victim)).filter((outcome) => outcome !== null);
    if (ended.length >= count) return;
    await sleep(200);
  }
  throw new Error(`fewer than ${count} runs have ended after half a minute`);
}

function assertSameFiles(original: string, restored: string): void {
  const { status, stdout } = spawnSync("diff", ["--recursive", original, restored]);
  assert.equal(status, 0, stdout.toString());
}
