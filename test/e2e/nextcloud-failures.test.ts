// Whatever goes wrong while a Nextcloud is backed up: maintenance ends, nothing is left, and it is said what it was.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { databaseTools } from "../support/cloud-database.ts";
import { cloudRun, CloudUser } from "../support/cloud-user.ts";
import { newDisk, withoutDisks } from "../support/disk.ts";
import { withoutTools } from "../support/tools.ts";

const skip = withoutTools("sqlite3", "rsync", "tar", "flock");
const copies = ["data", "extra"];

/** Nothing may have been switched: what is wrong is seen before. */
async function assertNeverInMaintenance(cloud: CloudUser): Promise<void> {
  const calls = await cloud.nextcloud.calls();
  assert.ok(!calls.some(([name]) => name === "maintenance:mode"));
  assert.ok(!existsSync(cloud.user.at("switched")));
}

/** Remembers in a file that maintenance was on while this program ran. */
const noteMaintenance = `[ ! -e "$HERE/nc/config/zz-holdfast.config.php" ] || : > "$HERE/switched"`;

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 6000; tries += 1) {
    if (isSo()) return;
    await sleep(10);
  }
  throw new Error("what was waited for has not come in a minute");
}

suite("a backup of a Nextcloud that fails", { skip }, () => {
  test("because the database cannot be read: before maintenance", async () => {
    await using cloud = await CloudUser.make();
    await writeFile(join(cloud.nextcloud.data, "owncloud.db"), "this is no database, but text");

    const { reason } = await cloud.failed("database-unusable", copies);

    assert.match(reason ?? "", /SQLite|database/);
    await assertNeverInMaintenance(cloud);
  });

  test("because its files cannot be kept: in maintenance", async () => {
    await using cloud = await CloudUser.make({ source: { capture: "staged" } });
    // The first pass over the copy is made before maintenance.
    await cloud.replace(
      "rsync",
      `${noteMaintenance}
       [ ! -e "$HERE/switched" ] || { echo "rsync: write failed: No space left on device (28)" >&2; exit 11; }
       PATH=$REAL exec rsync "$@"`,
    );

    const { reason } = await cloud.failed("command-failed", copies);

    assert.match(reason ?? "", /No space left on device/);
    assert.ok(existsSync(cloud.user.at("switched")));
  });

  test("because it is longer in maintenance than it may be", async () => {
    await using cloud = await CloudUser.make({ source: { capture: "staged", window: "2s" } });
    await cloud.replace(
      "rsync",
      `${noteMaintenance}
       [ ! -e "$HERE/switched" ] || exec sleep 600
       PATH=$REAL exec rsync "$@"`,
    );

    const { reason } = await cloud.failed("window-exceeded", copies);

    assert.equal(reason, "maintenance was ended because it took longer than 2 s");
  });

  test("because the archive takes longer than maintenance may, when files are read in place", async () => {
    await using cloud = await CloudUser.make({ source: { capture: "direct", window: "5s" } });
    await cloud.replace("tar", `${noteMaintenance}\nexec sleep 600`);

    await cloud.failed("window-exceeded");

    assert.ok(existsSync(cloud.user.at("switched")));
  });

  test("because it is interrupted: maintenance ends first", async () => {
    await using cloud = await CloudUser.make({ source: { capture: "staged" } });
    // What is asked to end and does not want to is given ten seconds.
    await cloud.replace(
      "rsync",
      `${noteMaintenance}
       [ ! -e "$HERE/switched" ] || { trap "" TERM; : > "$HERE/stuck"; sleep 60; }
       PATH=$REAL exec rsync "$@"`,
    );
    const { child, ended } = cloud.start("backup", "--json");
    await until(() => existsSync(cloud.user.at("stuck")));

    child.kill("SIGTERM");

    await until(() => !cloud.nextcloud.isInMaintenance());
    assert.equal(child.exitCode, null, "it waits for what it has started");
    assert.equal(cloudRun(await ended).end?.code, "interrupted");
    await cloud.assertTidy(copies);
  });

  test(
    "because there is no space for a copy: before maintenance",
    { skip: withoutDisks("ext4") },
    async () => {
      await using disk = await newDisk({ format: "ext4", sizeMiB: 32 });
      await using cloud = await CloudUser.make();
      await cloud.configure({ staging: join(disk.path, "staging"), capture: "staged" });
      await writeFile(join(cloud.nextcloud.data, "large"), Buffer.alloc(40 * 1024 ** 2, 1));
      await cloud.replace("rsync", `${noteMaintenance}\nPATH=$REAL exec rsync "$@"`);

      const { reason } = await cloud.failed("source-unreadable");

      assert.match(reason ?? "", /are needed in the staging folder .* are free/);
      await assertNeverInMaintenance(cloud);
    },
  );

  test(
    "because there is no space where config.php is: before maintenance",
    { skip: withoutDisks("ext4") },
    async () => {
      await using disk = await newDisk({ format: "ext4", sizeMiB: 16 });
      await using cloud = await CloudUser.make();
      const config = join(disk.path, "config");
      await mkdir(config);
      await copyFile(cloud.nextcloud.configFile, join(config, "config.php"));
      const text = await readFile(join(config, "config.php"), "utf8");
      execFileSync("sh", [
        "-c",
        'dd if=/dev/zero of="$1" bs=64k 2>/dev/null || :',
        "sh",
        join(disk.path, "full"),
      ]);
      await cloud.configure({ config });

      const { reason } = await cloud.failed("source-unreadable");

      assert.match(reason ?? "", /no space left where config\.php is/);
      assert.equal(await readFile(join(config, "config.php"), "utf8"), text);
    },
  );

  test("because its config.php is empty", async () => {
    await using cloud = await CloudUser.make();
    // What occ says of such a one is another matter.
    const config = cloud.user.at("other-config");
    await mkdir(config);
    await writeFile(join(config, "config.php"), "");
    await cloud.configure({ config });

    const { reason } = await cloud.failed("source-unreadable", copies);

    assert.match(reason ?? "", /is empty or missing/);
  });

  test("because what else is to be backed up is not there", async () => {
    await using cloud = await CloudUser.make();
    await cloud.configure({ extra: [cloud.user.at("themes")] });

    const { reason } = await cloud.failed("source-missing");

    assert.match(reason ?? "", /themes of the Nextcloud does not exist/);
  });

  test("because its staging folder holds something else, which stays", async () => {
    await using cloud = await CloudUser.make();
    await cloud.user.write("precious/letter", "Dear reader");
    await cloud.user.write("precious/data/letter", "Dear reader");
    await cloud.configure({ staging: cloud.user.at("precious") });

    const { reason } = await cloud.failed("target-invalid");

    assert.match(reason ?? "", /holds something else/);
    assert.equal(await cloud.user.read("precious/data/letter"), "Dear reader");
  });

  test("because its staging folder leads back to its data", async () => {
    await using cloud = await CloudUser.make();
    execFileSync("ln", ["-s", cloud.user.at("nc"), cloud.user.at("link")]);
    await cloud.configure({ staging: cloud.user.at("link") });

    const { reason } = await cloud.failed("target-invalid");

    assert.match(reason ?? "", /neither in nor around what is backed up/);
    assert.ok(existsSync(join(cloud.nextcloud.data, "alice/files/letter.txt")));
  });

  test("because another one of it is under way", async () => {
    await using cloud = await CloudUser.make({ source: { capture: "staged" } });
    await cloud.replace(
      "rsync",
      `: > "$HERE/copying"; while [ ! -e "$HERE/go on" ]; do sleep 0.05; done
       PATH=$REAL exec rsync "$@"`,
    );
    const first = cloud.start("backup", "--json");
    await until(() => existsSync(cloud.user.at("copying")));
    await cloud.user.write(
      "other.yaml",
      otherJob(await cloud.user.read(".config/holdfast/holdfast.yaml")),
    );

    const second = cloudRun(
      await cloud.start("backup", "--json", "--config", cloud.user.at("other.yaml")).ended,
    );

    await cloud.user.write("go on", "");
    assert.equal(second.end?.code, "busy", second.stdout + second.stderr);
    assert.equal(cloudRun(await first.ended).end?.outcome, "success");
    await cloud.assertTidy(copies);
  });
});

