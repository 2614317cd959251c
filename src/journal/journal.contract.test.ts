import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { DatabaseSync } from "node:sqlite";
import { suite, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { randomNumbers } from "../../test/support/random.ts";
import { type ProcessIdentity, thisProcess } from "../hosts/process-identity.ts";
import type { Journal } from "./journal.ts";
import { openJournal } from "./open.ts";
import { realProcesses } from "./owner.ts";

const program = fileURLToPath(import.meta.resolve("../../test/support/journal-process.ts"));

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-journal-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A process that works on a journal (see test/support/journal-process.ts). It is killed with the test. */
function start(t: TestContext, ...argv: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function linesOf(child: ChildProcess): Promise<readonly string[]> {
  const lines: string[] = [];
  if (child.stdout === null) throw new Error("its output is not piped");
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  return lines;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("its output is not piped");
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, "line").then(String);
  const end = once(child, "exit").then(([code]) => `ended with ${code}`);
  return await Promise.race([line, end]);
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Skips a test for want of a tool; in CI that is a failure. */
function lacks(t: TestContext, tool: string, ...argv: readonly string[]): boolean {
  if (spawnSync(tool, argv, { stdio: "ignore" }).status === 0) return false;
  if (process.env["CI"] === "true") assert.fail(`${tool} does not work here`);
  t.skip(`${tool} does not work here`);
  return true;
}

function integrityOf(directory: string): unknown {
  using connection = new DatabaseSync(join(directory, "journal.sqlite"));
  return connection.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
}

suite("many processes", () => {
  test("that create one journal and want one lock at once: exactly one gets it", async (t) => {
    const directory = join(newDirectory(t), "state");
    const at = String(Date.now() + 2000);
    const children = Array.from({ length: 20 }, () => start(t, "lock", directory, at));

    const answers = await Promise.all(children.map(firstLine));

    const winner = children[answers.indexOf("taken")];
    assert.equal(answers.filter((answer) => answer === "taken").length, 1, answers.join());
    assert.equal(answers.filter((answer) => answer === `busy ${winner?.pid}`).length, 19);
    await Promise.all(children.map(kill));
    assert.equal(integrityOf(directory), "ok");
  });

  test("hand a lock on when its holder is killed", async (t) => {
    const directory = newDirectory(t);
    const holder = start(t, "lock", directory, "0");
    await firstLine(holder);
    using journal = openJournal(directory);
    const before = journal.lock("repository:documents", "test");

    await kill(holder);
    const after = journal.lock("repository:documents", "test");

    assert.equal(before.taken, false);
    assert.equal(after.taken, true);
  });

  test("can be read by one while others write", async (t) => {
    const directory = newDirectory(t);
    const writers = [start(t, "write", directory), start(t, "write", directory)];
    await Promise.all(writers.map(firstLine));

    const counts: number[] = [];
    for (let look = 0; look < 30; look += 1) {
      using journal = openJournal(directory, { readOnly: true });
      counts.push(journal.runs({ limit: 100_000 }).length);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
    await Promise.all(writers.map(kill));
    assert.equal(integrityOf(directory), "ok");
  });
});

suite("a killed process", () => {
  test("leaves a readable journal with all that had returned, whenever it was killed", async (t) => {
    const directory = newDirectory(t);
    const seed = Date.now();
    t.diagnostic(`seed ${seed}`);
    const random = randomNumbers(seed);
    const said: string[] = [];

    for (let kills = 0; kills < 25; kills += 1) {
      const child = start(t, "write", directory);
      const reading = linesOf(child);
      await once(child.stdout ?? assert.fail(), "readable");
      await new Promise((resolve) => setTimeout(resolve, random() * 40));
      await kill(child);
      said.push(...(await reading));

      using journal = openJournal(directory);
      assertHolds(journal, said);
    }

    endDeadRuns(directory);
    assert.equal(integrityOf(directory), "ok");
    assert.ok(namesIn(said, "started").length > 0, "nothing was written before the kills");
    assert.deepEqual(readdirSync(join(directory, "alive")), []);
  });
});

function endDeadRuns(directory: string): void {
  using journal = openJournal(directory);
  for (const { id } of journal.deadRuns()) {
    journal.finishRun(id, { outcome: "interrupted", snapshots: [], suspicious: [] });
  }
}

/** Everything that a writer said before it died is there. It may have done more than it could say. */
function assertHolds(journal: Journal, said: readonly string[]): void {
  const open = new Set(journal.openPromises().map(({ entry }) => entry.subject));
  const dead = new Set(journal.deadRuns().map(({ id }) => id));
  const finished = (id: string) => journal.run(id)?.end?.outcome === "success";
  const started = namesIn(said, "started");
  const events = Map.groupBy(namesIn(said, "event"), (id) => id);

  assert.deepEqual(
    namesIn(said, "promised").filter((subject) => !open.has(subject)),
    [],
  );
  assert.deepEqual(
    namesIn(said, "settled").filter((subject) => open.has(subject)),
    [],
  );
  assert.deepEqual(
    started.filter((id) => dead.has(id) === finished(id)),
    [],
  );
  assert.ok(namesIn(said, "finished").every(finished));
  assert.deepEqual(
    [...events].filter(([id, { length }]) => journal.events(id).length < length),
    [],
  );
}

function namesIn(said: readonly string[], what: string): readonly string[] {
  return said
    .filter((line) => line.startsWith(`${what} `))
    .map((line) => line.slice(what.length + 1));
}

/** Runs tasks of the program in shell steps that may mount things nobody else sees. One answer a task. */
function inOwnMounts(steps: readonly string[], directory: string): readonly Answer[] {
  const script = ["set -e", ...steps].join("\n");
  const argv = ["--mount", "sh", "-c", script, "sh", directory, process.execPath, program];
  const { stdout, stderr } = spawnSync("unshare", argv, { encoding: "utf8" });
  return stdout.split("\n").flatMap((line) => {
    const answers: Answer[] = line === "" ? [] : [JSON.parse(line)];
    assert.equal(stderr, "");
    return answers;
  });
}

interface Answer {
  readonly code?: string;
  readonly message?: string;
}

suite("the disk", () => {
  test("has a run, its end and every promise before the call returns", (t) => {
    if (lacks(t, "strace", "-e", "trace=write", "true")) return;
    const directory = newDirectory(t);
    const trace = join(directory, "trace");
    const argv = [process.execPath, program, "sync", join(directory, "state")];

    const options = ["-f", "-y", "-e", "trace=fsync,fdatasync,write", "-o", trace];
    spawnSync("strace", [...options, ...argv], { stdio: "ignore" });

    const syncs = new Map<string, number>();
    let mark = "open";
    for (const line of readFileSync(trace, "utf8").split("\n")) {
      mark = /"mark (\w+)/.exec(line)?.[1] ?? mark;
      const isSync = /f(data)?sync\(\d+<.*journal\.sqlite-wal>\) += 0/.test(line);
      if (isSync) syncs.set(mark, (syncs.get(mark) ?? 0) + 1);
    }
    assert.equal(mark, "end");
    for (const durable of ["start", "promise", "finish"]) assert.equal(syncs.get(durable), 1);
    for (const cheap of ["append", "settle"]) assert.equal(syncs.get(cheap), undefined);
  });

  test("may be full: the journal says so, and what it holds can be read", (t) => {
    if (lacks(t, "unshare", "--mount", "true")) return;
    const directory = newDirectory(t);
    const steps = [
      `mount -t tmpfs -o size=1m tmpfs "$1"`,
      ...["fill", "start", "read"].map((task) => `"$2" "$3" ${task} "$1/state"`),
    ];

    const [filling, starting, reading] = inOwnMounts(steps, directory);

    const full = { code: "journal-unusable", message: /disk is full/ };
    assert.match(filling?.message ?? "", full.message);
    assert.equal(filling?.code, full.code);
    assert.match(starting?.message ?? "", full.message);
    assert.deepEqual(reading, ["documents"]);
  });

  test("may be read only: the journal can be read, and says that it cannot be written", (t) => {
    if (lacks(t, "unshare", "--mount", "true")) return;
    const directory = newDirectory(t);
    openJournal(join(directory, "state"))[Symbol.dispose]();
    const steps = [
      `mount --bind "$1" "$1"`,
      `"$2" "$3" start "$1/state"`,
      `mount -o remount,ro,bind "$1"`,
      ...["read", "start"].map((task) => `"$2" "$3" ${task} "$1/state"`),
    ];

    const [, reading, starting] = inOwnMounts(steps, directory);

    assert.deepEqual(reading, ["documents"]);
    assert.equal(starting?.code, "journal-unusable");
    assert.equal(existsSync(join(directory, "state/journal.sqlite-wal")), false);
  });
});

/** A process that lives until the test ends, and one that is gone. */
async function processes(t: TestContext): Promise<{ living: number; gone: number }> {
  const living = spawn("sleep", ["600"]);
  const gone = spawn("true");
  t.after(() => living.kill("SIGKILL"));
  await Promise.all([once(living, "spawn"), once(gone, "exit")]);
  return { living: living.pid ?? assert.fail(), gone: gone.pid ?? assert.fail() };
}

suite("who holds a lock", () => {
  const here = thisProcess();
  const { startTicks = 0 } = here;
  const otherBoot = { bootId: "00000000-0000-4000-8000-000000000000" };

  const stranger = { ...here, host: "elsewhere", ...otherBoot };
  const cases: readonly {
    readonly name: string;
    readonly loses: boolean;
    readonly holder: (pids: { living: number; gone: number }) => ProcessIdentity;
  }[] = [
    { name: "this process", loses: false, holder: () => here },
    {
      name: "another process that lives",
      loses: false,
      holder: ({ living }) => ({ ...here, pid: living, startTicks: startTicksOf(living) }),
    },
    { name: "a process that is gone", loses: true, holder: ({ gone }) => ({ ...here, pid: gone }) },
    {
      name: "one whose number another process has now",
      loses: true,
      holder: ({ living }) => ({ ...here, pid: living, startTicks: startTicksOf(living) - 1 }),
    },
    {
      name: "one with this process's number that started earlier",
      loses: true,
      holder: () => ({ ...here, startTicks: startTicks - 1 }),
    },
    {
      name: "one of an earlier boot whose number is taken again",
      loses: true,
      holder: () => ({ ...here, ...otherBoot }),
    },
    {
      name: "one of an earlier boot that is gone",
      loses: true,
      holder: ({ gone }) => ({ ...here, ...otherBoot, pid: gone }),
    },
    { name: "one on another machine", loses: false, holder: () => stranger },
    {
      name: "one on another machine whose number is free here",
      loses: false,
      holder: ({ gone }) => ({ ...stranger, pid: gone }),
    },
    {
      name: "one on another machine whose number another process has here",
      loses: false,
      holder: ({ living }) => ({ ...stranger, pid: living }),
    },
    {
      name: "one in another container of this machine",
      loses: false,
      holder: ({ gone }) => ({ ...here, pidNamespace: "pid:[1]", pid: gone }),
    },
    {
      name: "one of which only host and number are known, and lives",
      loses: false,
      holder: ({ living }) => ({ host: hostname(), pid: living }),
    },
  ];

  for (const { name, loses, holder } of cases) {
    test(`${name}: ${loses ? "loses it" : "keeps it"}`, async (t) => {
      if (process.platform !== "linux") return t.skip("identities are as exact only on Linux");
      const directory = newDirectory(t);
      const owner = holder(await processes(t));
      using theirs = openJournal(directory, { processes: { ...realProcesses, self: () => owner } });
      theirs.lock("repository:documents", "backup");
      const { id } = theirs.startRun("documents", "command");
      using ours = openJournal(directory);

      const result = ours.lock("repository:documents", "check");

      assert.equal(result.taken, loses);
      assert.deepEqual(
        ours.deadRuns().map((run) => run.id),
        loses ? [id] : [],
      );
    });
  }
});

/** When a process started, in ticks since the machine did: field 22 of proc(5). */
function startTicksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return Number(fields[19]);
}
