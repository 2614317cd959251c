// What happens around snapshots that nobody planned: disks that vanish, clocks that go back, users who are not root.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Owner } from "../support/btrfs-owner.ts";
import { byHand, wholeSnapshots } from "../support/btrfs-places.ts";
import { withoutDisks } from "../support/disk.ts";
import { commandLine, processesOf } from "../support/processes.ts";
import { withoutOtherUsers, withoutTools } from "../support/tools.ts";

const execute = promisify(execFile);
const options = { skip: withoutDisks("btrfs") || withoutTools("sudo", "setpriv", "unshare") };

suite("a copy of snapshots", options, () => {
  test("to a disk that is not mounted is skipped, and its mount point stays empty", async () => {
    await using owner = await Owner.make();
    await owner.succeed("run");
    await owner.outer.unmount();
    await owner.change("more");

    const { exitStatus, stdout } = await owner.user.holdfast("run", "--json");

    assert.equal(exitStatus, 0, stdout);
    assert.match(stdout, /"step-skipped","step":"copy"|"step":"copy","repository":"usb","reason"/);
    assert.deepEqual(await readdir(owner.outer.path), []);
    await owner.outer.mount();
    await owner.succeed("run");
    assert.equal((await wholeSnapshots(owner.copied)).length, 3);
  });

  test("to a disk that is torn away in the middle fails, and is made up for later", async () => {
    await using owner = await Owner.make();
    await owner.succeed("run");
    await writeFile(join(owner.home, "large"), randomBytes(150_000_000));
    const { child, ended } = owner.user.start(["run", "--json"]);
    const receives = (): boolean =>
      processesOf(owner.user.home).some((pid) => commandLine(pid).includes(" receive "));
    while (child.exitCode === null && !receives()) await sleep(5);
    assert.equal(child.exitCode, null, "the transfer was over before the disk was torn away");

    await owner.outer.unmount("torn away");

    const { stdout } = await ended;
    assert.match(stdout, /"outcome":"(failure|skipped|warning)"/);
    assert.deepEqual(await readdir(owner.outer.path), []);
    await owner.outer.mount();
    await owner.succeed("run");
    const { stdout: left } = await execute("btrfs", ["subvolume", "list", owner.outer.path]);
    assert.doesNotMatch(left, /receiving/);
    assert.equal((await wholeSnapshots(owner.copied)).length, 3);
    await owner.succeed("check", "--read-data");
  });

  test("goes on when the clock was set back after a snapshot was made", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { keep: { last: 2 } }, usb: { keep: { last: 2 } } });
    await owner.succeed("run");
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 19);
    await byHand("subvolume", "snapshot", "-r", owner.home, join(owner.kept, tomorrow));
    await owner.succeed("run", "--only", "copy");

    for (const text of ["second", "third", "fourth"]) {
      await owner.change(text);
      await owner.succeed("run");
    }

    // Where it was made, btrfs knows better when that was. Of what was received only the name tells: one from the
    // future fills no place of those that the rules keep, and is not dropped.
    const copied = await wholeSnapshots(owner.copied);
    assert.equal(copied.at(-1), tomorrow);
    assert.deepEqual((await readdir(owner.kept)).toSorted(), copied.slice(0, -1));
    assert.equal(copied.length, 3);
    await owner.succeed("check", "--read-data");
  });

  test("cannot be made on another disk, which doctor knows before a run does", async () => {
    await using owner = await Owner.make();
    const before = await owner.user.start(["doctor", "--json"]).ended;
    await owner.configure({ home: { at: join(owner.outer.path, "elsewhere") } });
    await owner.succeed("init");

    const looked = await owner.user.start(["doctor", "--json"]).ended;
    const { exitStatus, stdout } = await owner.user.start(["run"]).ended;

    assert.doesNotMatch(before.stdout, /file-systems-differ/);
    assert.match(looked.stdout, /"file-systems-differ"/);
    assert.match(looked.stdout, /bring snapshots to other disks with `copies`/);
    assert.equal(exitStatus, 1);
    assert.match(stdout, /is on another file system than the subvolume/);
  });

  test(
    "can be made by a user who is not root, where sudo lets btrfs run",
    { skip: withoutOtherUsers() },
    async () => {
      await using owner = await Owner.make();
      const rules = owner.user.at("sudoers.d");
      await mkdir(rules);
      await writeFile(join(rules, "holdfast"), "nobody ALL=(root) NOPASSWD: /usr/bin/btrfs\n");
      await chmod(join(rules, "holdfast"), 0o440);
      await owner.configure({
        home: { sudo: true, keep: { last: 1 } },
        usb: { sudo: true, keep: { last: 2 } },
      });
      // As if the system had this rule, for this process alone.
      const asNobody = `mount --bind ${rules} /etc/sudoers.d && exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$0" "$@"`;
      const prefix = ["unshare", "--mount", "sh", "-c", asNobody];
      const nobodys = [owner.user.home, owner.home, owner.kept, owner.copied, owner.inner.path];
      await execute("chown", ["-R", "nobody:nogroup", ...nobodys, owner.outer.path]);
      await execute("chown", ["root:root", rules, join(rules, "holdfast")]);

      for (const text of ["first", "second", "third"]) {
        await owner.change(text);
        const { exitStatus, stdout, stderr } = await owner.user.start(["run"], { prefix }).ended;
        assert.equal(exitStatus, 0, stdout + stderr);
      }

      assert.equal((await wholeSnapshots(owner.copied)).length, 2);
      assert.equal((await readdir(owner.kept)).length, 1);
      const looked = await owner.user.start(["doctor", "--json"], { prefix }).ended;
      assert.match(looked.stdout, /"btrfs-rights",\s+"severity": "ok"/);
    },
  );
});
