// People who move in from SimpleBackup, from btrfs-snapshot-backup and from nbkp: what those made by their documented
// commands is gone on with, restored, and nothing of it is lost.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { writeTree } from "../support/backup-user.ts";
import { byHand, wholeSnapshots } from "../support/btrfs-places.ts";
import { newDisk, withoutDisks } from "../support/disk.ts";
import { MovingUser } from "../support/import-user.ts";
import { forgeRepository } from "../support/restic-forge.ts";
import { withoutTools } from "../support/tools.ts";
import { assertSameTree, makeHostileTree } from "../support/tree.ts";

const execute = promisify(execFile);

const day = 24 * 3_600_000;

/** A moment so many days ago. */
const ago = (days: number): Date => new Date(Date.now() - days * day);

async function inode(path: string): Promise<number> {
  return (await stat(path)).ino;
}

/** A hostile tree without hard links, which nbkp never kept. */
async function makePlainTree(folder: string): Promise<void> {
  await makeHostileTree(folder);
  for (const name of ["large", "hard link"]) await rm(join(folder, name));
}

/** The script's name of a snapshot made at this moment, in the zone of the user. */
const nameOf = (moment: Date): string => moment.toISOString().slice(0, 19);

const nextSecond = async (): Promise<void> => await delay(1001 - (Date.now() % 1000));

/** A laptop and a drive, as their owner marked them. */
async function nomad(): Promise<MovingUser> {
  const user = await MovingUser.make();
  for (const folder of ["laptop/docs", "laptop/pictures", "drive/docs", "drive/pictures"]) {
    await mkdir(user.at(folder), { recursive: true });
    const name = folder.startsWith("laptop") ? ".nbkp-src" : ".nbkp-dst";
    await writeFile(user.at(folder, name), "");
  }
  for (const volume of ["laptop", "drive"]) await writeFile(user.at(volume, ".nbkp-vol"), "");
  await makePlainTree(user.at("laptop/docs"));
  await writeTree(user.at("laptop/pictures"), { "one.jpg": "a picture", "two.jpg": "another" });
  return user;
}

const nomadVolumes = (user: MovingUser) => ({
  laptop: { type: "local", path: user.at("laptop") },
  drive: { type: "local", path: user.at("drive") },
});

