// A Nextcloud as a user backs it up: with every engine, on every file system, and what is in the backup.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { CloudUser, type Ground } from "../support/cloud-user.ts";
import { withoutDisks } from "../support/disk.ts";
import { Findings, Status } from "../support/json-shapes.ts";
import { startSshd, sshdTools } from "../support/sshd.ts";
import { withoutTools } from "../support/tools.ts";
import { assertSameTree, makeHostileTree } from "../support/tree.ts";

const skip = withoutTools("sqlite3", "rsync", "tar", "restic", "flock");
const withoutBtrfs = skip || withoutDisks("btrfs");
const withoutXfs = skip || withoutDisks("xfs");

/** The users' files, by their paths. */
async function filesOf(data: string): Promise<Readonly<Record<string, string>>> {
  const folder = join(data, "alice/files");
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), await readFile(path, "utf8")] as const;
    });
  return Object.fromEntries(await Promise.all(files));
}

/** Full and differential archives, of which each must hold what there was, wherever its files were kept. */
async function assertChain(ground: Ground, stays: readonly string[] = []) {
  await using cloud = await CloudUser.make({ ground, engine: "tar" });
  const states: Readonly<Record<string, string>>[] = [];
  const kinds: string[] = [];
  const sizes: number[] = [];
  for (let day = 0; day < 4; day += 1) {
    await cloud.write(`day ${day}/new`, `day ${day}`);
    await cloud.write(`day ${day}/large`, String(Math.random()).repeat(50_000));
    await cloud.write("changing", `day ${day}`);
    if (day > 0) await cloud.remove(`day ${day - 1}`);
    states.push(await filesOf(cloud.nextcloud.data));
    const { snapshots, evidence } = await cloud.backedUp();
    kinds.push(snapshots[0]?.id.split("-").at(-1) ?? "");
    sizes.push(evidence?.added ?? 0);
  }

  const listed = JSON.parse((await cloud.user.holdfast("snapshots", "--json")).stdout);
  const ids: string[] = listed.snapshots.map(({ id }: { id: string }) => id);
  assert.deepEqual(kinds, ["full", "differential", "differential", "differential"]);
  for (const [day, id] of ids.toSorted().entries()) {
    const { data } = await cloud.restored(id);
    assert.deepEqual(await filesOf(data), states[day], id);
  }
  await cloud.assertTidy(stays);
  return { sizes };
}

suite("a Nextcloud goes into full and differential archives", () => {
  test("from snapshots of its subvolume", { skip: withoutBtrfs }, async () => {
    await assertChain("subvolume");
  });

  test("from snapshots of a subvolume that it is in", { skip: withoutBtrfs }, async () => {
    await assertChain("btrfs");
  });

  test("from copies that share their blocks", { skip: withoutXfs }, async () => {
    await assertChain("xfs");
  });

  test("from a copy that is brought up to date", { skip }, async () => {
    await assertChain("plain", ["data", "extra"]);
  });
});

