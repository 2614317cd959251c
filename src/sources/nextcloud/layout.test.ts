import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Instance } from "../../nextcloud/instance.ts";
import { defaultStaging, handedOver, lockOf, type Made, manifestOf } from "./layout.ts";

const instance: Instance = {
  version: "29.0.6.1",
  instanceId: "oc1",
  dataDirectory: "/var/www/html/data",
  database: { kind: "mariadb", name: "nextcloud" },
  tablePrefix: "oc_",
  inMaintenance: false,
};
const made: Made = {
  instance,
  data: "data",
  hasConfig: true,
  compress: "zstd",
  extra: ["/srv/nc/custom_apps"],
  capture: "snapshot",
  made: new Date("2026-03-14T12:00:00Z"),
};

suite("a staging folder", () => {
  test("lies beside the data directory, and who uses it is said beside it", () => {
    const staging = defaultStaging("/srv/nc/data");

    assert.equal(staging, "/srv/nc/.data-holdfast");
    assert.equal(lockOf(staging), "/srv/nc/..data-holdfast.in-use");
  });

  test("says what is in it, and where that was", () => {
    assert.deepEqual(manifestOf(made), {
      version: 1,
      nextcloud: "29.0.6.1",
      instanceId: "oc1",
      data: "data",
      config: "extra/config",
      database: {
        kind: "mariadb",
        name: "nextcloud",
        file: "database_backup.bak.zst",
        compress: "zstd",
      },
      tablePrefix: "oc_",
      dataDirectory: "/var/www/html/data",
      extra: { "extra/custom_apps": "/srv/nc/custom_apps" },
      capture: "snapshot",
      made: "2026-03-14T12:00:00.000Z",
    });
  });

  test("is handed over as a whole when all that is in it belongs to the Nextcloud", () => {
    const over = handedOver("/srv/s", manifestOf(made));

    assert.deepEqual(over, { paths: ["/srv/s"], root: "/srv/s" });
  });

  test("is handed over in parts when a snapshot holds more than the data directory", () => {
    const over = handedOver("/srv/s", manifestOf({ ...made, data: ".subvolume/nc/data" }));

    assert.deepEqual(over, {
      paths: [
        "/srv/s/.subvolume/nc/data",
        "/srv/s/database_backup.bak.zst",
        "/srv/s/extra",
        "/srv/s/holdfast-nextcloud.json",
      ],
      root: "/srv/s",
    });
  });

  test("is handed over beside data that is read in place", () => {
    const plain = { ...made, data: "/srv/nc/data", hasConfig: false, extra: [] };

    const over = handedOver("/srv/s", manifestOf(plain));

    assert.deepEqual(over, {
      paths: ["/srv/nc/data", "/srv/s/database_backup.bak.zst", "/srv/s/holdfast-nextcloud.json"],
    });
  });
});
