// People who move in from btrbk, rsnapshot and wrappers of restic: what those made is gone on with, where the guide says so after its commands were typed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { byHand, wholeSnapshots } from "../support/btrfs-places.ts";
import { newDisk, withoutDisks } from "../support/disk.ts";
import { MovingUser } from "../support/import-user.ts";
import { withoutTools } from "../support/tools.ts";
import { assertSameTree, makeHostileTree } from "../support/tree.ts";

const execute = promisify(execFile);
const guide = resolve(import.meta.dirname, "../../docs/guides/from-other-tools.md");

/** The commands that the guide tells people to type, below a heading. */
async function typed(heading: string): Promise<string> {
  const [, section = ""] = (await readFile(guide, "utf8")).split(`\n## ${heading}\n`);
  const [, commands] = /```sh\n(.*?)```/s.exec(section) ?? [];
  assert.ok(commands !== undefined, `no commands below ${heading}`);
  return commands;
}

async function type(commands: string, cwd: string): Promise<void> {
  const env = { ...process.env, TZ: "UTC" };
  await execute("sh", ["-eu", "-c", commands], { cwd, env });
}

suite("from btrbk", { skip: withoutDisks("btrfs") || withoutTools("btrbk") }, () => {
  for (const format of ["short", "long", "long-iso"] as const) {
    test(`differences are sent to what it had sent, with names in its format ${format}`, async () => {
      await using stack = new AsyncDisposableStack();
      const user = stack.use(await MovingUser.make());
      const pool = stack.use(await newDisk());
      const outer = stack.use(await newDisk());
      const [snaps, target] = [join(pool.path, "btrbk_snapshots"), join(outer.path, "pool")];
      for (const folder of [snaps, target]) await mkdir(folder);
      for (const name of ["home", "rootfs"]) {
        await byHand("subvolume", "create", join(pool.path, name));
      }
      const home = join(pool.path, "home");
      await makeHostileTree(home);
      const config = await user.write(
        "btrbk.conf",
        `timestamp_format ${format}
snapshot_preserve_min all
target_preserve_min all
snapshot_dir btrbk_snapshots
volume ${pool.path}
  target ${target}
  subvolume home
  subvolume rootfs
`,
      );
      const env = { ...process.env, TZ: "UTC" };
      const btrbk = async (): Promise<void> => {
        const lock = user.at("btrbk.lock");
        await execute("btrbk", ["--lockfile", lock, "-c", config, "run"], { env });
      };
      for (const state of ["first", "second"]) {
        await writeFile(join(home, "state"), state);
        await btrbk();
      }
      assert.equal((await readdir(snaps)).length, 4);

      const before = await user.check("btrbk.conf");
      for (const folder of [snaps, target]) await type(await typed("btrbk"), folder);
      const check = await user.check("btrbk.conf");
      await user.moveIn("btrbk.conf");
      await user.expect(0, "init");
      await user.planned();
      await writeFile(join(home, "state"), "now");
      const { stdout } = await user.expect(0, "run", "home", "--json");

      assert.deepEqual(
        before.map(({ state, snapshots }) => [state, snapshots ?? 0]),
        Array.from({ length: 4 }, () => ["begun", 0]),
      );
      assert.deepEqual(
        check.map(({ repository, state, snapshots }) => [repository, state, snapshots]),
        ["home", "home-target", "rootfs", "rootfs-target"].map((name) => [name, "continued", 2]),
      );
      const copied = stdout.split("\n").find((line) => /"step-finished".*"step":"copy"/.test(line));
      // The tree holds a file of 3 MiB that has not changed.
      const [, added] = /"added":(\d+)/.exec(copied ?? "") ?? [];
      assert.ok(Number(added) < 1_000_000, copied);
      assert.equal((await wholeSnapshots(join(target, "home"))).length, 3);
      // The first may be called after its day alone, which means the newest one of that day.
      const [, second = ""] = (await readdir(join(snaps, "home"))).toSorted();
      const words = ["restore", `home@${second}`, "--target", user.at("older")];
      await user.expect(0, ...words);
      assert.equal(await readFile(user.at("older/state"), "utf8"), "second");
      const far = ["--from", "home-target", "--target", user.at("restored")];
      await user.expect(0, "restore", "home", ...far);
      await assertSameTree(home, user.at("restored"));
    });
  }
});

/** What wrappers of restic start it with, and how they write that down. */
const wrappers = {
  autorestic: {
    file: ".autorestic.yml",
    tags: ["ar:location:docs", "mine"],
    text: (user: MovingUser, password: string) =>
      JSON.stringify({
        version: 2,
        backends: { disk: { type: "local", path: user.at("repository"), key: password } },
        locations: {
          docs: {
            from: user.at("docs"),
            to: ["disk"],
            options: { backup: { tag: ["mine"], exclude: ["*.tmp"] }, forget: { "keep-last": 2 } },
            forget: "prune",
          },
        },
      }),
  },
  resticprofile: {
    file: "profiles.toml",
    tags: ["mine"],
    text: (user: MovingUser) => `version = "1"
[docs]
repository = "local:${user.at("repository")}"
password-file = "${user.at("key")}"
initialize = true
[docs.backup]
source = ["${user.at("docs")}"]
tag = ["mine"]
exclude = ["*.tmp"]
[docs.retention]
after-backup = true
keep-last = 2
`,
  },
} as const;

