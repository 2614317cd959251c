// Knows: how a test has a machine of its own, with drives that are plugged in and out. Must not know: what is tested.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { holdfastProgram } from "./holdfast.ts";
import { withoutTools } from "./tools.ts";

const execute = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const recipe = join(import.meta.dirname, "vm/build.sh");

/** For `skip`: what is missing for a machine in user-mode Linux. */
export function withoutUserModeLinux(): string | false {
  const missing = withoutTools("linux.uml", "uml_mconsole", "debootstrap", "mkfs.ext4", "cc");
  if (missing !== false) return missing;
  return process.getuid?.() === 0 ? false : "needs root, to make a root file system";
}

/** The disk that machines start from, made anew when its recipe has changed. Never written to. */
async function machineDisk(): Promise<string> {
  const key = createHash("sha256")
    .update(await readFile(recipe))
    .digest("hex")
    .slice(0, 12);
  const disk = join(root, ".runtime/vm", `disk-${key}`);
  if (!existsSync(disk)) await execute("sh", [recipe, disk], { timeout: 600_000 });
  return disk;
}

/** A scenario that a machine ran to its end. */
export interface Played {
  /** All that the scenario and the program in it have said. */
  readonly log: string;
  /** The scenario came to its last line. */
  readonly finished: boolean;
}

/** What a machine runs, and what is plugged into it. */
export interface Scenario {
  /** A script for sh, run as root; see `vm/scenario.sh` for the words that it may use. */
  readonly script: string;
  /** The drives by their names: files that are plugged in when the scenario says so. */
  readonly drives: Readonly<Record<string, string>>;
  /** After so long it is ended, finished or not. */
  readonly patienceMs: number;
}

/**
 * A folder that a machine sees, with the program under test in it. It goes with all that was put into it.
 */
export async function newShare(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-vm-"));
  await execute("chmod", ["755", path]);
  // Builds the bundle when a source is newer; the copy stays what it is while others build.
  await execute(holdfastProgram, ["--version"]);
  await cp(join(root, "dist"), join(path, "dist"), { recursive: true });
  return {
    path,
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  };
}

/**
 * Starts a machine, plays a scenario on it and waits until it has gone down. Inside, the share is at
 * /share, Node at /usr/local/bin/node.
 */
export async function play(share: string, scenario: Scenario): Promise<Played> {
  const disk = await machineDisk();
  const log = join(share, "log");
  await writeFile(log, "");
  await writeFile(join(share, "node"), await realpath(process.execPath));
  await cp(join(import.meta.dirname, "vm/words.sh"), join(share, "words.sh"));
  await writeFile(join(share, "scenario.sh"), scenario.script);
  const registers = join(share, "whole-registers.so");
  const source = join(import.meta.dirname, "vm/whole-registers.c");
  await execute("cc", ["-shared", "-fPIC", "-O2", "-o", registers, source]);
  const machine = start(share, disk);
  const ended = new Promise<void>((done) => machine.once("close", () => done()));
  const watching = new AbortController();
  const serving = serve(share, scenario, watching.signal);
  const patience = setTimeout(() => endAll(machine), scenario.patienceMs);
  try {
    await ended;
  } finally {
    clearTimeout(patience);
    endAll(machine);
    watching.abort();
    await serving;
  }
  const text = await readFile(log, "utf8");
  return { log: text, finished: text.endsWith("THE END\n") };
}

function start(share: string, disk: string): ChildProcess {
  const words = [
    "umid=machine",
    `uml_dir=${share}/uml/`,
    "mem=512M",
    // What it writes goes beside the disk that all machines share.
    `ubd0=${share}/changes,${disk}`,
    "root=/dev/ubda",
    "rw",
    "quiet",
    "con=null",
    "con0=null,fd:1",
    "ssl=null",
    "systemd.unified_cgroup_hierarchy=1",
    `scenario=/host${share}/words.sh`,
  ];
  const env = { ...process.env, TMPDIR: share, LD_PRELOAD: join(share, "whole-registers.so") };
  return spawn("linux.uml", words, { stdio: "ignore", detached: true, env });
}

/** It is a process for each of its own; they are one group. */
function endAll({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All have ended.
  }
}

/** Does what the scenario asks of the world around the machine, in turn, until the signal aborts. */
async function serve(share: string, { drives }: Scenario, signal: AbortSignal): Promise<void> {
  for (let turn = 1; !signal.aborted; turn += 1) {
    const wish = join(share, `wish-${turn}`);
    while (!existsSync(wish)) {
      if (signal.aborted) return;
      await sleep(50);
    }
    const [verb = "", slot = "", drive = ""] = (await readFile(wish, "utf8")).trim().split(" ");
    const words = verb === "plug" ? ["config", `${slot}=${drives[drive] ?? ""}`] : ["remove", slot];
    const console = `${share}/uml/machine/mconsole`;
    const answer = await execute("uml_mconsole", [console, ...words], { timeout: 10_000 }).then(
      ({ stdout }) => stdout,
      (error: unknown) => String(error),
    );
    await writeFile(join(share, `answer-${turn}.part`), answer);
    await execute("mv", [join(share, `answer-${turn}.part`), join(share, `answer-${turn}`)]);
  }
}
