// Subvolumes on real disks, as their owner has them: kept, sent on, restored, put back, and told about.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { byHand, wholeSnapshots } from "../support/btrfs-places.ts";
import { Owner } from "../support/btrfs-owner.ts";
import { newDisk, withoutDisks } from "../support/disk.ts";
import { assertSameTree, makeHostileTree } from "../support/tree.ts";
import { withoutOtherUsers } from "../support/tools.ts";

const execute = promisify(execFile);
const options = { skip: withoutDisks("btrfs"), concurrency: 2 };

suite("a subvolume and its snapshots", options, () => {
  test("are kept, copied as differences, and restored from either disk", async () => {
    await using owner = await Owner.make();
    await makeHostileTree(owner.home);
    await owner.succeed("run");
    await owner.change("second");

    await owner.succeed("run", "--label", "pre-upgrade");

    const names = await readdir(owner.copied);
    assert.equal(names.length, 2);
    const labelled = names.filter((name) => name.includes("-pre-upgrade")).join();
    assert.match(labelled, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-pre-upgrade(~2)?$/);
    assert.deepEqual(await wholeSnapshots(owner.copied), names.toSorted());
    // The first was needed until the second was copied; then the rules may have it.
    assert.equal((await readdir(owner.kept)).length, 1);
    for (const from of ["home", "usb"]) {
      const target = owner.user.at(`restored-${from}`);
      await owner.succeed("restore", "home", "--from", from, "--target", target);
      await assertSameTree(owner.home, target);
    }
    await owner.succeed("check", "--read-data");
  });

  test("are kept while the copy is away: what it needs, and what it never had", async () => {
    await using owner = await Owner.make();
    await owner.succeed("run");
    const [common] = await readdir(owner.kept);
    await owner.outer.unmount();

    for (const text of ["second", "third"]) {
      await owner.change(text);
      await owner.succeed("run");
    }

    const left = await readdir(owner.kept);
    assert.equal(left.length, 3);
    assert.ok(left.includes(String(common)));
    assert.deepEqual(await readdir(owner.outer.path), [], "nothing is written below a mount point");
    assert.match(await owner.succeed("snapshots"), /not yet copied to usb/);
    await owner.outer.mount();
    await owner.succeed("run");
    assert.equal((await wholeSnapshots(owner.copied)).length, 4);
    assert.equal((await readdir(owner.kept)).length, 1);
  });

  test("may be dropped uncopied when that is said", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { "forget-uncopied": true } });
    await owner.succeed("run");
    await owner.outer.unmount();

    for (const text of ["second", "third"]) {
      await owner.change(text);
      await owner.succeed("run");
    }

    // The newest, and the newest that both sides have.
    assert.equal((await readdir(owner.kept)).length, 2);
  });

  test("follow the subvolume when a snapshot was put in its place", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { keep: {} } });
    await writeFile(join(owner.home, "large"), Buffer.alloc(40 * 1024 ** 2, "much to send "));
    await owner.change("first");
    await owner.succeed("run", "--label", "good");
    await owner.change("spoilt");
    await writeFile(join(owner.home, "large"), "spoilt");
    await owner.succeed("run");
    const good = (await readdir(owner.kept)).find((name) => name.endsWith("-good"));

    const said = await owner.succeed("restore", `home@${good}`, "--in-place");

    assert.equal(await readFile(join(owner.home, "file"), "utf8"), "first");
    const aside = (await readdir(owner.inner.path)).find((name) => name.startsWith("home.before-"));
    assert.ok(aside !== undefined && said.includes(aside));
    const before = await readFile(join(owner.inner.path, aside, "file"), "utf8");
    assert.equal(before, "spoilt");
    await owner.change("third");
    const lines = await owner.succeed("run", "--json");
    assert.ok(sentBytes(lines) < 1024 ** 2, `${sentBytes(lines)} bytes were sent`);
    assert.equal((await wholeSnapshots(owner.copied)).length, 3);
  });

  test("cope with snapshots that are deleted by hand on either side", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { keep: {} } });
    for (const text of ["first", "second", "third"]) {
      await owner.change(text);
      await owner.succeed("run");
    }
    const names = (await readdir(owner.kept)).toSorted();
    await byHand("subvolume", "delete", join(owner.copied, String(names[2])));
    await byHand("subvolume", "delete", join(owner.kept, String(names[1])));

    await owner.change("fourth");
    await owner.succeed("run");

    // The third is sent again, because nothing newer was there; the fourth follows from it.
    const listed = await wholeSnapshots(owner.copied);
    assert.equal(listed.length, 4);
    assert.ok(listed.includes(String(names[2])));
    await owner.succeed("check", "--read-data");
  });

  test("say why an older one is not sent, and send it when asked", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { keep: {} } });
    for (const text of ["first", "second"]) {
      await owner.change(text);
      await owner.succeed("run");
    }
    const [oldest = ""] = (await readdir(owner.kept)).toSorted();
    await byHand("subvolume", "delete", join(owner.copied, oldest));

    const told = await owner.succeed("copy", "--json");
    assert.match(told, new RegExp(`${oldest} was not sent: it is older than`));
    assert.ok(!(await readdir(owner.copied)).includes(oldest));
    await owner.configure({ home: { keep: {} }, usb: { "copy-older": true } });
    await owner.succeed("copy");

    assert.ok((await wholeSnapshots(owner.copied)).includes(oldest));
  });

  test("are not confused by what an older script's interrupted receive left", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { keep: {} } });
    await owner.succeed("backup");
    const [name = ""] = await readdir(owner.kept);
    // As btrfs receive leaves it: under the final name, writable, without a Received UUID.
    await byHand("subvolume", "create", join(owner.copied, name));

    await owner.succeed("run");

    const good = await wholeSnapshots(owner.copied);
    assert.equal(good.length, 2);
    assert.ok(!good.includes(name));
    const { exitStatus, stdout } = await owner.user.holdfast("doctor", "--json");
    assert.equal(exitStatus, 3);
    assert.match(stdout, /snapshot-incomplete/);
  });

  test("end well when the other disk is full, and go on when there is room", async () => {
    await using owner = await Owner.make(256);
    await owner.change("first");
    await owner.succeed("run");
    const large = await execute("head", ["-c", "300M", "/dev/urandom"], {
      encoding: "buffer",
      maxBuffer: 2 ** 30,
    });
    await writeFile(join(owner.home, "large"), large.stdout);

    const full = await owner.user.holdfast("run", "--json");

    assert.equal(full.exitStatus, 1, full.stdout);
    assert.match(full.stdout, /"code":"repository-full"/);
    assert.equal((await wholeSnapshots(owner.copied)).length, 1);
    assert.deepEqual(
      (await readdir(owner.copied)).filter((name) => name.startsWith(".")),
      [],
    );
    await writeFile(join(owner.home, "large"), "small");
    const { stdout } = await owner.user.holdfast("run", "--json");
    assert.match(stdout, /repository-full/, "the large one is still to be sent first");
    const unsent = (await readdir(owner.kept)).toSorted()[1];
    await byHand("subvolume", "delete", join(owner.kept, String(unsent)));
    await byHand("subvolume", "sync", owner.outer.path);
    await owner.succeed("run");
  });

  test("name the subvolumes inside them, which they do not hold", async () => {
    await using owner = await Owner.make();
    await byHand("subvolume", "create", join(owner.home, "nested one"));

    const lines = await owner.succeed("run", "--json");

    assert.match(lines, /nested subvolume nested one is not in the snapshot/);
  });

  test("do not stop each other: of two jobs one fails", async () => {
    await using owner = await Owner.make();
    const other = join(owner.inner.path, "other");
    await byHand("subvolume", "create", other);
    const kept = join(owner.inner.path, ".snapshots/other");
    await owner.user.configure({
      repositories: {
        home: { engine: "btrfs", at: owner.kept },
        other: { engine: "btrfs", at: kept },
      },
      jobs: {
        home: { sources: [{ subvolume: join(owner.inner.path, "gone") }], repository: "home" },
        other: { sources: [{ subvolume: other }], repository: "other" },
      },
    });
    await owner.succeed("init");

    const { exitStatus } = await owner.user.holdfast("run");

    assert.equal(exitStatus, 1);
    assert.equal((await readdir(kept)).length, 1);
  });

  test("are refused where the repository is on another file system than the subvolume", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { at: join(owner.outer.path, "wrong") }, job: { copies: [] } });
    await mkdir(join(owner.outer.path, "wrong"));

    const { exitStatus, stdout } = await owner.user.holdfast("run", "--json");

    assert.equal(exitStatus, 1);
    assert.match(stdout, /is on another file system than the subvolume/);
  });

  test("show in a dry run what would be sent as a difference, and change nothing", async () => {
    await using owner = await Owner.make();
    await owner.succeed("run");
    await owner.succeed("backup");
    const before = await readdir(owner.copied);

    const said = await owner.succeed("copy", "--dry-run");

    assert.match(said, /btrfs send -q -p /);
    assert.deepEqual(await readdir(owner.copied), before);
  });

  test(
    "can be made and dropped by a user who is not root, where the mount allows it",
    { skip: withoutOtherUsers() },
    async () => {
      await using disk = await newDisk({ options: ["user_subvol_rm_allowed"] });
      const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"] as const;
      await execute("chown", ["65534:65534", disk.path]);
      await execute("setpriv", [
        ...nobody,
        "btrfs",
        "subvolume",
        "create",
        join(disk.path, "home"),
      ]);
      const file = join(disk.path, "config.json");
      const configuration = {
        state: join(disk.path, "state"),
        repositories: { home: { engine: "btrfs", at: join(disk.path, "kept"), keep: { last: 2 } } },
        jobs: { home: { sources: [{ subvolume: join(disk.path, "home") }], repository: "home" } },
      };
      await writeFile(file, JSON.stringify(configuration));
      await writeFile(join(disk.path, "home", "file"), "mine");
      const main = join(import.meta.dirname, "../../src/main.ts");
      const run = async (...words: readonly string[]): Promise<void> => {
        const program = [process.execPath, main, "--config", file, ...words];
        await execute("setpriv", [...nobody, ...program], {
          env: { ...process.env, HOME: disk.path },
        });
      };

      for (const words of [["init"], ["run"], ["run"], ["run"]]) await run(...words);

      const names = await readdir(join(disk.path, "kept"));
      assert.equal(names.length, 2);
      for (const name of names) {
        const shown = await byHand("subvolume", "show", join(disk.path, "kept", name));
        assert.match(shown, /Flags:\s+readonly/);
      }
    },
  );

  test("are not said to be copied by a user who may not tell them apart", async () => {
    await using owner = await Owner.make();
    const prefix = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--"];

    const run = await owner.user.start(["run"], { prefix }).ended;

    assert.equal(run.exitStatus, 1);
    assert.match(run.stdout, /only root may ask which snapshots of repository "home" are copies/);
    assert.deepEqual(await wholeSnapshots(owner.copied), []);
    assert.equal((await readdir(owner.kept)).length, 1);
  });

  test("with names by date alone are read, and continued", async () => {
    await using owner = await Owner.make();
    await owner.configure({ home: { keep: {} } });
    await owner.succeed("run");
    const [name = ""] = await readdir(owner.kept);
    await rename(join(owner.kept, name), join(owner.kept, "2026-01-02"));
    await rename(join(owner.copied, name), join(owner.copied, "2026-01-02"));
    await owner.change("more");

    await owner.succeed("run");

    assert.equal((await wholeSnapshots(owner.copied)).length, 2);
    assert.ok((await readdir(owner.kept)).includes("2026-01-02"));
  });
});

/** The bytes that the copies of a run sent. */
function sentBytes(lines: string): number {
  const added = [...lines.matchAll(/"added":(\d+)/g)].map(([, bytes]) => Number(bytes));
  return added.reduce((sum, bytes) => sum + bytes, 0);
}