/** The same Nextcloud into another repository, with a journal of its own. */
function otherJob(text: string): string {
  const configuration: object = JSON.parse(text);
  const changed = JSON.stringify(configuration).replaceAll(/"state":"([^"]+)"/g, '"state":"$1-2"');
  return changed;
}

suite(
  "a dump that fails",
  { skip: skip || withoutTools(...databaseTools.mariadb) || withoutDisks("btrfs") },
  () => {
    test("ends maintenance, before its view and at its last byte", async (t) => {
      await using cloud = await CloudUser.make({ ground: "subvolume", database: "mariadb" });
      await cloud.database.query("CREATE TABLE oc_filecache (fileid INT PRIMARY KEY)");

      await t.test("before its view", async () => {
        await cloud.replace(
          "mariadb-dump",
          'echo "mariadb-dump: Got errno 28 on write" >&2; exit 5',
        );
        await cloud.failed("dump-failed");
      });

      await t.test("at its last byte", async () => {
        await cloud.replace("mariadb-dump", 'PATH=$REAL mariadb-dump "$@" | head --bytes=-2');
        const { reason } = await cloud.failed("dump-failed");
        assert.match(reason ?? "", /end marker/);
      });

      await t.test("when its server goes away in the middle", async () => {
        await cloud.replace(
          "mariadb-dump",
          'PATH=$REAL mariadb-dump "$@"; echo "mariadb-dump: Error 2013: Lost connection" >&2; exit 3',
        );
        await cloud.failed("database-unusable");
      });

      await t.test("and when the snapshot fails beside it", async () => {
        await cloud.replace("mariadb-dump", 'PATH=$REAL exec mariadb-dump "$@"');
        await cloud.replace(
          "btrfs",
          `case "$*" in
             *.trial-snapshot) ;;
             "subvolume snapshot "*) echo "ERROR: cannot snapshot: Read-only file system" >&2; exit 1 ;;
           esac
           PATH=$REAL exec btrfs "$@"`,
        );
        const { reason } = await cloud.failed("command-failed");
        assert.match(reason ?? "", /cannot snapshot/);
      });
    });
  },
);
