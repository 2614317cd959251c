import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { localHost } from "../../hosts/local.ts";
import { readCopy } from "./reinstate-copy.ts";

const manifest = JSON.stringify({
  version: 1,
  nextcloud: "29.0.6.1",
  instanceId: "oc1",
  data: "data",
  config: "extra/config",
  database: {
    kind: "sqlite",
    name: "owncloud.db",
    file: "database_backup.bak.gz",
    compress: "gzip",
  },
  tablePrefix: "oc_",
  dataDirectory: "/var/www/html/data",
  extra: { "extra/themes": "/srv/nc/themes" },
  capture: "staged",
  made: "2026-11-20T03:00:00.000Z",
});

/** A restored copy that consists of these files. */
async function copyOf(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-copy-"));
  t.after(async () => await rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

const now = { host: localHost(), staging: "/srv/nc/.data-holdfast", data: "/srv/nc/data" };

suite("a restored copy of a Nextcloud", () => {
  test("says what it is, wherever its engine has put it", async (t) => {
    for (const [at, paths] of [
      ["", undefined],
      ["srv/nc/.data-holdfast", undefined],
      ["old/staging", ["/old/staging"]],
      ["old/staging", ["/old/data", "/old/staging/database_backup.bak.gz"]],
    ] as const) {
      const folder = await copyOf(t, {
        [join(at, "holdfast-nextcloud.json")]: manifest,
        [join(at, "data/.ocdata")]: "",
      });
      const copy = { folder, ...(paths === undefined ? {} : { paths }) };

      const found = await readCopy({ ...now, copy }, t.signal);

      assert.deepEqual(found, {
        data: join(folder, at, "data"),
        dump: join(folder, at, "database_backup.bak.gz"),
        config: join(folder, at, "extra/config"),
        extra: new Map([["themes", join(folder, at, "extra/themes")]]),
        of: {
          nextcloud: "29.0.6.1",
          instanceId: "oc1",
          dataDirectory: "/var/www/html/data",
          databaseKind: "sqlite",
        },
      });
    }
  });

  test("has its data where its engine keeps that, by its last name or by all of it", async (t) => {
    for (const [data, at] of [
      [".subvolume/nc/cloud", ".subvolume/nc/cloud"],
      [".subvolume/nc/cloud", "cloud"],
      ["/srv/nc/cloud", "srv/nc/cloud"],
      ["/srv/nc/cloud", "cloud"],
    ] as const) {
      const folder = await copyOf(t, {
        "holdfast-nextcloud.json": JSON.stringify({ ...JSON.parse(manifest), data }),
        [join(at, ".ocdata")]: "",
      });

      const found = await readCopy({ ...now, copy: { folder } }, t.signal);

      assert.equal(found.data, join(folder, at));
    }
  });

  test("may have been made by the Nextcloud backup script", async (t) => {
    const folder = await copyOf(t, {
      "database_backup.bak": "-- Dump completed",
      "nc-data/.ocdata": "",
      "extra/config/config.php": "<?php",
      "extra/apps/notes/info.xml": "",
    });

    const found = await readCopy({ ...now, copy: { folder } }, t.signal);

    assert.deepEqual(found, {
      data: join(folder, "nc-data"),
      dump: join(folder, "database_backup.bak"),
      config: join(folder, "extra/config"),
      extra: new Map([["apps", join(folder, "extra/apps")]]),
    });
  });

  test("is none without a dump or a data directory, or with a description of a later kind", async (t) => {
    for (const files of [
      { "data/alice/files/a": "" },
      { "database_backup.bak": "" },
      { "holdfast-nextcloud.json": "{}" },
      { "holdfast-nextcloud.json": manifest, "elsewhere/.ocdata": "" },
      { "holdfast-nextcloud.json": "cut" },
    ] as const) {
      const folder = await copyOf(t, files);

      const reading = readCopy({ ...now, copy: { folder } }, t.signal);

      await assert.rejects(reading, { code: "target-invalid" });
    }
  });
});
