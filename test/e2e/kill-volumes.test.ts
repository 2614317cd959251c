// A drive that holdfast mounts is put back when nobody uses it any more: whoever mounted it, whoever is killed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, rm } from "node:fs/promises";
import { suite, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { writeTree } from "../support/backup-user.ts";
import { newUser, type User } from "../support/holdfast.ts";
import { type LoopDrive, plugInDrive, withoutDrives } from "../support/loop-drive.ts";
import { withoutTools } from "../support/tools.ts";

const options = { skip: withoutDrives() || withoutTools("restic"), concurrency: 2 };

/** A user with two jobs to one drive, which is plugged in and not mounted. */
async function aUserWithDrive(t: TestContext): Promise<{ user: User; drive: LoopDrive }> {
  const drive = await plugInDrive(t);
  const user = await newUser();
  t.after(async () => await user[Symbol.asyncDispose]());
  await user.write("password", "an ordinary password\n");
  await writeTree(user.at("data"), { "letter.txt": "Dear reader" });
  // Says that it is there, then waits for leave to go on, or ends the program that has started it.
  const hook = await user.write(
    "hook",
    `#!/bin/sh
    cd ${user.home}
    [ ! -e "kill-$HOLDFAST_JOB" ] || { rm "kill-$HOLDFAST_JOB"; kill -KILL $PPID; exit 1; }
    : > "began-$HOLDFAST_JOB"
    while [ -e "hold-$HOLDFAST_JOB" ]; do sleep 0.1; done\n`,
  );
  await chmod(hook, 0o755);
  const repository = (name: string): object => ({
    engine: "restic",
    at: `usb:${name}`,
    password: { file: user.at("password") },
  });
  const job = (name: string): object => ({
    sources: [user.at("data")],
    repository: name,
    hooks: { before: [[hook]] },
  });
  await user.configure({
    state: user.at("state"),
    volumes: { usb: { path: user.at("mnt"), device: drive.uuid, mount: "direct" } },
    repositories: { documents: repository("documents"), photos: repository("photos") },
    jobs: { documents: job("documents"), photos: job("photos") },
  });
  const { exitStatus, stderr } = await user.holdfast("init");
  assert.equal(exitStatus, 0, stderr);
  return { user, drive };
}

function isMounted({ device }: LoopDrive): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${device} `);
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1200; tries += 1) {
    if (isSo()) return;
    await sleep(50);
  }
  throw new Error(`${what}: not within a minute`);
}

/** Starts a run that waits in its hook, and answers when it has come so far. */
async function heldRun(user: User, job: string) {
  await user.write(`hold-${job}`, "");
  const run = user.start(["run", "--json", job]);
  await until(`${job} begins`, () => existsSync(user.at(`began-${job}`)));
  return run;
}

async function letGo(user: User, job: string): Promise<void> {
  await rm(user.at(`hold-${job}`));
}

suite("a drive that a run mounts", options, () => {
  test("is mounted once for all its jobs, and unmounted after the last", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    assert.equal(isMounted(drive), false, "init has put it back");

    const { exitStatus, stdout, stderr } = await user.holdfast("run", "--json");

    assert.equal(exitStatus, 0, stderr);
    const events = stdout
      .split("\n")
      .flatMap((line) => /"event":"(volume[^"]*)"/.exec(line)?.[1] ?? []);
    assert.deepEqual(events, ["volume-attached", "volume-released"]);
    assert.equal(isMounted(drive), false);
  });

  test("stays mounted when it was before", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    await mkdir(user.at("mnt"), { recursive: true });
    const [status] = await once(spawn("mount", [drive.device, user.at("mnt")]), "close");
    assert.equal(status, 0);

    const { exitStatus, stderr } = await user.holdfast("run", "documents");

    assert.equal(exitStatus, 0, stderr);
    assert.equal(isMounted(drive), true);
    assert.doesNotMatch(stderr, /may be unplugged/);
  });

  test("is mounted for a list and a restore as well, and put back", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    assert.equal((await user.holdfast("run", "documents")).exitStatus, 0);

    const listed = await user.holdfast("snapshots", "documents");
    const restored = await user.holdfast("restore", "documents", "--target", user.at("restored"));

    assert.equal(listed.exitStatus, 0, listed.stderr);
    assert.match(listed.stdout, /documents/);
    assert.match(listed.stderr, /usb: mounted at .*\nusb may be unplugged/);
    assert.equal(restored.exitStatus, 0, restored.stderr);
    assert.ok(existsSync(`${user.at("restored")}${user.at("data/letter.txt")}`));
    assert.equal(isMounted(drive), false);
  });

  test("is what a dry run says would be attached, and does not attach", async (t) => {
    const { user, drive } = await aUserWithDrive(t);

    const { exitStatus, stdout, stderr } = await user.holdfast("run", "--dry-run", "documents");

    assert.equal(exitStatus, 0, stderr);
    assert.match(stdout, /attach usb: .*: it will be attached, and put back in the end/);
    assert.match(stdout, /can be listed when its volume is attached/);
    assert.equal(isMounted(drive), false);
  });

  test("that is busy makes the run a warning, and is put back by recover later", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    const run = await heldRun(user, "documents");
    const busy = spawn("sleep", ["600"], { cwd: user.at("mnt") });
    t.after(() => busy.kill("SIGKILL"));
    await once(busy, "spawn");

    await letGo(user, "documents");
    const { exitStatus, stdout } = await run.ended;

    assert.equal(exitStatus, 3, stdout);
    assert.match(stdout, /"outcome":"warning"/);
    assert.equal(isMounted(drive), true);
    busy.kill("SIGKILL");
    await once(busy, "close");
    const recovered = await user.holdfast("recover");
    assert.equal(recovered.exitStatus, 0, recovered.stderr);
    assert.equal(isMounted(drive), false);
  });
});

suite("a drive whose run is killed", options, () => {
  test("is put back by recover", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    await user.write("kill-documents", "");
    const killed = await user.holdfast("run", "documents");
    assert.equal(killed.exitStatus, null, killed.stderr);
    assert.equal(isMounted(drive), true);

    const { exitStatus, stderr } = await user.holdfast("recover");

    assert.equal(exitStatus, 0, stderr);
    assert.match(stderr, /was interrupted\n {2}put back: /);
    assert.equal(isMounted(drive), false);
    assert.match((await user.holdfast("recover")).stderr, /nothing to recover/);
  });

  test("is put back by the next run, which needs it again", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    await user.write("kill-documents", "");
    await user.holdfast("run", "documents");

    const { exitStatus, stderr } = await user.holdfast("run");

    assert.equal(exitStatus, 0, stderr);
    assert.equal(isMounted(drive), false);
  });

  test("is put back when it was pulled out meanwhile", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    await user.write("kill-documents", "");
    await user.holdfast("run", "documents");
    const [status] = await once(spawn("umount", [drive.device]), "close");
    assert.equal(status, 0);
    await drive.unplug();

    const { exitStatus, stderr } = await user.holdfast("recover");

    assert.equal(exitStatus, 0, stderr);
    assert.match(stderr, /put back: /);
  });

  test("stays as long as another run uses it, which then puts it back", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    const killed = await heldRun(user, "documents");
    const other = await heldRun(user, "photos");
    killed.child.kill("SIGKILL");
    await killed.ended;

    const { exitStatus, stderr } = await user.holdfast("recover");
    const whileUsed = isMounted(drive);
    await letGo(user, "documents");
    await letGo(user, "photos");
    const ended = await other.ended;

    assert.equal(exitStatus, 0, stderr);
    assert.equal(whileUsed, true, "it was not pulled away under the other");
    assert.equal(ended.exitStatus, 0, ended.stdout + ended.stderr);
    assert.match(ended.stdout, /"volume-released"/);
    assert.equal(isMounted(drive), false);
  });
});

suite("a drive that two calls of the program use", options, () => {
  test("is put back by the one that ends last, not by the one that mounted it", async (t) => {
    const { user, drive } = await aUserWithDrive(t);
    const first = await heldRun(user, "documents");
    const second = await heldRun(user, "photos");

    await letGo(user, "documents");
    const done = await first.ended;
    const between = isMounted(drive);
    await letGo(user, "photos");
    const last = await second.ended;

    assert.equal(done.exitStatus, 0, done.stderr);
    assert.doesNotMatch(done.stdout, /volume-released/);
    assert.equal(between, true);
    assert.equal(last.exitStatus, 0, last.stderr);
    assert.match(last.stdout, /volume-released/);
    assert.equal(isMounted(drive), false);
  });
});
