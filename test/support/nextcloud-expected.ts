// Knows: what the configurations of the fixtures mean. Must not know: how they are read.
import { Secret } from "../../src/kernel/secret.ts";

const localPassword = `fake'pass"with\\back$dollar#hash;ü %41`;
const localDatabase = { kind: "mariadb", name: "nc_local", user: "nc_local" } as const;

/** What each configuration of the fixtures is about, in part. Secrets are texts. */
export const expectedOfConfigs: Readonly<Record<string, object>> = {
  "local-mariadb": {
    instanceId: "ocfakelocal1",
    dataDirectory: "/srv/nextcloud/local-mariadb/data",
    tablePrefix: "oc_",
    database: { ...localDatabase, host: "127.0.0.1", port: 3307, password: localPassword },
  },
  "local-sqlite": {
    dataDirectory: "/srv/nextcloud/local-sqlite/data",
    database: { kind: "sqlite", file: "/srv/nextcloud/local-sqlite/data/owncloud.db" },
  },
  socket: { database: { ...localDatabase, socket: "/run/mysqld/mysqld.sock" } },
  "plain-host": { database: { kind: "mariadb" } },
  "s3-mariadb": {
    database: { kind: "mariadb", name: "nc_s3", socket: "/run/mysqld/mysqld.sock" },
    objectStore: {
      bucket: "nc-maria",
      prefix: "urn:oid:",
      endpoint: "http://127.0.0.1:7480",
      region: "us-east-1",
      pathStyle: true,
      accessKey: "AKIATEST",
      secretKey: "secretsecret",
    },
  },
  "s3-postgresql": {
    database: { kind: "postgresql", host: "127.0.0.1", port: 5433 },
    objectStore: { bucket: "nc-pg", prefix: "urn:oid:" },
  },
  "several-files": {
    dataDirectory: "/srv/nextcloud/local-mariadb/data",
    database: { ...localDatabase, host: "127.0.0.1", port: 3307 },
  },
  "short-arrays": {
    instanceId: "ocfakehand01",
    database: { ...localDatabase, host: "127.0.0.1", port: 3307, password: localPassword },
  },
  computed: { database: { ...localDatabase, socket: "/run/mysqld/mysqld.sock" } },
  "maintenance-on": { instanceId: "ocfakelocal1" },
};

/** With secrets as texts, to compare them. */
export function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, revealed(one)]));
}
