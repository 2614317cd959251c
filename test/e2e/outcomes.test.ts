// Each thing that can go wrong with a backup has an outcome, an exit status and a hint of its own.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { backupUser, configureBackup, finishedRun, writeTree } from "../support/backup-user.ts";
import { type Ended, holdfastProgram, newUser, type User } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

const options = { skip: withoutTools("restic", "setpriv"), concurrency: 2 };
const isRoot = process.geteuid?.() === 0;

/** Checks how a run ended, in its JSON and by its exit status. */
function assertEnded(
  ended: Ended,
  expected: { readonly status: number; readonly outcome: string; readonly code?: string },
): Readonly<Record<string, unknown>> {
  const event = finishedRun(ended);
  assert.deepEqual(
    { status: ended.exitStatus, outcome: event["outcome"], code: event["code"] },
    { code: undefined, ...expected },
    ended.stderr,
  );
  return event;
}

suite("what can go wrong", options, () => {
  test(
    "a full disk is repository-full, and the next run with room succeeds",
    {
      skip: isRoot ? false : "only root can mount a small disk",
    },
    async () => {
      await using user = await newUser();
      await configureBackup(user);
      await mkdir(user.at("repository"));
      mount(user.at("repository"), "8m");
      try {
        assert.equal((await user.holdfast("init")).exitStatus, 0);
        await writeTree(user.at("data"), { big: randomBytes(20_000_000) });

        const full = assertEnded(await user.holdfast("run", "--json"), {
          status: 1,
          outcome: "failure",
          code: "repository-full",
        });
        assert.match(String(full["hint"]), /room|space/);

        remount(user.at("repository"), "64m");
        assertEnded(await user.holdfast("run", "--json"), { status: 0, outcome: "success" });
        assert.equal((await user.holdfast("check")).exitStatus, 0);
      } finally {
        spawnSync("umount", [user.at("repository")]);
      }
    },
  );

  test("a missing source is source-missing, and says what to look at", async () => {
    await using user = await backupUser();
    await rm(user.at("data"), { recursive: true });

    const event = assertEnded(await user.holdfast("run", "--json"), {
      status: 1,
      outcome: "failure",
      code: "source-missing",
    });

    assert.match(String(event["hint"]), /mounted/);
  });

  test("an empty source is a warning that freezes forgetting until it is accepted", async () => {
    await using user = await backupUser({ job: { keep: { last: 1 } } });
    assertEnded(await user.holdfast("run", "--json"), { status: 0, outcome: "success" });
    await rm(user.at("data"), { recursive: true });
    await mkdir(user.at("data"));

    const empty = assertEnded(await user.holdfast("run", "--json"), {
      status: 3,
      outcome: "warning",
    });
    assert.match(JSON.stringify(empty["suspicious"]), /data is empty/);
    assert.match(String(empty["hint"]), /holdfast accept documents/);
    assert.equal(await countSnapshots(user), 2);

    await user.holdfast("run", "--json");
    assert.equal(await countSnapshots(user), 3, "frozen: nothing is forgotten");
    assert.equal((await user.holdfast("accept", "documents")).exitStatus, 0);
    assertEnded(await user.holdfast("run", "--json"), { status: 0, outcome: "success" });
    assert.equal(await countSnapshots(user), 1, "accepted: the rules count again");
  });

  test("an unreadable file is a warning that names it, and the snapshot is kept", async () => {
    await using user = await backupUser();
    await writeTree(user.at("data"), { "private/diary": "secret thoughts" });
    await chmod(user.at("data/private/diary"), 0);

    const ended = await runWithoutPrivileges(user);

    const event = assertEnded(ended, { status: 3, outcome: "warning" });
    assert.match(JSON.stringify(event["evidence"]), /private\/diary/);
    assert.match(String(event["reason"]), /1 files? could not be read/);
    assert.equal(await countSnapshots(user), 1);
    const logs = await user.holdfast("logs", String(event["run"]));
    assert.match(logs.stdout, /private\/diary/);
  });

  test("a wrong password is password-wrong with exit status 12", async () => {
    await using user = await backupUser();
    await user.write("password", "another password\n");

    const event = assertEnded(await user.holdfast("run", "--json"), {
      status: 12,
      outcome: "failure",
      code: "password-wrong",
    });

    assert.match(String(event["hint"]), /password/);
  });

  test("a missing repository is repository-missing with exit status 10", async () => {
    await using user = await backupUser();
    await rm(user.at("repository"), { recursive: true });

    const event = assertEnded(await user.holdfast("run", "--json"), {
      status: 10,
      outcome: "failure",
      code: "repository-missing",
    });

    assert.match(String(event["hint"]), /holdfast init/);
  });

  test("a repository locked by another live process is repository-locked with exit status 11", async () => {
    await using user = await backupUser();
    const env = { ...user.environment(), RESTIC_PASSWORD_FILE: user.at("password") };
    const { other, gone } = await stoppedCheck(user, env);
    try {
      const event = assertEnded(await user.holdfast("run", "--json"), {
        status: 11,
        outcome: "failure",
        code: "repository-locked",
      });
      assert.match(String(event["reason"]), new RegExp(String(other.pid)));
      assert.equal(
        (await readdir(user.at("repository/locks"))).length,
        1,
        "its lock is left alone",
      );
    } finally {
      other.kill("SIGCONT");
      await gone;
    }

    assertEnded(await user.holdfast("run", "--json"), { status: 0, outcome: "success" });
  });

  test("a missing restic is tool-missing and says what to look at", async () => {
    await using user = await newUser();
    await configureBackup(user, { repository: { program: "/nowhere/restic" } });
    await writeTree(user.at("data"), { letter: "Dear reader" });

    const event = assertEnded(await user.holdfast("run", "--json"), {
      status: 1,
      outcome: "failure",
      code: "tool-missing",
    });

    assert.match(String(event["hint"]), /\/nowhere\/restic/);
  });
});

