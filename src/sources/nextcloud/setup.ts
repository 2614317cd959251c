// Knows: one Nextcloud of a configuration, and how it and its database are reached. Must not know: what is done with them.
import type { Database } from "../../databases/database.ts";
import { openDatabase } from "../../databases/index.ts";
import { readInstance } from "../../nextcloud/index.ts";
import type { Instance, NextcloudAccess } from "../../nextcloud/instance.ts";
import type { SourceAccess } from "../source.ts";
import { merged, reachable } from "./database.ts";
import { groundOf } from "./ground.ts";
import type { Options } from "./options.ts";

/** One Nextcloud of a configuration. */
export interface Setup {
  readonly options: Options;
  readonly access: SourceAccess;
}

/** How a Nextcloud is reached. */
export function nextcloudOf({ options, access }: Setup): NextcloudAccess {
  const { occ, config } = options;
  return { host: access.host, occ, ...(config === undefined ? {} : { config }) };
}

/** What Nextcloud says of itself, but for what the configuration knows better. */
export async function instanceOf(setup: Setup, signal: AbortSignal): Promise<Instance> {
  const { options, access } = setup;
  const { password: reference } = options.database;
  const password = reference === undefined ? undefined : await access.secret(reference, signal);
  const instance = await readInstance(nextcloudOf(setup), signal);
  return { ...instance, database: merged(instance.database, options.database, password) };
}

/** Its database, as its tools reach it. */
export function databaseOf({ options, access }: Setup, instance: Instance): Database {
  const { data } = groundOf(options, access);
  const { through } = options.database;
  const settings = reachable(instance, options.database, data);
  return openDatabase(settings, { host: access.host, through });
}
