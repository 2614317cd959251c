// Knows: whom to ask about a Nextcloud. Must not know: what the answers are used for.
import * as z from "zod";
import type { Host } from "../hosts/host.ts";
import { mergeConfig, readConfigFiles } from "./config-directory.ts";
import type { Instance, NextcloudAccess } from "./instance.ts";
import { type ConfiguredInstance, interpret, keysRead } from "./interpret.ts";
import { jsonIn, readStatus, runOcc, unintelligible } from "./occ.ts";
import { plainOf } from "./php.ts";

const Listed = z.object({ system: z.record(z.string(), z.unknown()) });

/**
 * What a Nextcloud says of itself, asked through occ, which also knows what only PHP can work out. Throws an `OccFailed` with the cause, and what `interpret` throws.
 */
export async function readInstance(
  access: NextcloudAccess,
  signal: AbortSignal,
): Promise<Instance> {
  const { version, inMaintenance } = await readStatus(access, signal);
  return { ...(await readSettings(access, signal)), version, inMaintenance };
}

/** What occ says of its configuration. */
export async function readSettings(
  access: NextcloudAccess,
  signal: AbortSignal,
): Promise<ConfiguredInstance> {
  const words = ["config:list", "system", "--private", "--output=json"] as const;
  const stdout = await runOcc(access, { words }, signal);
  const listed = Listed.safeParse(jsonIn(stdout));
  if (!listed.success) throw unintelligible(words.join(" "));
  return interpret(listed.data.system);
}

/** What a folder of config.php says, where occ cannot be asked. */
export interface ConfigDirectory extends ConfiguredInstance {
  /** Of the Nextcloud that last wrote config.php. Absent: it does not say. */
  readonly version?: string;
  readonly inMaintenance: boolean;
}

/**
 * Reads config.php and what is merged into it, without PHP. Throws `source-missing`, `source-unreadable` where
 * only PHP could tell what it says, and what `interpret` throws.
 */
export async function readConfigDirectory(
  host: Host,
  folder: string,
  signal: AbortSignal,
): Promise<ConfigDirectory> {
  const merged = mergeConfig(await readConfigFiles(host, folder, signal), keysRead);
  const entries = [...merged]
    .filter(([, value]) => value !== null)
    .map(([key, value]) => [key, plainOf(value)] as const);
  const system: Readonly<Record<string, unknown>> = Object.fromEntries(entries);
  const { version, maintenance } = system;
  return {
    ...interpret(system),
    ...(typeof version === "string" ? { version } : {}),
    inMaintenance: maintenance === true,
  };
}