suite("a backup of a Nextcloud", { skip }, () => {
  test("holds its database, its files, its configuration and its apps", async () => {
    await using cloud = await CloudUser.make();

    const end = await cloud.backedUp();

    const { folder, manifest, data, dump } = await cloud.restored();
    assert.equal(end.outcome, "success");
    assert.equal(
      await cloud.database.queryDump(dump, "SELECT path, size FROM oc_filecache ORDER BY path"),
      "files/letter.txt\t11\nfiles/photos/one.jpg\t8\n",
    );
    assert.deepEqual(await filesOf(data), {
      "letter.txt": "Dear reader",
      "photos/one.jpg": "no photo",
    });
    const config = await readFile(join(folder, "extra/config/config.php"), "utf8");
    assert.equal(config, await readFile(cloud.nextcloud.configFile, "utf8"));
    assert.doesNotMatch(config, /maintenance/);
    assert.deepEqual(await readdir(join(folder, "extra/custom_apps")), ["notes"]);
    const { made, ...said } = manifest;
    assert.ok(Date.parse(made) > Date.now() - 600_000);
    assert.deepEqual(said, {
      version: 1,
      nextcloud: "29.0.6.1",
      instanceId: "ocfaketest01",
      data: "data",
      config: "extra/config",
      database: {
        kind: "sqlite",
        name: "owncloud.db",
        file: "database_backup.bak",
        compress: "none",
      },
      tablePrefix: "oc_",
      dataDirectory: cloud.nextcloud.data,
      extra: { "extra/custom_apps": cloud.nextcloud.customApps },
      capture: "staged",
    });
  });

  test("says how long Nextcloud was in maintenance, and so does status", async () => {
    await using cloud = await CloudUser.make();

    const { evidence } = await cloud.backedUp();

    assert.ok((evidence?.maintenanceSeconds ?? 0) > 0.05);
    assert.ok((evidence?.dumpedBytes ?? 0) > 0);
    const { jobs } = Status.parse(
      JSON.parse((await cloud.user.holdfast("status", "--json")).stdout),
    );
    assert.equal(jobs[0]?.maintenanceSeconds, evidence?.maintenanceSeconds);
    assert.match((await cloud.user.holdfast("status")).stdout, /maintenance +\d/);
  });

  test("keeps every name and attribute, in every way of keeping files", async () => {
    for (const capture of ["staged", "direct"]) {
      await using cloud = await CloudUser.make({ engine: "tar", source: { capture } });
      await makeHostileTree(join(cloud.nextcloud.data, "alice/files/hostile"));

      await cloud.backedUp();

      const { data } = await cloud.restored();
      const hostile = "alice/files/hostile";
      await assertSameTree(join(cloud.nextcloud.data, hostile), join(data, hostile));
    }
  });

  test(
    "passes over files that vanish in maintenance, and says so",
    { skip: withoutXfs },
    async () => {
      await using cloud = await CloudUser.make({ ground: "xfs" });
      const said = "cp: cannot stat '/x/y.part': No such file or directory";
      await cloud.replace(
        "cp",
        `PATH=$REAL cp "$@" || exit
       case "$*" in *=always*/data) echo "${said}" >&2; exit 1 ;; esac`,
      );

      const { outcome, evidence } = await cloud.backedUp();

      assert.equal(outcome, "success");
      assert.match(evidence?.notes?.join() ?? "", /files vanished while/);
      assert.deepEqual(Object.keys(await filesOf((await cloud.restored()).data)).length, 2);
      await cloud.assertTidy();
    },
  );

  test("is made with maintenance switched by occ as well", async () => {
    await using cloud = await CloudUser.make({ source: { maintenance: "occ" } });
    await cloud.nextcloud.setConfig({ maintenance: false });

    await cloud.backedUp();

    const { folder } = await cloud.restored();
    const config = await readFile(join(folder, "extra/config/config.php"), "utf8");
    assert.match(config, /'maintenance' => false/);
    await cloud.assertTidy(["data", "extra"]);
    const calls = await cloud.nextcloud.calls();
    assert.ok(calls.some((words) => words.join(" ") === "maintenance:mode --on"));
  });

  test("leaves a Nextcloud in maintenance that was so before, and says so", async () => {
    await using cloud = await CloudUser.make();
    await cloud.nextcloud.setConfig({ maintenance: true });

    const { evidence } = await cloud.backedUp();

    assert.equal(cloud.nextcloud.isInMaintenance(), true);
    assert.equal(evidence?.maintenanceSeconds, undefined);
    assert.match(evidence?.notes?.join() ?? "", /was in maintenance before the backup/);
  });

  test("names the bucket that the files of a Nextcloud on S3 are in", async () => {
    const store = {
      class: "\\OC\\Files\\ObjectStore\\S3",
      arguments: { bucket: "cloud-files", hostname: "s3.example.org", key: "k", secret: "s" },
    };
    await using cloud = await CloudUser.make({ config: { objectstore: store } });

    const { evidence } = await cloud.backedUp();

    assert.match(evidence?.notes?.join() ?? "", /in the bucket cloud-files, not in this backup/);
  });

  test("compresses the dump where that is asked for", async () => {
    for (const compress of ["gzip", "zstd"]) {
      await using cloud = await CloudUser.make({ source: { database: { compress } } });

      await cloud.backedUp();

      const { dump } = await cloud.restored();
      const program = compress === "gzip" ? "gzip" : "zstd";
      const image = execFileSync(program, ["--decompress", "--stdout", dump]);
      assert.equal(image.subarray(0, 15).toString(), "SQLite format 3");
    }
  });

  test("is refused to anybody but its user while it is put together", async () => {
    await using cloud = await CloudUser.make();

    await cloud.backedUp();

    assert.equal((await stat(cloud.staging)).mode & 0o777, 0o700);
  });

  test("goes on with the staging folder of the Nextcloud backup script", async () => {
    await using cloud = await CloudUser.make();
    const staging = cloud.user.at("backup_tmp");
    execFileSync("mkdir", [staging]);
    execFileSync("rsync", ["-a", "--delete", cloud.nextcloud.data, staging]);
    await cloud.user.write("backup_tmp/database_backup.bak", "an old dump");
    await cloud.configure({ staging, capture: "staged" });

    await cloud.backedUp();

    assert.deepEqual((await readdir(staging)).toSorted(), [".holdfast-staging", "data", "extra"]);
  });

  test("is announced by doctor, with the way its files are kept", async () => {
    await using cloud = await CloudUser.make();

    const said = await cloud.user.holdfast("doctor", "--json");

    const { findings } = Findings.parse(JSON.parse(said.stdout));
    const capture = findings.find(({ code }) => code === "nextcloud-capture");
    assert.match(capture?.message ?? "", /copied to the staging folder.*no snapshot: /);
    assert.deepEqual(
      findings.filter(({ severity }) => severity === "error"),
      [],
    );
    assert.deepEqual(await readdir(join(cloud.nextcloud.data, "..")), [
      "config",
      "custom_apps",
      "data",
      "occ",
      "occ.log",
    ]);
  });
});

test(
  "a Nextcloud on another machine is backed up there",
  { skip: skip || withoutTools(...sshdTools) },
  async () => {
    await using sshd = await startSshd();
    await using cloud = await CloudUser.make({
      more: { hosts: { server: sshd.entry }, volumes: { disk: { host: "server", path: "HOME" } } },
      repository: { at: "disk:store" },
      source: { data: "disk:nc/data" },
    });

    const { evidence } = await cloud.backedUp();

    assert.ok((evidence?.maintenanceSeconds ?? 0) > 0);
    await cloud.assertTidy(["data", "extra"]);
  },
);
