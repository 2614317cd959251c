import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { suite, test, type TestContext } from "node:test";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { openJournal } from "./open.ts";

const program = fileURLToPath(import.meta.resolve("../../test/support/journal-process.ts"));
const files = ["", "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"];

// More calls than this of one kind tell nothing new: the later ones belong to closing the file.
const mostFaults = 12;

interface Answer {
  readonly id?: string;
  readonly code?: string;
}

/** Starts a run in a process whose n-th call of this kind on the journal's files fails. */
async function startWithFault(
  directory: string,
  fault: { readonly call: string; readonly error: string; readonly when: number },
): Promise<{ readonly answer: Answer; readonly happened: boolean }> {
  const { call, error, when } = fault;
  const trace = `${directory}.trace`;
  const injection = ["-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${when}`];
  const onlyOn = files.flatMap((name) => ["-P", join(directory, name)]);
  const traced = [process.execPath, program, "start", directory];
  const child = spawn("strace", ["-f", "-o", trace, ...injection, ...onlyOn, ...traced], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  assert.equal(status, 0, `${call} ${error} ${when}: it ended with ${String(status)}`);
  const answer: Answer = JSON.parse(output);
  return { answer, happened: readFileSync(trace, "utf8").includes("(INJECTED)") };
}

/** Lets the first call fail, then the second, until there is none left to fail. Returns how many did. */
async function failEveryCall(directory: string, call: string, error: string): Promise<number> {
  const original = join(directory, "original");
  const journal = openJournal(original);
  journal.startRun("documents", "command");
  journal[Symbol.dispose]();

  for (let when = 1; when <= mostFaults; when += 1) {
    const copy = join(directory, String(when));
    cpSync(original, copy, { recursive: true });
    const { answer, happened } = await startWithFault(copy, { call, error, when });
    assertWhole(copy, answer, `${call} ${error} ${when}`);
    if (!happened) return when - 1;
  }
  return mostFaults;
}

/** The process said either that a run has begun, which is then there, or that the journal is unusable. */
function assertWhole(directory: string, { id, code }: Answer, fault: string): void {
  if (id === undefined) assert.equal(code, "journal-unusable", fault);
  using journal = openJournal(directory);
  assert.ok(id === undefined || journal.run(id) !== undefined, fault);
  assert.ok(journal.runs({ limit: 10 }).length >= 1, fault);
  using connection = new DatabaseSync(join(directory, "journal.sqlite"));
  const found = connection.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
  assert.equal(found, "ok", fault);
}

function lacksStrace(t: TestContext): boolean {
  const works =
    spawnSync("strace", ["-e", "trace=write", "true"], { stdio: "ignore" }).status === 0;
  if (works) return false;
  if (process.env["CI"] === "true") assert.fail("strace does not work here");
  t.skip("strace does not work here");
  return true;
}

suite("a system call that fails leaves a whole journal", { concurrency: 2 }, () => {
  for (const [call, error] of [
    ["fsync", "EIO"],
    ["pwrite64", "EIO"],
    ["pwrite64", "ENOSPC"],
    ["pread64", "EIO"],
    ["openat", "EACCES"],
    ["openat", "EMFILE"],
    ["ftruncate", "EIO"],
    ["fcntl", "ENOLCK"],
    ["mmap", "ENOMEM"],
    ["unlink", "EROFS"],
  ] as const) {
    test(`${call}: ${error}`, async (t) => {
      if (lacksStrace(t)) return;
      const directory = mkdtempSync(join(tmpdir(), "holdfast-faults-"));
      t.after(() => rmSync(directory, { recursive: true, force: true }));

      const faults = await failEveryCall(directory, call, error);

      t.diagnostic(`${call}: ${faults} faults`);
      assert.ok(faults > 0, "the fault that was planned never happened");
    });
  }
});