suite("from SimpleBackup", { skip: withoutTools("restic") }, () => {
  const password = "canary of SimpleBackup";

  /** What the script did: one snapshot for each source. */
  async function simpleBackup(user: MovingUser, moment: Date): Promise<void> {
    const time = moment.toISOString().slice(0, 19).replace("T", " ");
    for (const source of ["Documents", "Pictures"]) {
      const words = ["backup", user.at(source), "--json", "--exclude", "*.tmp", "--time", time];
      await restic(user, ...words);
    }
  }

  async function restic(user: MovingUser, ...words: readonly string[]): Promise<string> {
    const env = { ...user.environment(), RESTIC_PASSWORD: password };
    const repository = `local:${user.at("repository")}`;
    const { stdout } = await execute("restic", ["-r", repository, ...words], { env });
    return stdout;
  }

  /** The snapshots that Holdfast made. */
  async function tagged(user: MovingUser): Promise<readonly string[]> {
    const listed: unknown = JSON.parse(await restic(user, "snapshots", "--json"));
    assert.ok(Array.isArray(listed));
    return listed.filter(({ tags }) => tags !== undefined).map(({ id }) => String(id));
  }

  async function settle(): Promise<MovingUser> {
    const user = await MovingUser.make();
    await mkdir(user.at("Documents"));
    await makeHostileTree(user.at("Documents"));
    await writeTree(user.at("Pictures"), { "one.jpg": "a picture", "left.tmp": "left out" });
    await forgeRepository("restic", user.at("repository"), password);
    for (const days of [3, 2, 1]) await simpleBackup(user, ago(days));
    const backupjob = {
      jobname: "everything of mine",
      sources: [user.at("Documents"), user.at("Pictures")],
      destination: user.at("repository"),
      password,
      backup_interval: "0 12 * * *",
      exclude_patterns: ["*.tmp"],
      retention: { days: 3 },
      compression_level: "auto",
    };
    await user.write("backup_config.json", JSON.stringify({ backupjobs: [backupjob] }));
    return user;
  }

  test("the snapshots of each source are gone on with, and the rules hold for them", async () => {
    await using user = await settle();

    const check = await user.check("backup_config.json");
    const { exitStatus } = await user.moveIn("backup_config.json");
    const planned = await user.planned();
    const [run] = await user.run();

    assert.equal(exitStatus, 0);
    assert.deepEqual(
      check.map(({ state, snapshots, others }) => [state, snapshots, others]),
      [["continued", 6, 0]],
    );
    assert.match(planned.join("\n"), /backup/);
    assert.equal(run?.outcome, "success");
    // Nothing had changed: all was in the repository already.
    assert.ok((run?.evidence?.added ?? Infinity) < 100_000, String(run?.evidence?.added));
    const listed: unknown = JSON.parse(await restic(user, "snapshots", "--json"));
    assert.ok(Array.isArray(listed));
    const made = listed.filter(({ tags }) => tags !== undefined);
    assert.equal(made.length, 2);
    assert.ok(made.every(({ parent, paths }) => paths.length === 1 && parent !== undefined));
    // Three days of each source: the oldest of the script's gave way.
    assert.equal(listed.length, 6);
    assert.equal((await stat(user.at("secrets/everything-of-mine-password"))).mode & 0o777, 0o600);
  });

  test("all comes back byte for byte, and a second run drops nothing more", async () => {
    await using user = await settle();
    await user.moveIn("backup_config.json");
    await user.run();
    const once = await user.snapshots("everything-of-mine");

    await user.run();
    await user.expect(
      0,
      "restore",
      "everything-of-mine",
      "--target",
      user.at("restored"),
      user.at("Documents"),
    );

    const twice = await user.snapshots("everything-of-mine");
    // Those of today are counted as one day: the newer stands for it.
    assert.equal(twice.length, once.length);
    const old = ago(0.9).getTime();
    const ids = (all: typeof once) =>
      all.filter(({ time }) => Date.parse(time) < old).map(({ id }) => id);
    assert.deepEqual(ids(twice), ids(once));
    await assertSameTree(user.at("Documents"), join(user.at("restored"), user.at("Documents")));
  });

  test("back again, the script goes on from what Holdfast made, and restic alone restores it", async () => {
    await using user = await settle();
    await user.moveIn("backup_config.json");
    await user.run();

    const ours = await tagged(user);
    await simpleBackup(user, new Date());
    const known = await restic(user, "snapshots", "--json");
    await restic(user, "forget", "--prune", "--keep-daily", "3");

    const listed: unknown = JSON.parse(await restic(user, "snapshots", "--json"));
    assert.ok(Array.isArray(listed));
    const theirs = listed.filter(({ tags }) => tags === undefined);
    assert.equal(ours.length, 2);
    for (const id of ours) assert.ok(known.includes(`"parent":"${id}"`), id);
    // As before: three days of each source. Those of today stand for Holdfast's.
    assert.equal(listed.length, 6);
    assert.equal(theirs.length, 6);
    const documents = user.at("Documents");
    const words = ["--path", documents, "--target", user.at("restored")];
    await restic(user, "restore", "latest", ...words);
    await assertSameTree(documents, join(user.at("restored"), documents));
    const [run] = await user.run();
    assert.equal(run?.outcome, "success");
    assert.ok((run?.evidence?.added ?? Infinity) < 100_000, String(run?.evidence?.added));
  });

  test("another host or other paths are told as what they are", async () => {
    await using user = await settle();
    await rm(user.at("Pictures"), { recursive: true });
    const config = await user.read("backup_config.json");
    await user.write(
      "moved.json",
      config
        .replaceAll(user.home, "/somewhere/else")
        .replace("/somewhere/else/repository", user.at("repository")),
    );

    const check = await user.check("moved.json");

    assert.deepEqual(
      check.map(({ state, others, message }) => [
        state,
        others,
        /host or paths differ/.test(message),
      ]),
      [["begun", 6, true]],
    );
  });
});

