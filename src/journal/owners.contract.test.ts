import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { suite, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { openJournal } from "./open.ts";

const program = fileURLToPath(import.meta.resolve("../../test/support/journal-process.ts"));

/** How a process is set apart from this one: options of unshare(1), and what is done before it starts. */
interface Apart {
  readonly options: readonly string[];
  readonly before?: string;
}

const container = ["--mount", "--pid", "--fork", "--mount-proc"];
const otherName = "hostname elsewhere";
// Some containers are given a boot id of their own in just this way.
const otherBoot = `mount --bind "$BOOT_ID" /proc/sys/kernel/random/boot_id`;

const here: Apart = { options: [] };
const otherContainer: Apart = { options: container };
const otherBootHere: Apart = { options: ["--mount"], before: otherBoot };
const otherMachine: Apart = {
  options: [...container, "--uts"],
  before: `${otherName} && ${otherBoot}`,
};

interface OwnerProcess {
  readonly directory: string;
  readonly child: ChildProcess;
}

function lacksUnshare(t: TestContext): boolean {
  const argv = [...container, "--uts", "hostname", "elsewhere"];
  if (spawnSync("unshare", argv, { stdio: "ignore" }).status === 0) return false;
  if (process.env["CI"] === "true") assert.fail("unshare does not work here");
  t.skip("unshare does not work here");
  return true;
}

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-owners-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function start(t: TestContext, apart: Apart, argv: readonly string[]): ChildProcess {
  const bootId = join(newDirectory(t), "boot-id");
  writeFileSync(bootId, "00000000-0000-4000-8000-000000000000\n");
  const inside = ["sh", "-c", `${apart.before ?? "true"} && exec "$@"`, "sh"];
  const outside = apart.options.length === 0 ? [] : ["unshare", ...apart.options];
  const [command = "", ...rest] = [...outside, ...inside, process.execPath, program, ...argv];
  const child = spawn(command, rest, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, BOOT_ID: bootId },
  });
  t.after(async () => await kill(child));
  return child;
}

/** What it says first. Throws with its complaints when it says nothing. */
async function firstLine({ stdout, stderr }: ChildProcess): Promise<string> {
  if (stdout === null || stderr === null) throw new Error("its output is not piped");
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error(await text(stderr));
}

/** A process set apart from this one that has begun a run and taken a lock. */
async function startOwner(t: TestContext, apart: Apart): Promise<OwnerProcess> {
  const directory = join(newDirectory(t), "state");
  const child = start(t, apart, ["own", directory]);
  assert.equal(await firstLine(child), "taken");
  return { directory, child };
}

/** Kills it, and waits until whoever started it has seen its end: then the kernel has let go of all it had. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  const { pid = assert.fail() } = child;
  const inside = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  process.kill(inside === "" ? pid : Number(inside), "SIGKILL");
  await gone;
}

/** Whether the owner has lost its lock and its run to this process. Ends the run if it has. */
function loses(directory: string): boolean {
  using journal = openJournal(directory);
  const dead = journal.deadRuns();
  const result = journal.lock("repository:documents", "check");
  if (result.taken) result.lock[Symbol.dispose]();
  assert.equal(dead.length === 1, result.taken, "lock and run tell different things");
  for (const { id } of dead) {
    journal.finishRun(id, { outcome: "interrupted", snapshots: [], suspicious: [] });
  }
  return result.taken;
}

function signsIn(directory: string): readonly string[] {
  return readdirSync(join(directory, "alive"));
}

/** Makes it look as if its owner had its sign on a disk that other machines use as well. */
function moveToSharedDisk(directory: string): void {
  using connection = new DatabaseSync(join(directory, "journal.sqlite"));
  const moved = "owner = json_set(owner, '$.sign.onLocalDisk', json('false'))";
  connection.exec(`UPDATE runs SET ${moved}; UPDATE locks SET ${moved}`);
}

function deleteSigns(directory: string): void {
  rmSync(join(directory, "alive"), { recursive: true });
}

