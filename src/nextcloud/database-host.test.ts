import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { suite, test } from "node:test";
import * as z from "zod";
import { readDatabaseHost } from "./database-host.ts";

const Seen = z.array(
  z.object({ dbtype: z.enum(["mysql", "pgsql"]), dbhost: z.string(), connects: z.boolean() }),
);
const seen = Seen.parse(
  JSON.parse(
    readFileSync(
      resolve(import.meta.dirname, "../../test/fixtures/nextcloud/config/dbhost.json"),
      "utf8",
    ),
  ),
);

const mysqld = "/run/mysqld/mysqld.sock";

/** What connects where the real one connected, and fails where it failed. */
const expected: Readonly<Record<string, unknown>> = {
  "mysql 127.0.0.1:3307": { host: "127.0.0.1", port: 3307 },
  [`mysql localhost:${mysqld}`]: { socket: mysqld },
  "mysql localhost": { host: "localhost" },
  "mysql localhost:3307": { host: "localhost" },
  "mysql localhost:3399": { host: "localhost" },
  [`mysql :${mysqld}`]: { socket: mysqld },
  "mysql ": { host: "localhost" },
  [`mysql 127.0.0.1:${mysqld}`]: { host: "127.0.0.1" },
  [`mysql ${mysqld}`]: { host: mysqld },
  "mysql 127.0.0.1": { host: "127.0.0.1" },
  "mysql [::1]:3307": { host: "::1", port: 3307 },
  "mysql ::1:3307": { host: "::1", port: 3307 },
  "mysql localhost:/nowhere.sock": { socket: "/nowhere.sock" },
  "pgsql 127.0.0.1:5433": { host: "127.0.0.1", port: 5433 },
  "pgsql localhost:5433": { host: "localhost", port: 5433 },
  "pgsql /run/postgresql:5433": { socket: "/run/postgresql", port: 5433 },
  "pgsql 127.0.0.1": { host: "127.0.0.1" },
  "pgsql localhost": { host: "localhost" },
  "pgsql ": {},
  "pgsql /run/postgresql": { socket: "/run/postgresql" },
  "pgsql localhost:/run/postgresql": { host: "localhost" },
  "pgsql :/run/postgresql": {},
  "pgsql [::1]": { host: "[::1]" },
  "pgsql [::1]:5432": { host: "[::1]", port: 5432 },
  "pgsql ::1:5432": { host: "::1", port: 5432 },
  "pgsql ::1": { host: ":", port: 1 },
  "pgsql localhost:/nowhere": { host: "localhost" },
  "pgsql /nowhere": { socket: "/nowhere" },
};

suite("dbhost", () => {
  test("was seen in thirty spellings", () => {
    assert.equal(seen.length, 30);
  });

  for (const [index, { dbtype, dbhost, connects }] of seen.entries()) {
    const verb = connects ? "leads where Nextcloud connected" : "leads nowhere, as for Nextcloud";
    test(`"${dbhost}" of ${dbtype} (${index + 1}) ${verb}`, () => {
      const kind = dbtype === "mysql" ? "mariadb" : "postgresql";

      assert.deepEqual(readDatabaseHost(kind, dbhost), expected[`${dbtype} ${dbhost}`]);
    });
  }
});
