// Whoever is killed while a Nextcloud is in maintenance: the next start, or `recover`, ends that.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CloudUser } from "../support/cloud-user.ts";
import { killProcesses } from "../support/processes.ts";
import { withoutTools } from "../support/tools.ts";

const skip = withoutTools("tar", "zstd", "rsync", "sqlite3");

/** A user whose run was killed, with all it had started, in the middle of maintenance. */
async function killedInMaintenance(way: "file" | "occ"): Promise<CloudUser> {
  const cloud = await CloudUser.make({ source: { maintenance: way, settle: "10m" } });
  try {
    const run = cloud.start("backup");
    while (!cloud.nextcloud.isInMaintenance()) {
      assert.equal(run.child.exitCode, null, "it ended by itself");
      await sleep(20);
    }
    killProcesses(cloud.user.home);
    await run.ended;
    assert.equal(cloud.nextcloud.isInMaintenance(), true);
    return cloud;
  } catch (error) {
    await cloud[Symbol.asyncDispose]();
    throw error;
  }
}

suite("a Nextcloud whose backup was killed in maintenance", { skip, concurrency: 2 }, () => {
  for (const way of ["file", "occ"] as const) {
    test(`by ${way} comes out of it with recover`, async () => {
      await using cloud = await killedInMaintenance(way);

      const recovered = await cloud.user.holdfast("recover");
      const again = await cloud.user.holdfast("recover");

      assert.equal(recovered.exitStatus, 0, recovered.stderr);
      assert.equal(cloud.nextcloud.isInMaintenance(), false);
      assert.deepEqual(await readdir(cloud.nextcloud.config), ["config.php"]);
      assert.match(again.stdout + again.stderr, /nothing to recover/);
    });
  }

  test("comes out of it with the next backup, which is whole", async () => {
    await using cloud = await killedInMaintenance("file");
    await cloud.configure({ settle: "0s" });

    const { evidence } = await cloud.backedUp();

    assert.ok(
      (evidence?.maintenanceSeconds ?? 0) > 0,
      "it was not taken for one that was so before",
    );
    await cloud.assertTidy(["data", "extra"]);
  });

  test("stays in it, and that is said, while what it needs is not there", async () => {
    await using cloud = await killedInMaintenance("file");
    await cloud.user.write(
      "nc/config/other.config.php",
      "<?php $CONFIG = ['maintenance' => true];",
    );

    const { exitStatus, stdout, stderr } = await cloud.user.holdfast("recover");

    assert.equal(exitStatus, 1);
    assert.match(stdout + stderr, /other\.config\.php says so/);
  });

  test("leaves no copy of its database behind", async () => {
    await using cloud = await CloudUser.make();
    // Says nothing once the copy is made: it is killed in between.
    await cloud.replace(
      "sqlite3",
      `PATH=$REAL; case $PWD in *.copying*) sqlite3 "$@"; sleep 600 ;; *) exec sqlite3 "$@" ;; esac`,
    );
    const run = cloud.start("backup");
    while (!(await copiesIn(cloud)).some((path) => path.endsWith("/copy"))) {
      assert.equal(run.child.exitCode, null, "it ended by itself");
      await sleep(20);
    }
    killProcesses(cloud.user.home);
    await run.ended;

    const { exitStatus, stderr } = await cloud.user.holdfast("recover");

    assert.equal(exitStatus, 0, stderr);
    assert.deepEqual(await copiesIn(cloud), []);
    await cloud.assertTidy(["data", "extra"]);
  });
});

/** What a copy of the database takes up in the staging folder. */
async function copiesIn({ staging }: CloudUser): Promise<readonly string[]> {
  if (!existsSync(staging)) return [];
  const paths = await readdir(staging, { recursive: true });
  return paths.filter((path) => path.includes(".copying") || path.includes("sqlite"));
}
