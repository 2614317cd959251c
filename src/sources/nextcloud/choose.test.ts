import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { expected, obstacleTo } from "./choose.ts";
import { merged, reachable } from "./database.ts";
import { mountsIn, topOf, upwards } from "./look.ts";
import { Options } from "./options.ts";

suite("how files are kept still", () => {
  test("is a snapshot wherever one can be made", () => {
    const choice = expected("auto", { fileSystem: "btrfs", subvolume: "/srv" });

    assert.deepEqual(choice, { capture: "snapshot", instead: [], subvolume: "/srv" });
  });

  test("is a reflink on XFS, and a copy on ext4, with the reasons", () => {
    const onXfs = expected("auto", { fileSystem: "xfs" });
    const onExt4 = expected("auto", { fileSystem: "ext2/ext3" });

    assert.equal(onXfs.capture, "reflink");
    assert.deepEqual(onXfs.instead, ["no snapshot: the data directory is on xfs"]);
    assert.equal(onExt4.capture, "staged");
    assert.equal(onExt4.instead.length, 2);
  });

  test("is a copy when something is mounted in the data directory", () => {
    const facts = { fileSystem: "btrfs", subvolume: "/srv", nested: "/srv/data/alice" };

    assert.equal(expected("auto", facts).capture, "staged");
    assert.match(obstacleTo("snapshot", facts) ?? "", /\/srv\/data\/alice is another file system/);
  });

  test("is what the configuration says", () => {
    assert.equal(expected("direct", { fileSystem: "btrfs" }).capture, "direct");
  });
});

suite("the subvolume that a folder is in", () => {
  const folders = upwards("/srv/nc/data");

  test("is the nearest folder above with the number of a top", () => {
    assert.deepEqual(folders, ["/srv/nc/data", "/srv/nc", "/srv", "/"]);
    assert.equal(topOf(folders, "300 40\n256 40\n256 30\n2 1\n"), "/srv/nc");
    assert.equal(topOf(folders, "256 40\n256 39\n256 30\n2 1\n"), "/srv/nc/data");
  });

  test("is not to be seen when another file system comes first", () => {
    assert.equal(topOf(folders, "300 40\n301 40\n256 30\n2 1\n"), undefined);
    assert.equal(topOf(folders, "300 40\n301 40\n302 40\n2 1\n"), undefined);
  });
});

test("what is mounted in a folder is found, whatever it is called", () => {
  const mountinfo = String.raw`36 35 98:0 / / rw - ext4 /dev/root rw
40 36 98:1 / /srv/nc/data rw - btrfs /dev/a rw
41 40 98:2 / /srv/nc/data/two\040words rw - xfs /dev/b rw
42 36 98:3 / /srv/nc/data-too rw - xfs /dev/c rw`;

  assert.deepEqual(mountsIn(mountinfo, "/srv/nc/data"), ["/srv/nc/data/two words"]);
});

test("a database in the data directory is looked for where that is on this machine", () => {
  const { database: plain } = Options.parse({ data: "/srv/d", occ: ["occ"] });
  const database = { kind: "sqlite", file: "/var/www/html/data/owncloud.db" } as const;
  const instance = { database, dataDirectory: "/var/www/html/data" };

  const here = reachable(instance, plain, "/srv/d");
  const inside = reachable(instance, { ...plain, through: ["docker"] }, "/srv/d");
  const elsewhere = reachable({ ...instance, dataDirectory: "/other" }, plain, "/srv/d");

  assert.deepEqual(here, { kind: "sqlite", file: "/srv/d/owncloud.db" });
  assert.deepEqual(inside, database);
  assert.deepEqual(elsewhere, database);
});

test("a database is where the configuration says that it listens, and nowhere else", () => {
  const { database: plain } = Options.parse({ data: "/srv/d", occ: ["occ"] });
  const mariadb = { kind: "mariadb", name: "nc", user: "nc", socket: "/run/s" } as const;

  const elsewhere = merged(mariadb, { ...plain, host: "db", port: 3307 }, undefined);

  assert.deepEqual(merged(mariadb, plain, undefined), mariadb);
  const { name, user } = mariadb;
  assert.deepEqual(elsewhere, { kind: "mariadb", name, user, host: "db", port: 3307 });
});
