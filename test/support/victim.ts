// Knows: a user whose program is killed at a chosen moment, and what every kill must leave intact. Must not know: which moments are chosen.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import * as z from "zod";
import { writeTree } from "./backup-user.ts";
import { type Ended, newUser, type Started, type User } from "./holdfast.ts";
import { History, RunLine } from "./json-shapes.ts";
import { commandLine, killProcesses, processesOf } from "./processes.ts";
import { forgeRepository } from "./restic-forge.ts";

const execute = promisify(execFile);

/** When the program is killed: by a tool or hook that it has started, at one of its lines, or after a time. */
export type Moment =
  /** "before 3": in place of the third command of restic; "begin of after": in that hook. */
  | { readonly kind: "order"; readonly order: string }
  /** Right when a run says so: see `nameOfLine`. */
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "time"; readonly ms: number };

/** What is killed: the program alone, or with all that it has started, as when the power fails. */
export type Extent = "program" | "everything";

/** A run that was killed, or that ended before it was to be. */
export interface KilledRun extends Ended {
  /** Its number, as far as it came to say it. */
  readonly run: string | undefined;
  readonly lines: readonly string[];
}

const password = "an ordinary password";
const repositories = ["first", "second"] as const;

/**
 * A user with a job whose every run has work for every step: hooks, backup, copy, forget, prune and
 * check. restic and the hooks obey kill orders (see `Moment`).
 */
export class Victim implements AsyncDisposable {
  readonly user: User;
  /** How long the last undisturbed run took, in milliseconds. */
  lastRunMs = 0;
  /** Runs that said that they had ended well. */
  readonly #succeeded = new Set<string>();
  #known: readonly string[] = [];
  #changes = 0;

  constructor(user: User) {
    this.user = user;
  }

  /** Makes a user with a first snapshot that is kept for ever, and one more. */
  static async make(): Promise<Victim> {
    const user = await newUser();
    await user.write("password", `${password}\n`);
    for (const name of repositories) await forgeRepository("restic", user.at(name), password);
    await writeScripts(user);
    await user.configure(configurationOf(user));
    const victim = new Victim(user);
    await victim.change();
    await cp(user.at("data"), user.at("original"), { recursive: true, preserveTimestamps: true });
    await victim.run("--label", "original");
    await victim.change();
    await victim.run();
    return victim;
  }

  /** Starts the program with a folder for temporary files that must be empty in the end. */
  start(...words: readonly string[]): Started {
    return this.user.start(words, { env: { TMPDIR: this.user.at("tmp") } });
  }

  /** Calls the program and waits for its end. */
  async call(...words: readonly string[]): Promise<Ended> {
    return await this.start(...words).ended;
  }

  /** Changes the data, so that a run has something to back up, to forget and to prune. */
  async change(): Promise<void> {
    this.#changes += 1;
    await writeTree(this.user.at("data"), {
      [`new/${this.#changes}`]: randomBytes(100_000),
      changing: `${this.#changes}`,
      same: "never changed",
    });
    await rm(this.user.at(`data/new/${this.#changes - 2}`), { force: true });
  }

  /** A run that is not disturbed and must succeed. Answers with its lines. */
  async run(...words: readonly string[]): Promise<readonly string[]> {
    const started = performance.now();
    const ended = await this.call("run", "--json", ...words);
    const { run, lines } = linesOf(ended);
    assert.equal(ended.exitStatus, 0, ended.stdout + ended.stderr);
    assert.ok(run);
    this.lastRunMs = performance.now() - started;
    this.#succeeded.add(run);
    this.#known = await this.#snapshots("first");
    return lines;
  }

  /** How many commands of restic the last run has used. */
  async countCommands(): Promise<number> {
    return Number(await readFile(this.user.at("calls"), "utf8"));
  }