/** What the script sends: all that is newer than the newest there, each as a difference to the one before. */
async function scriptBackup(pair: {
  readonly snaps: string;
  readonly target: string;
  readonly stream: string;
}): Promise<readonly string[]> {
  const known = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2})?(-.+)?$/;
  const [here = [], there = []] = await Promise.all(
    [pair.snaps, pair.target].map(async (folder) =>
      (await readdir(folder)).filter((name) => known.test(name)).toSorted(),
    ),
  );
  const newest = there.at(-1) ?? "";
  let parent = here.findLast((name) => there.includes(name));
  const sent: string[] = [];
  for (const name of here.filter((each) => each > newest)) {
    const words = parent === undefined ? [] : ["-p", join(pair.snaps, parent)];
    await rm(pair.stream, { force: true });
    await byHand("send", "-f", pair.stream, ...words, join(pair.snaps, name));
    await byHand("receive", "-f", pair.stream, pair.target);
    parent = name;
    sent.push(name);
  }
  return sent;
}

suite("from btrfs-snapshot-backup", { skip: withoutDisks("btrfs") }, () => {
  test("differences are sent to what the script had sent, and nothing is dropped that it kept", async () => {
    await using stack = new AsyncDisposableStack();
    const user = stack.use(await MovingUser.make());
    const inner = stack.use(await newDisk());
    const outer = stack.use(await newDisk());
    const home = join(inner.path, "home");
    const [snaps, target] = [join(inner.path, "snaps/home"), join(outer.path, "snaps/home")];
    await mkdir(snaps, { recursive: true });
    await mkdir(target, { recursive: true });
    await byHand("subvolume", "create", home);
    await makeHostileTree(home);
    const names: string[] = [];
    for (const [index, suffix] of ["", "-pre-upgrade"].entries()) {
      // The script knew seconds; two snapshots of one were one name.
      await nextSecond();
      const name = nameOf(new Date()) + suffix;
      names.push(name);
      await writeFile(join(home, "state"), name);
      await byHand("subvolume", "snapshot", "-r", home, join(snaps, name));
      const parent = index === 0 ? [] : ["-p", join(snaps, names[index - 1] ?? "")];
      const stream = user.at("stream");
      await byHand("send", "-f", stream, ...parent, join(snaps, name));
      await byHand("receive", "-f", stream, target);
    }
    await user.write(
      "backup_config.toml",
      `[global]
default_verbose = false
dry_run = false
[[backup_pairs]]
name = "home"
original_volume = ${JSON.stringify(home)}
source = ${JSON.stringify(snaps)}
target = ${JSON.stringify(target)}
retention_days = 14
retention_count = 15
target_retention_days = 60
target_retention_count = 30
`,
    );

    const check = await user.check("backup_config.toml");
    await user.moveIn("backup_config.toml");
    await user.expect(0, "init");
    await user.planned();
    await writeFile(join(home, "state"), "now");
    const { stdout } = await user.expect(0, "run", "--json");

    assert.deepEqual(
      check.map(({ repository, state, newest }) => [repository, state, newest?.id]),
      [
        ["home", "continued", names[1]],
        ["home-target", "continued", names[1]],
      ],
    );
    const copied = stdout.split("\n").find((line) => /"step-finished".*"step":"copy"/.test(line));
    // The tree holds a file of 3 MiB that has not changed.
    const [, added] = /"added":(\d+)/.exec(copied ?? "") ?? [];
    assert.ok(Number(added) < 1_000_000, copied);
    const kept = await wholeSnapshots(target);
    assert.equal(kept.length, 3);
    assert.deepEqual(kept.slice(0, 2), names);
    assert.equal((await readdir(snaps)).length, 3);
    await user.expect(
      0,
      "restore",
      "home",
      "--from",
      "home-target",
      "--target",
      user.at("restored"),
    );
    await assertSameTree(home, user.at("restored"));
    await user.expect(0, "restore", `home@${names[0]}`, "--target", user.at("older"));
    assert.equal(await readFile(user.at("older/state"), "utf8"), names[0]);
    await user.run();
    assert.deepEqual((await wholeSnapshots(target)).slice(0, 3), kept);

    // Back again: the script's own way of finding what both sides have.
    await nextSecond();
    const last = nameOf(new Date());
    await byHand("subvolume", "snapshot", "-r", home, join(snaps, last));
    assert.deepEqual(await scriptBackup({ snaps, target, stream: user.at("stream") }), [last]);
    assert.ok((await stat(user.at("stream"))).size < 1_000_000);
    assert.equal((await wholeSnapshots(target)).at(-1), last);
    await user.run();
    assert.equal((await wholeSnapshots(target)).length, 6);
  });

  test("while the second disk is not mounted, nothing is sent into the folder below it", async () => {
    await using stack = new AsyncDisposableStack();
    const user = stack.use(await MovingUser.make());
    const inner = stack.use(await newDisk());
    const outer = stack.use(await newDisk());
    const home = join(inner.path, "home");
    await byHand("subvolume", "create", home);
    await writeFile(join(home, "letter"), "Dear reader");
    await mkdir(join(inner.path, "snaps"));
    await mkdir(join(outer.path, "snaps/home"), { recursive: true });
    const pair = {
      name: "home",
      original_volume: home,
      source: join(inner.path, "snaps"),
      target: join(outer.path, "snaps/home"),
    };
    const lines = Object.entries(pair).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
    const numbers = [
      "retention_days",
      "retention_count",
      "target_retention_days",
      "target_retention_count",
    ];
    await user.write(
      "backup_config.toml",
      ["[[backup_pairs]]", ...lines, ...numbers.map((key) => `${key} = 3`)].join("\n"),
    );
    await user.moveIn("backup_config.toml");
    await user.expect(0, "init");
    await outer.unmount();

    const [run] = await user.run();
    await outer.mount();

    assert.equal(run?.outcome, "success");
    assert.deepEqual(await readdir(join(outer.path, "snaps/home")), []);
    assert.equal((await readdir(join(inner.path, "snaps"))).length, 1);
  });
});

