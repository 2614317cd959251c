import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { nextcloudFixtures } from "../../test/support/nextcloud.ts";
import { occCapture } from "../../test/support/nextcloud-captures.ts";
import { expectedOfConfigs as expected, revealed } from "../../test/support/nextcloud-expected.ts";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { interpret } from "./interpret.ts";
import { readInstance } from "./read-instance.ts";

const { signal } = new AbortController();
suite("what a Nextcloud says of itself", () => {
  for (const [name, part] of Object.entries(expected)) {
    test(`is understood with the configuration ${name}`, async () => {
      const text = await readFile(join(nextcloudFixtures, "config", name, "expected.json"), "utf8");
      const { stdout } = occCapture("local-mariadb/status-json");
      using host = new ScriptedHost([
        "occ status --output=json",
        { stdout },
        "occ config:list system --private --output=json",
        { stdout: JSON.stringify(JSON.parse(text)) },
      ]);

      const instance = await readInstance({ host, occ: ["occ"] }, signal);

      assert.equal(instance.version, "29.0.6.1");
      assert.equal(instance.inMaintenance, false);
      assert.partialDeepStrictEqual(revealed(instance), part);
      assert.ok(!JSON.stringify(instance).includes("fake'pass"));
    });
  }

  test("is an error when its list is none", async () => {
    using host = new ScriptedHost([
      "occ status --output=json",
      { stdout: occCapture("local-mariadb/status-json").stdout },
      "occ config:list system --private --output=json",
      { stdout: '{"apps":{}}' },
    ]);

    await assert.rejects(readInstance({ host, occ: ["occ"] }, signal), /something else/);
  });
});

const least = { datadirectory: "/data/", dbtype: "sqlite3" };

suite("a configuration", () => {
  test("without a name for SQLite's file means Nextcloud's own, and with one that", () => {
    assert.deepEqual(interpret(least).database, { kind: "sqlite", file: "/data/owncloud.db" });
    assert.deepEqual(interpret({ ...least, dbname: "nc" }).database, {
      kind: "sqlite",
      file: "/data/nc.db",
    });
  });

  test("has its own table prefix", () => {
    assert.equal(interpret(least).tablePrefix, "oc_");
    assert.equal(interpret({ ...least, dbtableprefix: "nc_" }).tablePrefix, "nc_");
  });

  for (const [what, system, code] of [
    ["a database of another maker", { ...least, dbtype: "oci" }, "database-unusable"],
    ["no data directory", { dbtype: "mysql" }, "source-missing"],
    [
      "a store that is not S3",
      { ...least, objectstore: { class: "\\OC\\Files\\ObjectStore\\Swift", arguments: {} } },
      "store-unusable",
    ],
    ["a store without a class", { ...least, objectstore: { arguments: {} } }, "store-unusable"],
  ] as const) {
    test(`with ${what} is refused`, () => {
      assert.throws(() => interpret(system), { code });
    });
  }
});

const s3 = "\\OC\\Files\\ObjectStore\\S3";

suite("an object store", () => {
  for (const [what, system, store] of [
    [
      "at AWS has no endpoint",
      { objectstore: { class: s3, arguments: { bucket: "b", region: "eu-west-1" } } },
      { bucket: "b", prefix: "urn:oid:", region: "eu-west-1", pathStyle: false },
    ],
    [
      "has a prefix of its own",
      { objectstore: { class: s3, arguments: { bucket: "b", objectPrefix: "nc:oid:" } } },
      { bucket: "b", prefix: "nc:oid:", pathStyle: false },
    ],
    [
      "with TLS and an ordinary port does not name it",
      { objectstore: { class: s3, arguments: { bucket: "b", hostname: "s3.lan", port: "443" } } },
      { bucket: "b", prefix: "urn:oid:", endpoint: "https://s3.lan", pathStyle: false },
    ],
    [
      "of many buckets says how many",
      { objectstore_multibucket: { class: s3, arguments: { bucket: "nc-", num_buckets: 32 } } },
      { bucket: "nc-", prefix: "urn:oid:", buckets: 32, pathStyle: false },
    ],
    [
      "of many buckets wins over a single one",
      {
        objectstore: { class: s3, arguments: { bucket: "b" } },
        objectstore_multibucket: { class: s3, arguments: { bucket: "nc-" } },
      },
      { bucket: "nc-", prefix: "urn:oid:", buckets: 64, pathStyle: false },
    ],
    [
      "among several with names is the default one",
      {
        objectstore: {
          default: "main",
          main: "first",
          first: { class: s3, arguments: { bucket: "one" } },
          second: { class: s3, arguments: { bucket: "two" } },
        },
      },
      { bucket: "one", prefix: "urn:oid:", pathStyle: false },
    ],
  ] as const) {
    test(what, () => {
      assert.deepEqual(interpret({ ...least, ...system }).objectStore, store);
    });
  }

  test("is absent where there is none", () => {
    assert.equal(interpret({ ...least, objectstore: [] }).objectStore, undefined);
  });
});