  /** Starts a run and kills it. */
  async kill(moment: Moment, extent: Extent = "program"): Promise<KilledRun> {
    const { user } = this;
    await rm(user.at("calls"), { force: true });
    if (moment.kind === "order") await user.write("order", moment.order);
    const { child, ended } = this.start("run", "--json");
    const kill = (): void => {
      child.kill("SIGKILL");
      if (extent === "everything") killProcesses(user.home);
    };
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const named = moment.kind === "line" && linesOf({ stdout: said }).lines.includes(moment.line);
      if (named) kill();
    });
    const timer = moment.kind === "time" ? setTimeout(kill, moment.ms) : undefined;
    const { stdout, ...rest } = await ended;
    clearTimeout(timer);
    await rm(user.at("order"), { force: true });
    const killed = { stdout, ...rest, ...linesOf({ stdout }) };
    // A run that has just said its last word may be too quick, and one that is to be killed late.
    const mayEnd = moment.kind === "time" || killed.lines.at(-1) === "run-finished";
    assert.ok(mayEnd || killed.exitStatus === null, `it was not killed: ${stdout}`);
    return killed;
  }

  /** All that has to hold after a kill: before, in and after the next run. */
  async assertIntact(killed: KilledRun): Promise<void> {
    await this.assertNothingRuns();
    const survivors = await this.#snapshots("first");
    const [original, , newest] = [this.#known[0], ...this.#known.slice(-2)];
    for (const id of [original, newest]) {
      assert.ok(survivors.includes(String(id)), `snapshot ${id} is gone after ${killed.stdout}`);
    }

    await this.change();
    await this.run();

    await this.#assertHistory(killed);
    await this.#assertHooksMadeUpFor();
    const expected = [...new Set([...survivors.slice(0, 1), ...this.#known.slice(-2)])];
    assert.deepEqual(this.#known, expected, "the rules are kept again");
    for (const name of repositories) {
      assert.deepEqual(await this.#leftIn(`${name}/locks`), [], `locks of ${name}`);
    }
    assert.deepEqual(await this.#leftIn("tmp"), [], "temporary files");
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

  /** Restores the oldest snapshot and the newest from each repository, and compares them. */
  async assertRestorable(): Promise<void> {
    const [oldest = ""] = this.#known;
    await this.#assertRestores(["--from", "first", `documents@${oldest}`], "original");
    await this.#assertRestores(["--from", "first", "documents@latest"], "data");
    await this.#assertRestores(["--from", "second", "documents@latest"], "data");
    const checked = await this.call("check", "--read-data");
    assert.equal(checked.exitStatus, 0, checked.stdout + checked.stderr);
  }

  /** What is left in a folder, but for what a killed restic itself leaves half written. */
  async #leftIn(folder: string): Promise<readonly string[]> {
    const names = await readdir(this.user.at(folder));
    return names.filter((name) => !/^restic-|-tmp-\d+$/.test(name));
  }

  async #assertRestores(words: readonly string[], original: string): Promise<void> {
    const { user } = this;
    const target = user.at("restored");
    const { exitStatus, stderr } = await this.call("restore", ...words, "--target", target);
    assert.equal(exitStatus, 0, stderr);
    await execute("diff", ["--recursive", user.at(original), `${target}${user.at("data")}`]);
    await rm(target, { recursive: true });
  }

  async #assertHistory(killed: KilledRun): Promise<void> {
    const shown = await this.call("history", "--json", "--limit", "1000");
    const { runs } = History.parse(JSON.parse(shown.stdout));
    const known = new Set(runs.map(({ run }) => run));
    for (const run of [killed.run, ...this.#succeeded]) {
      assert.ok(run === undefined || known.has(run), `run ${run} is not in ${shown.stdout}`);
    }
    const after = (await readFile(this.user.at("after.log"), "utf8")).split("\n");
    for (const { run, outcome } of runs) {
      // Between the journal's entry and the program's word it may have been killed all the same.
      const hadEnded = after.includes(run) && outcome === "success" && run === runs[1]?.run;
      if (hadEnded) this.#succeeded.add(run);
      assert.equal(outcome, this.#succeeded.has(run) ? "success" : "interrupted", run);
    }
  }

  async #assertHooksMadeUpFor(): Promise<void> {
    const { user } = this;
    const [before, after] = await Promise.all(
      ["before.log", "after.log"].map(async (name) => await readFile(user.at(name), "utf8")),
    );
    const ended = new Set(after?.split("\n"));
    const owed = before?.split("\n").filter((run) => !ended.has(run));
    assert.deepEqual(owed, [], "every before hook has had its after hook");
    assert.ok(!(await readdir(user.home)).includes("stopped"), "the application runs again");
  }

  /** Ids of all snapshots, oldest first, as restic itself knows them. */
  async #snapshots(repository: string): Promise<readonly string[]> {
    const env = { ...this.user.environment(), RESTIC_PASSWORD: password };
    const argv = ["--repo", this.user.at(repository), "snapshots", "--json", "--no-lock"];
    const { stdout } = await execute("restic", argv, { env });
    const listed = z.array(z.object({ id: z.string(), time: z.coerce.date() }));
    const snapshots = listed.parse(JSON.parse(stdout));
    return snapshots.toSorted((a, b) => a.time.getTime() - b.time.getTime()).map(({ id }) => id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killProcesses(this.user.home);
    await this.user[Symbol.asyncDispose]();
  }
}

/** What a line of a run is called: its event, step and repository. */
function nameOfLine(line: z.output<typeof RunLine>): string {
  const step = "step" in line ? ` ${line.step}` : "";
  const repository = "repository" in line ? ` ${line.repository}` : "";
  return `${line.event}${step}${repository}`;
}

/** The names of the whole lines that a run has printed, and its number. Progress comes and goes: it is left out. */
export function linesOf({ stdout }: { readonly stdout: string }): {
  readonly run: string | undefined;
  readonly lines: readonly string[];
} {
  const whole = stdout.split("\n").slice(0, -1);
  const lines = whole.map((line) => RunLine.parse(JSON.parse(line)));
  const facts = lines.filter(({ event }) => event !== "progress");
  return { run: lines[0]?.run, lines: facts.map(nameOfLine) };
}

function configurationOf(user: User): object {
  const repository = (name: string): object => ({
    engine: "restic",
    program: user.at("restic"),
    at: user.at(name),
    password: { file: user.at("password") },
    ...(name === "first" ? { "check-every": "0s" } : {}),
  });
  const hook = (moment: string): readonly (readonly string[])[] => [[user.at("hook"), moment]];
  return {
    state: user.at("state"),
    repositories: Object.fromEntries(repositories.map((name) => [name, repository(name)])),
    jobs: {
      documents: {
        sources: [user.at("data")],
        repository: "first",
        copies: ["second"],
        keep: { last: 2, labels: ["original"] },
        "prune-every": "0s",
        hooks: { before: hook("before"), after: hook("after") },
      },
    },
  };
}

/** A restic and a hook that kill whoever started them, when that was ordered. The parent is the program itself. */
async function writeScripts(user: User): Promise<void> {
  const head = `#!/bin/sh
    cd ${user.home}
    order=$(cat order 2>/dev/null)
    fire() { rm -f order; kill -KILL $PPID; exit 1; }`;
  const restic = `${head}
    count=$(($(cat calls 2>/dev/null || echo 0) + 1))
    echo $count > calls
    case $order in
      "before $count") fire ;;
      "in $count") parent=$PPID; (sleep 0.07; rm -f order; kill -KILL $parent) >/dev/null 2>&1 & ;;
      "after $count") restic "$@"; fire ;;
    esac
    exec restic "$@"\n`;
  const hook = `${head}
    echo "$1 $HOLDFAST_RUN" >> hooks.log
    [ "$order" != "begin of $1" ] || fire
    [ "$1 $HOLDFAST_OUTCOME" != "after interrupted" ] || sleep "$(cat slow 2>/dev/null || echo 0)"
    case $1 in before) : > stopped ;; after) rm -f stopped ;; esac
    echo "$HOLDFAST_RUN" >> "$1.log"
    [ "$order" != "end of $1" ] || fire
    echo "done $1 $HOLDFAST_RUN" >> hooks.log\n`;
  await user.write("tmp/.keep", "");
  await rm(user.at("tmp/.keep"));
  for (const [name, script] of Object.entries({ restic, hook })) {
    await writeFile(user.at(name), script);
    await chmod(user.at(name), 0o755);
  }
}
