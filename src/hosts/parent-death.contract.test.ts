import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import type { Command } from "./host.ts";
import { findExecutable } from "./executable.ts";
import { localHost } from "./local.ts";
import { parentDeathPrefixes } from "./parent-death.ts";
import { isLiving, processEntry } from "./process-table.ts";

const unprotected =
  parentDeathPrefixes(process.env).plain.length === 0 &&
  "there is no setpriv with --pdeathsig here";
const withoutRestic =
  findExecutable("restic", process.env).kind !== "found" && "restic is not installed";

if (process.env["CI"] === "true") {
  assert.equal(unprotected, false);
  assert.equal(withoutRestic, false);
}

test("a command does not outlive a program that was killed", { skip: unprotected }, async () => {
  await using program = await startProgram([
    { argv: ["sh", "-c", "echo $$ >&2; exec sleep 300"], effect: "reads" },
  ]);
  const [pid] = await program.children(1);

  await program.kill();

  await isGone(pid);
});

test("no stage of a pipeline does", { skip: unprotected }, async () => {
  const stage: Command = {
    argv: ["sh", "-c", "echo $$ >&2; cat; exec sleep 300"],
    effect: "reads",
  };
  await using program = await startProgram([stage, stage, stage]);
  const pids = await program.children(3);

  await program.kill();

  await Promise.all(pids.map(isGone));
});

test("nor does one begin to write after that", { skip: unprotected }, async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  // A machine that is busy: what asks the kernel for the signal comes to it late.
  const [setpriv = ""] = parentDeathPrefixes(process.env).plain;
  const slow = `#!/bin/sh\n: pdeathsig; echo $$ > ${at("pid")}; sleep 1; echo > ${at("asked")}; exec ${setpriv} "$@"\n`;
  await writeFile(at("setpriv"), slow, { mode: 0o755 });
  const env = { PATH: `${directory.path}:${process.env["PATH"]}` };
  await using program = await startProgram(
    [{ argv: ["sh", "-c", "echo > wrote; sleep 300"], effect: "writes", cwd: directory.path }],
    { env },
  );
  await until(() => existsSync(at("pid")));

  await program.kill();

  await isGone(Number(readFileSync(at("pid"), "utf8")));
  assert.deepEqual((await readdir(directory.path)).toSorted(), ["asked", "pid", "setpriv"]);
});

test("a command that writes has all of its environment, whatever a shell thinks of it", async ({
  signal,
}) => {
  const env = { "odd.name": "odd", PLAIN: "plain" };

  const { stdout } = await localHost().run({ argv: ["env"], env, effect: "writes" }, signal);

  assert.match(stdout, /^odd\.name=odd$/m);
  assert.match(stdout, /^PLAIN=plain$/m);
});

test("nothing outlives a program that exits, grandchildren neither", async () => {
  const script = "sh -c 'echo $PPID >&2; echo $$ >&2; exec sleep 300' & wait";
  await using program = await startProgram([{ argv: ["sh", "-c", script], effect: "reads" }], {
    exitsAfterLines: 2,
  });

  const pids = await program.children(2);

  await Promise.all([program.pid, ...pids].map(isGone));
});

test("a restic that holds a lock does not", { skip: unprotected || withoutRestic }, async () => {
  await using directory = await temporaryDirectory();
  const repository = join(directory.path, "repository");
  const restic: Command = {
    argv: ["restic", "--repo", repository, "--no-cache"],
    env: { RESTIC_PASSWORD: "only for this test" },
    effect: "writes",
  };
  await localHost().run({ ...restic, argv: [...restic.argv, "init"] }, AbortSignal.timeout(30_000));
  await using program = await startProgram([
    { argv: ["sh", "-c", "echo $$ >&2; exec sleep 300"], effect: "reads" },
    { ...restic, argv: [...restic.argv, "backup", "--stdin"] },
  ]);
  await program.children(1);
  await until(async () => (await readdir(join(repository, "locks"))).length > 0);
  const pids = childrenOf(program.pid);

  await program.kill();

  assert.equal(pids.length, 2);
  await Promise.all(pids.map(isGone));
});

interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  /** The numbers that so many commands have written to standard error. */
  children(count: number): Promise<readonly number[]>;
  kill(): Promise<void>;
}

/** A Node program that runs a pipeline on its local host, as Holdfast does. */
async function startProgram(
  commands: readonly Command[],
  options: { readonly exitsAfterLines?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<RunningProgram> {
  const source = `
    import { localHost } from ${JSON.stringify(new URL("local.ts", import.meta.url).href)};
    let lines = 0;
    await localHost().pipe(${JSON.stringify(commands)}, new AbortController().signal, {
      stderrLine: (line) => {
        console.log(line);
        if (++lines === ${options.exitsAfterLines ?? 0}) process.exit(70);
      },
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "inherit"],
    env: options.env ?? process.env,
  });
  await once(child, "spawn");
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  const numbers = (): readonly number[] => (said.match(/^\d+$/gm) ?? []).map(Number);
  return {
    pid: child.pid ?? 0,
    kill,
    children: async (count) => {
      await until(() => numbers().length >= count);
      return numbers();
    },
    [Symbol.asyncDispose]: kill,
  };
}

async function isGone(pid: number | undefined): Promise<void> {
  assert.ok(pid);
  await until(() => !isLiving(processEntry(pid)));
}

/** Waits for what happens by itself, for half a minute at most. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    assert.ok(tries < 1500, `it never came true: ${String(holds)}`);
    await sleep(20);
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" "))
    .filter((child) => child !== "")
    .map(Number);
}

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-death-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
    },
  };
}
