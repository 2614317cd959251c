// Knows: what the keys of config.php mean. Must not know: how they were read.
import * as z from "zod";
import type { DatabaseSettings, ServerSettings } from "../databases/database.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { Secret } from "../kernel/secret.ts";
import { readDatabaseHost } from "./database-host.ts";
import type { Instance, ObjectStoreSettings } from "./instance.ts";
import { readObjectStore } from "./object-store.ts";

/** What of a Nextcloud its configuration says. The rest is for Nextcloud itself to say. */
export type ConfiguredInstance = Omit<Instance, "version" | "inMaintenance">;

const text = z.string().optional().catch(undefined);

const System = z.object({
  instanceid: text,
  datadirectory: text,
  dbtype: text,
  dbname: text,
  dbhost: text,
  dbuser: text,
  dbpassword: text,
  dbtableprefix: text,
  objectstore: z.unknown().optional(),
  objectstore_multibucket: z.unknown().optional(),
});
type System = z.output<typeof System>;

/** The keys that are read. A configuration in which one of them cannot be read cannot be used. */
export const keysRead: readonly string[] = [...Object.keys(System.shape), "version", "maintenance"];

/**
 * Reads the system part of a configuration. Throws `database-unusable` for a database that we do not know,
 * `store-unusable` for a store that is not S3, `source-missing` where there is no data directory.
 */
export function interpret(system: Readonly<Record<string, unknown>>): ConfiguredInstance {
  const read = System.parse({ ...system });
  const { datadirectory } = read;
  if (datadirectory === undefined || datadirectory === "") {
    throw new HoldfastError("source-missing", "config.php names no data directory", {
      hint: "it has no datadirectory: is it the config.php of a Nextcloud that is installed?",
    });
  }
  const objectStore: ObjectStoreSettings | undefined = readObjectStore(read);
  return {
    instanceId: read.instanceid ?? "",
    dataDirectory: datadirectory,
    database: databaseOf(read, datadirectory),
    tablePrefix: read.dbtableprefix ?? "oc_",
    ...(objectStore === undefined ? {} : { objectStore }),
  };
}

function databaseOf(system: System, dataDirectory: string): DatabaseSettings {
  const type = system.dbtype ?? "sqlite";
  // What Nextcloud itself takes where there is no name.
  const name = nonEmpty(system.dbname) ?? "owncloud";
  switch (type) {
    case "sqlite":
    case "sqlite3":
      return { kind: "sqlite", file: `${dataDirectory.replace(/\/+$/, "")}/${name}.db` };
    case "mysql":
      return { kind: "mariadb", ...serverOf("mariadb", system, name) };
    case "pgsql":
      return { kind: "postgresql", ...serverOf("postgresql", system, name) };
    default:
      throw new HoldfastError(
        "database-unusable",
        `holdfast cannot back up a database of "${type}"`,
        {
          hint: "Nextcloud's databases that it can: mysql (MariaDB, MySQL), pgsql, sqlite3",
        },
      );
  }
}

function serverOf(kind: "mariadb" | "postgresql", system: System, name: string): ServerSettings {
  const user = nonEmpty(system.dbuser);
  const password = nonEmpty(system.dbpassword);
  return {
    name,
    ...readDatabaseHost(kind, system.dbhost ?? ""),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password: new Secret(password) }),
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