suite("what must not go wrong", options, () => {
  test("a file of 900 MB is backed up whole", async () => {
    await using user = await backupUser();
    await writeFile(user.at("data/big"), "");
    await truncate(user.at("data/big"), 900 * 1024 * 1024);

    const event = assertEnded(await user.holdfast("run", "--json"), {
      status: 0,
      outcome: "success",
    });

    assert.match(JSON.stringify(event["evidence"]), /"files":3,"bytes":943718422/);
  });

  test("100,000 files are backed up and counted", async () => {
    await using user = await backupUser();
    await makeManyFiles(user.at("data/many"), 100_000);

    const event = assertEnded(await user.holdfast("run", "--json"), {
      status: 0,
      outcome: "success",
    });

    assert.match(JSON.stringify(event["evidence"]), /"files":100002/);
  });

  test("file names with newlines, dashes, quotes and invalid UTF-8 come back as they were", async () => {
    await using user = await backupUser();
    const names = ["two\nlines", "-rf", "--", "$(id)", "a\"b'c`d", " space ", "back\\slash", "*"];
    await writeTree(user.at("data"), Object.fromEntries(names.map((name) => [name, name])));
    const invalid = Buffer.concat([Buffer.from(user.at("data/")), Buffer.from([0x66, 0xff, 0xfe])]);
    await writeFile(invalid, "not UTF-8");

    assertEnded(await user.holdfast("run", "--json"), { status: 0, outcome: "success" });
    const restored = await user.holdfast("restore", "documents", "--target", user.at("restored"));

    assert.equal(restored.exitStatus, 0, restored.stderr);
    const compared = spawnSync("diff", [
      "--recursive",
      user.at("data"),
      user.at("restored", user.at("data")),
    ]);
    assert.equal(compared.status, 0, compared.stdout.toString());
  });

  test("twenty starts at once make one run; the others say busy, exit status 11", async () => {
    await using user = await backupUser();
    await writeTree(user.at("data"), { some: randomBytes(30_000_000) });

    const all = await Promise.all(
      Array.from({ length: 20 }, async () => await user.holdfast("run", "--json")),
    );

    const busy = all.filter(({ exitStatus }) => exitStatus === 11);
    const done = all.filter(({ exitStatus }) => exitStatus === 0);
    assert.equal(done.length + busy.length, 20, all.map(({ stderr }) => stderr).join("\n"));
    assert.ok(done.length >= 1 && busy.length >= 1, `${done.length} done, ${busy.length} busy`);
    assert.equal(await countSnapshots(user), done.length);
    for (const ended of busy) {
      assertEnded(ended, { status: 11, outcome: "cancelled", code: "busy" });
    }
  });

  test("four commands init at once make one repository, and it opens", async () => {
    await using user = await newUser();
    await configureBackup(user);

    const all = await Promise.all(
      Array.from({ length: 4 }, async () => await user.holdfast("init", "--json")),
    );

    for (const { exitStatus, stdout } of all) assert.equal(exitStatus, 0, stdout);
    const made = all.filter(({ stdout }) => stdout.includes('"created": true'));
    assert.equal(made.length, 1, all.map(({ stdout }) => stdout).join("\n"));
    const opened = await user.holdfast("snapshots");
    assert.equal(opened.exitStatus, 0, opened.stderr);
  });

  test("SIGTERM ends a run in good order: hooks run, nothing is left, the next run succeeds", async () => {
    await using user = await backupUser({
      job: { hooks: { before: [["touch", "began"]], after: [["touch", "ended"]] } },
      // However fast the machine: the signal is there long before the end.
      repository: { limits: { upload: "8MiB" } },
    });
    await writeTree(user.at("data"), { some: randomBytes(150_000_000) });
    const { child, ended } = user.start(["run", "--json"]);
    // restic 0.14 takes its lock away only if it is interrupted later than just after taking it.
    await dataIsThere(user);

    child.kill("SIGTERM");

    assertEnded(await ended, { status: 130, outcome: "cancelled", code: "interrupted" });
    assert.deepEqual(await locksOf(user), []);
    const files = await readdir(user.home);
    assert.ok(files.includes("began") && files.includes("ended"), files.join(" "));
    await writeTree(user.at("data"), { some: "less" });
    assertEnded(await user.holdfast("run", "--json"), { status: 0, outcome: "success" });
  });
});