for (const [tool, { file, tags, text }] of Object.entries(wrappers)) {
  suite(`from ${tool}`, { skip: withoutTools("restic") }, () => {
    test("the repository is gone on with, and its rules hold for what the tool has made", async () => {
      await using user = await MovingUser.make();
      const password = "canary of a wrapper";
      await user.write("key", `${password}\n`);
      await mkdir(user.at("docs"));
      await makeHostileTree(user.at("docs"));
      const env = { ...user.environment(), RESTIC_PASSWORD: password };
      const restic = async (...words: readonly string[]): Promise<string> =>
        (await execute("restic", ["-r", user.at("repository"), ...words], { env })).stdout;
      await restic("init");
      for (const state of ["first", "second"]) {
        await writeFile(user.at("docs/state"), state);
        const tagged = tags.flatMap((tag) => ["--tag", tag]);
        await restic("backup", ...tagged, "--exclude", "*.tmp", user.at("docs"));
      }
      await user.write(file, text(user, password));

      const check = await user.check(file, "--from", tool);
      await user.moveIn(file, "--from", tool);
      await user.planned();
      const [run] = await user.run();

      assert.deepEqual(
        check.map(({ state, snapshots, others }) => [state, snapshots, others]),
        [["continued", 2, 0]],
      );
      assert.equal(run?.outcome, "success", run?.reason);
      assert.ok((run?.evidence?.added ?? Infinity) < 100_000, String(run?.evidence?.added));
      const listed: unknown = JSON.parse(await restic("snapshots", "--json"));
      assert.ok(Array.isArray(listed));
      // Two are kept: the oldest of the tool's gave way to the new one, which has its tags too.
      assert.equal(listed.length, 2);
      const newest: unknown = listed.at(-1);
      assert.ok(tags.every((tag) => JSON.stringify(newest).includes(`"${tag}"`)));
      const [name = ""] = check.map(({ job }) => job);
      await user.expect(0, "restore", name, "--target", user.at("restored"));
      await assertSameTree(user.at("docs"), join(user.at("restored"), user.at("docs")));
    });
  });
}

suite("from rsnapshot", { skip: withoutTools("rsnapshot", "rsync") }, () => {
  test("the newest copy becomes the first snapshot, and nothing is copied again", async () => {
    await using user = await MovingUser.make();
    const root = user.at("rsnapshot");
    await mkdir(user.at("home"));
    await makeHostileTree(user.at("home"));
    await mkdir(root);
    const lines = [
      ["config_version", "1.2"],
      ["snapshot_root", `${root}/`],
      ["cmd_rsync", "/usr/bin/rsync"],
      ["lockfile", user.at("rsnapshot.pid")],
      ["retain", "alpha", "6"],
      ["retain", "beta", "7"],
      ["backup", `${user.at("home")}/`, "localhost/"],
    ];
    const text = lines.map((line) => `${line.join("\t")}\n`).join("");
    const config = await user.write("rsnapshot.conf", text);
    for (const state of ["first", "second"]) {
      await writeFile(user.at("home/state"), state);
      await execute("rsnapshot", ["-c", config, "alpha"]);
    }
    const name = `localhost${user.at("home").replaceAll(/[^A-Za-z0-9.]+/g, "-")}`;
    const commands = (await typed("rsnapshot"))
      .replaceAll("/mnt/rsnapshot/holdfast/localhost-home", join(root, "holdfast", name))
      .replaceAll(
        "/mnt/rsnapshot/alpha.0/localhost/home",
        join(root, `alpha.0/localhost${user.at("home")}`),
      );

    const before = await user.check("rsnapshot.conf");
    await type(commands, root);
    const check = await user.check("rsnapshot.conf");
    await user.moveIn("rsnapshot.conf");
    await user.planned();
    const [run] = await user.run();

    assert.deepEqual(
      [...before, ...check].map(({ repository, state, snapshots }) => [
        repository,
        state,
        snapshots,
      ]),
      [
        [name, "begun", undefined],
        [name, "continued", 1],
      ],
    );
    assert.equal(run?.outcome, "success", run?.reason);
    const snapshots = (await readdir(join(root, "holdfast", name, "snapshots"))).toSorted();
    assert.equal(snapshots.length, 2);
    const [theirs, first, second] = await Promise.all(
      [
        join(root, `alpha.0/localhost${user.at("home")}`),
        ...snapshots.map((each) => join(root, "holdfast", name, "snapshots", each)),
      ].map(async (folder) => (await stat(join(folder, "program"))).ino),
    );
    assert.deepEqual([first, second], [theirs, theirs]);
    await user.expect(0, "restore", name, "--target", user.at("restored"));
    await assertSameTree(user.at("home"), user.at("restored"));
    // rsnapshot goes on beside it.
    await execute("rsnapshot", ["-c", config, "alpha"]);
    await user.run();
  });
});
