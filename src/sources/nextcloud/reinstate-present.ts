// Knows: what is to be known of the Nextcloud that is there before another state takes its place. Reads only. Must not know: what follows from it.
import type { DatabaseSettings } from "../../databases/database.ts";
import { mergeConfig, readConfigFiles } from "../../nextcloud/config-directory.ts";
import { readConfigDirectory, runOcc } from "../../nextcloud/index.ts";
import type { NextcloudAccess } from "../../nextcloud/instance.ts";
import { jsonIn } from "../../nextcloud/occ.ts";
import { plainOf } from "../../nextcloud/php.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { merged, reachable } from "./database.ts";
import { groundOf } from "./ground.ts";
import { keysOfPlace, type System } from "./reinstate-settings.ts";
import { instanceOf, nextcloudOf, type Setup } from "./setup.ts";

/** The Nextcloud that is there. */
export interface Present {
  readonly access: NextcloudAccess;
  /** Of its code. Absent: it could not be asked. */
  readonly version?: string;
  readonly instanceId: string;
  readonly dataDirectory: string;
  readonly inMaintenance: boolean;
  /** Files of users are in a bucket, not in the data directory. */
  readonly hasObjectStore: boolean;
  /** As its tools reach it. */
  readonly database: DatabaseSettings;
  /** What its settings say of `keysOfPlace`. */
  readonly system: System;
  /** Why occ does nothing now. Absent: it works. */
  readonly trouble?: string;
}

/**
 * Asks it. Where occ does nothing, because the data directory or the database is gone, its config.php is
 * read instead. Throws what occ failed with where that cannot be.
 */
export async function presentOf(setup: Setup, signal: AbortSignal): Promise<Present> {
  const access = nextcloudOf(setup);
  try {
    const instance = await instanceOf(setup, signal);
    const { version, instanceId, dataDirectory, inMaintenance } = instance;
    return {
      access,
      version,
      instanceId,
      dataDirectory,
      inMaintenance,
      hasObjectStore: instance.objectStore !== undefined,
      database: reachable(instance, setup.options.database, dataOf(setup)),
      system: await listed(access, signal),
    };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { config } = access;
    if (config === undefined) throw error;
    return { ...(await written(setup, config, signal)), access, trouble: error.message };
  }
}

async function listed(access: NextcloudAccess, signal: AbortSignal): Promise<System> {
  const words = ["config:list", "system", "--private", "--output=json"] as const;
  const answer = jsonIn(await runOcc(access, { words }, signal));
  const system = isRecord(answer) && isRecord(answer["system"]) ? answer["system"] : {};
  return Object.fromEntries(keysOfPlace.map((key) => [key, system[key]]));
}

async function written(
  setup: Setup,
  config: string,
  signal: AbortSignal,
): Promise<Omit<Present, "access" | "trouble">> {
  const { options, access } = setup;
  const { host } = access;
  const found = await readConfigDirectory(host, config, signal);
  const { password: reference } = options.database;
  const password = reference === undefined ? undefined : await access.secret(reference, signal);
  const database = merged(found.database, options.database, password);
  const values = mergeConfig(await readConfigFiles(host, config, signal), keysOfPlace);
  return {
    instanceId: found.instanceId,
    dataDirectory: found.dataDirectory,
    inMaintenance: found.inMaintenance,
    hasObjectStore: found.objectStore !== undefined,
    database: reachable({ ...found, database }, options.database, dataOf(setup)),
    system: Object.fromEntries(
      keysOfPlace.map((key) => {
        const value = values.get(key);
        return [key, value === undefined || value === null ? undefined : plainOf(value)];
      }),
    ),
  };
}

function dataOf({ options, access }: Setup): string {
  return groundOf(options, access).data;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