async function countSnapshots(user: User): Promise<number> {
  const { stdout } = await user.holdfast("snapshots", "--json");
  return stdout.split('"keep"').length - 1;
}

/** Runs as a user whom file permissions bind: root does without its privileges. */
async function runWithoutPrivileges(user: User): Promise<Ended> {
  const words = [holdfastProgram, "run", "--json"];
  const argv = isRoot
    ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--", ...words]
    : words;
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    cwd: user.home,
    env: user.environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { exitStatus: child.exitCode, stdout, stderr };
}

/** Whole locks: restic writes each under a temporary name first. */
async function locksOf(user: User): Promise<readonly string[]> {
  const names = await readdir(user.at("repository/locks"));
  return names.filter((name) => !name.includes("-tmp-"));
}

async function lockIsThere(user: User): Promise<void> {
  await until("restic took its lock", async () => {
    return (await locksOf(user)).length > 0;
  });
}

/** A restic that holds its lock and stands still. One that was done before it stood still is no use. */
async function stoppedCheck(user: User, env: NodeJS.ProcessEnv) {
  for (let tries = 0; tries < 20; tries += 1) {
    const argv = ["--repo", user.at("repository"), "check"];
    const other = spawn("restic", argv, { env, stdio: "ignore" });
    const gone = once(other, "exit");
    await Promise.race([lockIsThere(user), gone]);
    other.kill("SIGSTOP");
    await delay(50);
    if ((await locksOf(user)).length > 0) return { other, gone };
    other.kill("SIGCONT");
    await gone;
  }
  throw new Error("restic was always too quick");
}

async function dataIsThere(user: User): Promise<void> {
  await until("restic wrote data", async () => {
    const entries = await readdir(user.at("repository/data"), {
      recursive: true,
      withFileTypes: true,
    });
    return entries.some((entry) => entry.isFile());
  });
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (await isSo()) return;
    await delay(10);
  }
  throw new Error(`within half a minute it did not come to this: ${what}`);
}

function mount(folder: string, size: string): void {
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "x", folder]);
  assert.equal(status, 0, stderr.toString());
}

function remount(folder: string, size: string): void {
  const { status } = spawnSync("mount", ["-o", `remount,size=${size}`, folder]);
  assert.equal(status, 0);
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += 65_536) {
    crypto.getRandomValues(bytes.subarray(start, Math.min(start + 65_536, length)));
  }
  return bytes;
}

async function makeManyFiles(folder: string, count: number): Promise<void> {
  const each = 1000;
  for (let start = 0; start < count; start += each) {
    const directory = `${folder}/${start}`;
    await mkdir(directory, { recursive: true });
    await Promise.all(
      Array.from({ length: each }, async (_, index) => {
        await writeFile(`${directory}/${index}`, `${start + index}`);
      }),
    );
  }
}