suite("from nbkp", { skip: withoutTools("rsync") }, () => {
  const flags = [
    "-a",
    "--delete",
    "--delete-excluded",
    "--partial-dir=.rsync-partial",
    "--safe-links",
  ];
  const sentinels = ["--filter=H .nbkp-*", "--filter=P .nbkp-*"];
  const timestamp = ago(1).toISOString();

  async function nbkp(from: string, to: string, ...more: readonly string[]): Promise<string> {
    const words = [...flags, ...sentinels, ...more, `${from}/`, `${to}/`];
    return (await execute("rsync", words)).stdout;
  }

  test("mirrors and hard-linked snapshots are gone on with where they are", async () => {
    await using user = await nomad();
    await nbkp(user.at("laptop/docs"), user.at("drive/docs"));
    const old = user.at("drive/pictures/snapshots", timestamp);
    await mkdir(old, { recursive: true });
    await nbkp(user.at("laptop/pictures"), old);
    await symlink(`snapshots/${timestamp}`, user.at("drive/pictures/latest"));
    await user.write(
      "config.yaml",
      JSON.stringify({
        volumes: nomadVolumes(user),
        "sync-endpoints": {
          docs: { volume: "laptop", subdir: "docs" },
          "docs-bk": { volume: "drive", subdir: "docs" },
          pictures: { volume: "laptop", subdir: "pictures" },
          "pictures-bk": {
            volume: "drive",
            subdir: "pictures",
            "hard-link-snapshots": { enabled: true, "max-snapshots": 2 },
          },
        },
        syncs: {
          docs: { source: "docs", destination: "docs-bk" },
          pictures: { source: "pictures", destination: "pictures-bk" },
        },
      }),
    );
    const file = await inode(user.at("drive/docs/program"));

    const check = await user.check("config.yaml");
    await user.moveIn("config.yaml");
    await user.planned();
    // No `init`: nbkp's own marks are enough, and that of the source is not needed.
    await rm(user.at("laptop/docs/.nbkp-src"));
    // rsync compares times of whole seconds, also that of the folder.
    await nextSecond();
    await user.run();

    assert.deepEqual(
      check.map(({ repository, state, newest }) => [repository, state, newest?.id]),
      [
        ["docs-bk", "continued", undefined],
        ["pictures-bk", "continued", timestamp],
      ],
    );
    assert.equal(await inode(user.at("drive/docs/program")), file);
    const [, made = ""] = (await readdir(user.at("drive/pictures/snapshots"))).toSorted();
    const one = user.at("drive/pictures/snapshots", made, "one.jpg");
    // Not copied again: it is the same file on the disk.
    assert.equal(await inode(one), await inode(join(old, "one.jpg")));
    assert.equal(await readlink(user.at("drive/pictures/latest")), `snapshots/${made}`);
    await user.expect(0, "restore", "docs", "--target", user.at("restored"));
    await assertSameTree(user.at("laptop/docs"), user.at("restored"));
    await user.expect(0, "restore", `pictures@${timestamp}`, "--target", user.at("older"));
    assert.equal(await readFile(user.at("older/two.jpg"), "utf8"), "another");
    // Two are kept, as before: the third run drops nbkp's own.
    await user.run();
    assert.equal(existsSync(old), false);
    assert.ok(existsSync(user.at("drive/pictures/.nbkp-dst")));

    // Back again: nbkp finds what Holdfast made, and copies nothing.
    const [mirror, pictures] = [user.at("drive/docs"), user.at("drive/pictures")];
    const changed = await nbkp(user.at("laptop/docs"), mirror, "--itemize-changes");
    assert.deepEqual(
      changed.split("\n").filter((line) => /^[<>*]/.test(line)),
      ["*deleting   .holdfast-mirror.json"],
    );
    const now = new Date().toISOString();
    const latest = await readlink(join(pictures, "latest"));
    await mkdir(join(pictures, "snapshots", now));
    const linkDest = `--link-dest=../${basename(latest)}`;
    await nbkp(user.at("laptop/pictures"), join(pictures, "snapshots", now), linkDest);
    await execute("ln", ["-sfn", `snapshots/${now}`, join(pictures, "latest")]);
    const theirs = join(pictures, "snapshots", now, "one.jpg");
    assert.equal(await inode(theirs), await inode(join(pictures, latest, "one.jpg")));
    const runs = await user.run();
    assert.deepEqual(
      runs.map(({ outcome }) => outcome),
      ["success", "success"],
    );
    assert.equal(await inode(user.at("drive/docs/program")), file);
    assert.ok(existsSync(join(mirror, ".holdfast-mirror.json")));
    const after = await readlink(join(pictures, "latest"));
    assert.equal(await inode(join(pictures, after, "one.jpg")), await inode(theirs));
    assert.ok(existsSync(theirs));
  });

  test("of the first generation, a mirror goes on in latest", async () => {
    await using user = await nomad();
    await mkdir(user.at("drive/docs/latest"));
    await mkdir(user.at("drive/docs/snapshots"));
    await nbkp(user.at("laptop/docs"), user.at("drive/docs/latest"));
    await user.write(
      "config.yaml",
      JSON.stringify({
        volumes: { laptop: { path: user.at("laptop") }, drive: { path: user.at("drive") } },
        syncs: {
          docs: {
            source: { volume: "laptop", subdir: "docs" },
            destination: { volume: "drive", subdir: "docs" },
            "extra-rsync-options": ["--sparse"],
          },
        },
      }),
    );
    const file = await inode(user.at("drive/docs/latest/program"));

    const check = await user.check("config.yaml");
    await user.moveIn("config.yaml");
    await rm(user.at("laptop/docs/.nbkp-src"));
    // rsync compares times of whole seconds.
    await nextSecond();
    await user.run();

    assert.deepEqual(
      check.map(({ repository, state }) => [repository, state]),
      [["docs", "continued"]],
    );
    assert.equal(await inode(user.at("drive/docs/latest/program")), file);
    assert.deepEqual((await readdir(user.at("drive/docs"))).toSorted(), [
      ".nbkp-dst",
      "latest",
      "snapshots",
    ]);
    await user.expect(0, "restore", "docs", "--target", user.at("restored"));
    await assertSameTree(user.at("laptop/docs"), user.at("restored"));
    await user.run();

    // To have it at its place, as the guide says.
    const guide = await readFile(
      join(import.meta.dirname, "../../docs/guides/from-nbkp.md"),
      "utf8",
    );
    const [, commands = ""] = /```sh\n(cd DESTINATION.*?)```/s.exec(guide) ?? [];
    const moving = commands.replace("DESTINATION", user.at("drive/docs"));
    await execute("sh", ["-eu", "-c", moving]);
    const config = await user.read(".config/holdfast/holdfast.yaml");
    await user.write(
      ".config/holdfast/holdfast.yaml",
      config.replace(/^(\s+at: .*)\/latest$/m, "$1"),
    );
    const [moved] = await user.run();
    assert.equal(moved?.outcome, "success", moved?.reason);
    assert.equal(await inode(user.at("drive/docs/program")), file);
    assert.equal(existsSync(user.at("drive/docs/latest")), false);
    await user.expect(0, "restore", "docs", "--target", user.at("restored later"));
    await assertSameTree(user.at("laptop/docs"), user.at("restored later"));
  });

  test("a drive that is away is no failure, and what it was to get waits", async () => {
    await using user = await nomad();
    await user.write(
      "config.yaml",
      JSON.stringify({
        volumes: nomadVolumes(user),
        "sync-endpoints": {
          docs: { volume: "laptop", subdir: "docs" },
          "docs-bk": { volume: "drive", subdir: "docs" },
        },
        syncs: { docs: { source: "docs", destination: "docs-bk" } },
      }),
    );
    await user.moveIn("config.yaml");
    await rm(user.at("drive/.nbkp-vol"));

    const [run] = await user.run();

    assert.equal(run?.outcome, "skipped");
    assert.deepEqual(await readdir(user.at("drive/docs")), [".nbkp-dst"]);
  });
});

