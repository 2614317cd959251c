import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { localHost } from "../hosts/local.ts";
import { nextcloudFixtures } from "../../test/support/nextcloud.ts";
import { expectedOfConfigs as expected, revealed } from "../../test/support/nextcloud-expected.ts";
import { readConfigDirectory } from "./read-instance.ts";

const { signal } = new AbortController();

suite("a folder of config.php", () => {
  const host = localHost();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-config-"));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const literal = Object.entries(expected).filter(
    ([name]) => name !== "computed" && name !== "several-files",
  );
  for (const [name, part] of literal) {
    test(`like ${name} is read without PHP`, async () => {
      const read = await readConfigDirectory(host, join(nextcloudFixtures, "config", name), signal);

      assert.equal(read.inMaintenance, name === "maintenance-on");
      assert.equal(read.version, "29.0.6.1");
      assert.partialDeepStrictEqual(revealed(read), part);
    });
  }

  for (const name of ["computed", "several-files"]) {
    test(`like ${name}, which only PHP can read, is refused with the way out`, async () => {
      const reading = readConfigDirectory(host, join(nextcloudFixtures, "config", name), signal);

      await assert.rejects(reading, { code: "source-unreadable", hint: /give `occ`/ });
    });
  }

  test("is read as a whole: later files win, in natural order, and others are none", async () => {
    const config = join(folder, "whole");
    await cp(join(nextcloudFixtures, "config/local-sqlite"), config, { recursive: true });
    await writeFile(join(config, "9.config.php"), "<?php $CONFIG = ['dbname' => 'nine'];");
    await writeFile(join(config, "10.config.php"), "<?php $CONFIG = ['dbname' => 'ten'];");
    await writeFile(join(config, "11.config.php.bak"), "<?php $CONFIG = ['dbname' => 'no'];");
    await writeFile(join(config, ".12.config.php"), "<?php $CONFIG = ['dbname' => 'no'];");

    const read = await readConfigDirectory(host, config, signal);

    assert.deepEqual(read.database, {
      kind: "sqlite",
      file: "/srv/nextcloud/local-sqlite/data/ten.db",
    });
  });

  test("is refused when a value that is needed is worked out, and not for others", async () => {
    const config = join(folder, "worked-out");
    await cp(join(nextcloudFixtures, "config/local-mariadb"), config, { recursive: true });
    const more = join(config, "more.config.php");
    await writeFile(more, "<?php $CONFIG = ['redis' => ['host' => getenv('REDIS')]];");
    const fine = await readConfigDirectory(host, config, signal);
    await writeFile(more, "<?php $CONFIG = ['dbpassword' => getenv('PASSWORD')];");

    assert.equal(fine.instanceId, "ocfakelocal1");
    await assert.rejects(readConfigDirectory(host, config, signal), /dbpassword in .*more\.config/);
  });

  test("is refused when config.php is empty or missing", async () => {
    const config = await mkdtemp(join(folder, "empty-"));
    await assert.rejects(readConfigDirectory(host, config, signal), { code: "source-missing" });
    await writeFile(join(config, "config.php"), "");

    await assert.rejects(readConfigDirectory(host, config, signal), /is empty/);
    await assert.rejects(readConfigDirectory(host, join(folder, "nowhere"), signal), {
      code: "source-unreadable",
    });
  });
});