const cases: readonly {
  readonly name: string;
  readonly apart: Apart;
  /** What happens to the journal while the owner lives. */
  readonly change?: (directory: string) => void;
  readonly losesWhenKilled: boolean;
}[] = [
  { name: "here", apart: here, losesWhenKilled: true },
  { name: "in another container", apart: otherContainer, losesWhenKilled: true },
  {
    name: "on this machine when it had another name",
    apart: { options: ["--uts"], before: otherName },
    losesWhenKilled: true,
  },
  {
    name: "in another container with another name",
    apart: { options: [...container, "--uts"], before: otherName },
    losesWhenKilled: true,
  },
  {
    name: "in a container that counts its time from another moment",
    apart: { options: ["--time", "--boottime", "100000", "--fork"] },
    losesWhenKilled: true,
  },
  { name: "with another boot id under this name", apart: otherBootHere, losesWhenKilled: true },
  { name: "with another boot id and another name", apart: otherMachine, losesWhenKilled: true },
  {
    name: "in another container, with the journal on a shared disk",
    apart: otherContainer,
    change: moveToSharedDisk,
    losesWhenKilled: true,
  },
  {
    name: "with another boot id under this name, with the journal on a shared disk",
    apart: otherBootHere,
    change: moveToSharedDisk,
    losesWhenKilled: true,
  },
  {
    name: "with another boot id and another name, with the journal on a shared disk",
    apart: otherMachine,
    change: moveToSharedDisk,
    losesWhenKilled: false,
  },
  {
    name: "here, whose sign was deleted",
    apart: here,
    change: deleteSigns,
    losesWhenKilled: true,
  },
  {
    name: "in another container, whose sign was deleted",
    apart: otherContainer,
    change: deleteSigns,
    losesWhenKilled: false,
  },
];

suite("an owner", { concurrency: 2 }, () => {
  for (const { name, apart, change, losesWhenKilled } of cases) {
    const end = losesWhenKilled ? "keeps all until it is killed" : "keeps all even when killed";
    test(`${name}: ${end}`, async (t) => {
      if (lacksUnshare(t)) return;
      const { directory, child } = await startOwner(t, apart);
      change?.(directory);

      const whileAlive = loses(directory);
      await kill(child);
      const whenKilled = loses(directory);

      assert.equal(whileAlive, false);
      assert.equal(whenKilled, losesWhenKilled);
      if (losesWhenKilled) assert.deepEqual(signsIn(directory), []);
    });
  }

  test("here keeps all in a copy of the journal, where nobody holds its sign, until it is killed", async (t) => {
    const { directory, child } = await startOwner(t, here);
    const copy = `${directory}-copy`;
    cpSync(directory, copy, { recursive: true });

    const whileAlive = loses(copy);
    await kill(child);

    assert.equal(whileAlive, false);
    assert.equal(loses(copy), true);
  });

  test("keeps all from a process in another container, and loses it to one when it is killed", async (t) => {
    if (lacksUnshare(t)) return;
    const { directory, child } = await startOwner(t, here);
    const look = async () => await firstLine(start(t, otherContainer, ["lock", directory, "0"]));

    const whileAlive = await look();
    await kill(child);
    const whenKilled = await look();

    assert.equal(whileAlive, `busy ${child.pid}`);
    assert.equal(whenKilled, "taken");
  });

  test("that was killed in a container loses its lock to exactly one of many", async (t) => {
    if (lacksUnshare(t)) return;
    const { directory, child } = await startOwner(t, otherMachine);
    await kill(child);
    const at = String(Date.now() + 2000);

    const heirs = Array.from({ length: 8 }, () => start(t, here, ["lock", directory, at]));
    const answers = await Promise.all(heirs.map(firstLine));

    assert.equal(answers.filter((answer) => answer === "taken").length, 1, answers.join());
    await Promise.all(heirs.map(kill));
    assert.equal(loses(directory), true);
    assert.deepEqual(signsIn(directory), []);
  });

  test("that was killed before it used its sign leaves nothing for long", async (t) => {
    const directory = join(newDirectory(t), "state");
    const child = start(t, here, ["sign", directory]);
    await firstLine(child);
    openJournal(directory)[Symbol.dispose]();
    const whileAlive = signsIn(directory).length;

    await kill(child);
    openJournal(directory)[Symbol.dispose]();

    assert.equal(whileAlive, 1);
    assert.deepEqual(signsIn(directory), []);
  });
});