suite(
  "from nbkp, with snapshots of btrfs",
  { skip: withoutDisks("btrfs") || withoutTools("rsync") },
  () => {
    for (const generation of ["first", "later"] as const) {
      test(`of the ${generation} generation, they are gone on with`, async () => {
        await using stack = new AsyncDisposableStack();
        const user = stack.use(await MovingUser.make());
        const disk = stack.use(await newDisk());
        const timestamp = ago(1).toISOString();
        const written = generation === "first" ? "latest" : "staging";
        await mkdir(user.at("docs"));
        await makePlainTree(user.at("docs"));
        await writeFile(user.at(".nbkp-vol"), "");
        await mkdir(join(disk.path, "docs/snapshots"), { recursive: true });
        for (const name of [".nbkp-vol", "docs/.nbkp-dst"])
          await writeFile(join(disk.path, name), "");
        const staging = join(disk.path, "docs", written);
        await byHand("subvolume", "create", staging);
        await execute("rsync", [
          "-a",
          "--delete",
          "--safe-links",
          `${user.at("docs")}/`,
          `${staging}/`,
        ]);
        const old = join(disk.path, "docs/snapshots", timestamp);
        await byHand("subvolume", "snapshot", "-r", staging, old);
        const destination = {
          volume: "disk",
          subdir: "docs",
          "btrfs-snapshots": { enabled: true },
        };
        const source = { volume: "home", subdir: "docs" };
        const volumes = {
          home: { type: "local", path: user.home },
          disk: { type: "local", path: disk.path },
        };
        const later = {
          volumes,
          "sync-endpoints": { docs: source, "docs-bk": destination },
          syncs: { docs: { source: "docs", destination: "docs-bk" } },
        };
        const first = {
          volumes,
          syncs: { docs: { source, destination, "extra-rsync-options": [] } },
        };
        if (generation === "later") {
          await symlink(`snapshots/${timestamp}`, join(disk.path, "docs/latest"));
        }
        await user.write("config.yaml", JSON.stringify(generation === "first" ? first : later));

        const check = await user.check("config.yaml");
        await user.moveIn("config.yaml");
        await writeFile(user.at("docs/program"), "changed");
        await user.run();

        assert.deepEqual(
          check.map(({ state, newest }) => [state, newest?.id]),
          [["continued", timestamp]],
        );
        const kept = (await readdir(join(disk.path, "docs/snapshots"))).toSorted();
        assert.equal(kept.length, 2);
        assert.equal(kept[0], timestamp);
        assert.equal(await readFile(join(staging, "program"), "utf8"), "changed");
        await user.expect(0, "restore", "docs", "--target", user.at("restored"));
        await assertSameTree(user.at("docs"), user.at("restored"));
      });
    }
  },
);
