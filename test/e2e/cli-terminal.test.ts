// How the program behaves between other programs and on a terminal: pipes, signals, colours, quiet.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { coloured } from "../../src/cli/paint.ts";
import { backupUser, writeTree } from "../support/backup-user.ts";
import { holdfastProgram, type User } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

const execute = promisify(execFile);
const options = { skip: withoutTools("restic", "script"), concurrency: 2 };

// oxlint-disable-next-line no-control-regex -- these characters are what is looked for
const control = /\u001B/;

async function inShell(user: User, script: string, env: Record<string, string> = {}) {
  return await execute("bash", ["-o", "pipefail", "-c", script], {
    cwd: user.home,
    env: user.environment({ holdfast: holdfastProgram, ...env }),
  });
}

/** What is shown on a terminal, and all that the program sends to it. */
async function onTerminal(user: User, words: string, env: Record<string, string> = {}) {
  const command = `stty cols 100 && '${holdfastProgram}' ${words}`;
  const { stdout } = await execute("script", ["-q", "-e", "-c", command, "/dev/null"], {
    cwd: user.home,
    env: user.environment({ TERM: "xterm", ...env }),
  });
  return stdout;
}

suite("between other programs", options, () => {
  test("a reader that has seen enough is no error", async () => {
    await using user = await backupUser();
    await user.holdfast("run", "--quiet");

    const { stdout, stderr } = await inShell(user, `"$holdfast" snapshots | head -n 1`);
    const long = await inShell(user, `"$holdfast" config schema | head -c 10`);

    assert.match(stdout, /^TIME /);
    assert.equal(stderr, "");
    assert.equal(long.stdout.length, 10);
    assert.equal(long.stderr, "");
  });

  test("data that cannot be written are an error", { skip: !existsSync("/dev/full") }, async () => {
    await using user = await backupUser();

    for (const words of ["history --json", "status", "config schema"]) {
      const { stdout } = await inShell(user, `"$holdfast" ${words} 2>&1 >/dev/full; echo $?`);
      assert.match(stdout, /^.*standard output cannot be written.*\n(cause: .*\n)?1\n$/, words);
    }
  });

  test("a run is finished though nobody reads what it says", async () => {
    await using user = await backupUser();

    await inShell(user, `"$holdfast" run -v 2>&1 | true || true`);

    const { stdout } = await user.holdfast("history");
    assert.match(stdout, / success /);
  });

  test("output has neither colours nor progress", async () => {
    await using user = await backupUser();
    await writeTree(user.at("data"), { big: "x".repeat(50_000_000) });

    const { stdout, stderr } = await user.holdfast("run");

    assert.doesNotMatch(stdout + stderr, control);
    assert.match(stderr, /^documents: backup \(disk\) …\n/);
    assert.match(stdout, /^documents: done \(3 files, /);
  });

  test("--quiet says nothing of a success and all of a failure", async () => {
    await using user = await backupUser();

    const good = await user.holdfast("run", "--quiet");
    await user.write("password", "another password\n");
    const bad = await user.holdfast("run", "--quiet");

    assert.deepEqual(good, { exitStatus: 0, stdout: "", stderr: "" });
    assert.equal(bad.stdout, "");
    assert.match(bad.stderr, /^documents: failed: .*password.*\n {2}hint: /);
  });
});

suite("on a terminal", options, () => {
  test("a run shows its progress, leaves only its end, and has colours", async () => {
    await using user = await backupUser();
    await writeTree(user.at("data"), { big: Buffer.alloc(200_000_000, "x") });

    const shown = await onTerminal(user, "run");

    assert.match(shown, /documents: backup .*\[#*-*\] .* of 191 MiB/);
    const atTheEnd = shown.split("\u001B[J").at(-1) ?? "";
    assert.ok(atTheEnd.startsWith(coloured.green("documents: done")), atTheEnd);
    assert.match(atTheEnd, / \(3 files, [^\n]*\r\n {2}snapshot \w{8} in disk\r\n$/);
  });

  test("NO_COLOR and --no-color take the colours away", async () => {
    await using user = await backupUser();

    assert.match(await onTerminal(user, "status"), control);
    assert.doesNotMatch(await onTerminal(user, "status", { NO_COLOR: "1" }), control);
    assert.doesNotMatch(await onTerminal(user, "status --no-color"), control);
    assert.doesNotMatch(await onTerminal(user, "run --help", { NO_COLOR: "1" }), control);
  });

  test("--quiet and --json show no progress", async () => {
    await using user = await backupUser();

    assert.equal(await onTerminal(user, "run --quiet"), "");
    const lines = (await onTerminal(user, "run --json")).trimEnd().split("\r\n");
    assert.ok(lines.every((line) => line.startsWith('{"version":1,')));
  });
});

suite("a signal", options, () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} ends a run in good order with 130, and the next run succeeds`, async () => {
      await using user = await backupUser();
      await writeTree(user.at("data"), { big: Buffer.alloc(300_000_000, "x") });
      // As slow as it takes to be interrupted.
      await user.configure({
        state: user.at("state"),
        repositories: {
          disk: {
            engine: "restic",
            at: user.at("repository"),
            password: { file: user.at("password") },
          },
        },
        jobs: {
          documents: {
            sources: [user.at("data")],
            repository: "disk",
            hooks: {
              before: [["sh", "-c", "echo > begun; sleep 0.5"]],
              after: [["touch", user.at("after")]],
            },
          },
        },
      });
      const { child, ended } = user.start(["run"]);

      await untilOutput(child.stderr);
      await delay(300);
      child.kill(signal);
      const { exitStatus, stdout, stderr } = await ended;
      const { stdout: history } = await user.holdfast("history");

      assert.equal(exitStatus, 130, stderr);
      assert.match(stdout, /^documents: cancelled: /);
      assert.match(stderr, new RegExp(`^${signal}: ending in good order`, "m"));
      assert.match(history, / cancelled /);
      await execute("test", ["-e", user.at("after")]);
      assert.equal((await user.holdfast("run")).exitStatus, 0);
    });
  }
});

async function untilOutput(stream: NodeJS.ReadableStream | null): Promise<void> {
  await new Promise<void>((resolve) => stream?.once("readable", resolve));
}
