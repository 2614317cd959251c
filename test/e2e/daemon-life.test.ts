// The daemon as its user meets it: it runs what is due, follows the configuration, and ends in good order.
import assert from "node:assert/strict";
import { chmod, stat } from "node:fs/promises";
import { suite, test } from "node:test";
import { backupUser, configureBackup, type Setup } from "../support/backup-user.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import type { User } from "../support/holdfast.ts";
import { withoutTools } from "../support/tools.ts";

const options = { skip: withoutTools("restic"), concurrency: 2 };

const nightly = { schedule: "0 2 * * *" };
const atOnce = { schedule: { every: "1d" } };

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function snapshotCount(user: User, ...jobs: readonly string[]): Promise<number> {
  const { stdout } = await user.holdfast("snapshots", "--json", ...jobs);
  return JSON.parse(stdout).snapshots.length;
}

async function historyOf(user: User): Promise<readonly { trigger: string; outcome: string }[]> {
  const { stdout } = await user.holdfast("history", "--json");
  return JSON.parse(stdout).runs;
}

/** restic that waits in each backup until the file "go" is there; it writes "waiting" when it begins to. */
async function slowBackups(user: User): Promise<Pick<Setup, "repository">> {
  const program = await user.write(
    "slow-restic",
    `#!/bin/sh
case " $* " in
  *" backup "*)
    touch '${user.at("waiting")}'
    while [ ! -e '${user.at("go")}' ]; do sleep 0.1; done ;;
esac
exec restic "$@"
`,
  );
  await chmod(program, 0o755);
  return { repository: { program } };
}

suite("a daemon", options, () => {
  test("runs every job with --run-now, says in a line that it began and how it ended, and ends with 0", async () => {
    await using user = await backupUser({ job: nightly });
    await using daemon = new DaemonProcess(user, { words: ["--run-now"] });

    await daemon.hears(/documents: done/);
    const { exitStatus, stderr } = await daemon.end("SIGTERM");

    assert.equal(exitStatus, 0, stderr);
    assert.match(stderr, /looking after 1 job of .*holdfast\.yaml/);
    assert.equal(await snapshotCount(user), 1);
    await daemon.assertNothingRuns();
  });

  test("uses a changed configuration at once, and keeps the old one when the new one is broken", async () => {
    await using user = await backupUser({ job: nightly });
    await using daemon = new DaemonProcess(user);
    await daemon.hears(/looking after 1 job/);

    await user.write(".config/holdfast/holdfast.yaml", "jobs: [");
    await daemon.hears(/error: keeping the configuration as it was: /);
    await configureBackup(user, { job: atOnce });
    await daemon.hears(/read .*holdfast\.yaml again: 1 job/);
    await daemon.hears(/documents: done/);
    const { exitStatus, stderr } = await daemon.end("SIGTERM");

    assert.equal(exitStatus, 0, stderr);
    assert.equal(stderr.match(/keeping the configuration/g)?.length, 1, stderr);
    const [run] = await historyOf(user);
    assert.deepEqual([run?.trigger, run?.outcome], ["schedule", "success"]);
  });

  test("lets a backup finish that is running when it is told to end", async () => {
    await using user = await backupUser();
    await configureBackup(user, { job: atOnce, ...(await slowBackups(user)) });
    await using daemon = new DaemonProcess(user);
    await daemon.sees(async () => await exists(user.at("waiting")), "a backup");

    daemon.signal("SIGTERM");
    await daemon.hears(/waiting for documents/);
    await user.write("go", "");
    const { exitStatus, stderr } = await daemon.end();

    assert.equal(exitStatus, 0, stderr);
    assert.match(stderr, /documents: done/);
    assert.equal(await snapshotCount(user), 1);
    await daemon.assertNothingRuns();
  });

  test("ends a backup after a minute that does not finish by itself, and its after hook is run", async () => {
    await using user = await backupUser();
    const hooks = { before: [["true"]], after: [["touch", user.at("after")]] };
    await configureBackup(user, { job: { ...atOnce, hooks }, ...(await slowBackups(user)) });
    await using daemon = new DaemonProcess(user);
    await daemon.sees(async () => await exists(user.at("waiting")), "a backup");

    const { exitStatus, stderr } = await daemon.end("SIGTERM");

    assert.equal(exitStatus, 0, stderr);
    assert.match(stderr, /ending documents/);
    assert.ok(await exists(user.at("after")), "the after hook was not run");
    assert.deepEqual(
      (await historyOf(user)).map(({ outcome }) => outcome),
      ["cancelled"],
    );
    await daemon.assertNothingRuns();
  });

  test("that was killed leaves no child, and the next one finds the interrupted run and makes up for it", async () => {
    await using user = await backupUser();
    const job = { ...atOnce, retry: ["1s"] };
    await configureBackup(user, { job, ...(await slowBackups(user)) });
    await using killed = new DaemonProcess(user);
    await killed.sees(async () => await exists(user.at("waiting")), "a backup");

    await killed.end("SIGKILL");
    await killed.assertNothingRuns();
    await user.write("go", "");
    await using next = new DaemonProcess(user);
    await next.hears(/warning: run .* of documents was interrupted/);
    await next.hears(/documents: done/);
    const { exitStatus } = await next.end("SIGTERM");

    assert.equal(exitStatus, 0);
    assert.deepEqual(
      (await historyOf(user)).map(({ trigger, outcome }) => [trigger, outcome]),
      [
        ["retry", "success"],
        ["schedule", "interrupted"],
      ],
    );
    assert.equal(await snapshotCount(user), 1);
  });

  test("is alone with its journal: a second one ends with 11", async () => {
    await using user = await backupUser({ job: nightly });
    await using first = new DaemonProcess(user);
    await first.hears(/looking after/);

    const { exitStatus, stderr } = await user.holdfast("daemon");

    assert.equal(exitStatus, 11);
    assert.match(stderr, /a daemon is running already: process \d+/);
    await first.end("SIGTERM");
  });

  test("does not start with a broken configuration", async () => {
    await using user = await backupUser();
    await user.write(".config/holdfast/holdfast.yaml", "jobs: [");

    const { exitStatus } = await user.holdfast("daemon");

    assert.equal(exitStatus, 2);
  });

  test("gets in nobody's way: a run by hand beside it works, and it says nothing while nothing happens", async () => {
    await using user = await backupUser({ job: nightly });
    await using daemon = new DaemonProcess(user);
    await daemon.hears(/next: documents/);
    const before = daemon.said;

    const { exitStatus, stderr } = await user.holdfast("run");

    assert.equal(exitStatus, 0, stderr);
    assert.equal(daemon.said, before);
    assert.equal((await daemon.end("SIGTERM")).exitStatus, 0);
  });
});
