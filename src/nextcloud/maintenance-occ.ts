// Knows: how occ switches maintenance mode, and what keeps it from doing so. Must not know: the file way.
import { HoldfastError } from "../kernel/errors.ts";
import { filesInMaintenance, readConfigFiles } from "./config-directory.ts";
import type { Maintenance, NextcloudAccess } from "./instance.ts";
import { OccFailed } from "./occ-trouble.ts";
import { readStatus, runOcc } from "./occ.ts";
import { type Pause, type Try, tryUntil } from "./tries.ts";

/** Nextcloud empties a config.php that it cannot write as a whole. Bytes. */
const leastSpace = 1024 * 1024;

/** Switches by `occ maintenance:mode`, which rewrites config.php. */
export function occWay(access: NextcloudAccess, pause: Pause): Maintenance {
  let isOurs = false;
  /** Returns what occ said to the first try: the answer to one that worked may have been lost. */
  const set = async (wanted: boolean, signal: AbortSignal): Promise<string> => {
    const said: string[] = [];
    const attempt = async (): Promise<Try> => {
      const index = said.push("") - 1;
      said[index] = await switchTo(access, wanted, signal);
      return await seen(access, wanted, signal);
    };
    await tryUntil(attempt, pause, signal);
    return said[0] ?? "";
  };
  return {
    isOn: async (signal) => (await readStatus(access, signal)).inMaintenance,
    async switchOn(signal) {
      await refuseFull(access, signal);
      await set(true, signal);
      isOurs = true;
    },
    async switchOff(signal) {
      const wasOurs = isOurs;
      isOurs = false;
      const said = await set(false, signal);
      if (wasOurs && said.includes("already disabled")) throw endedBefore();
    },
  };
}

/** Maintenance was over before we ended it: what was read in it need not be of one moment. */
export function endedBefore(): HoldfastError {
  const message = "somebody ended maintenance before the backup had what it needs";
  return new HoldfastError("maintenance-failed", message, {
    hint: "start the backup again; where occ switches, a setting that is changed meanwhile can end it: maintenance: file",
  });
}

async function switchTo(
  access: NextcloudAccess,
  wanted: boolean,
  signal: AbortSignal,
): Promise<string> {
  const words = ["maintenance:mode", wanted ? "--on" : "--off"] as const;
  return await runOcc(access, { words, effect: "writes" }, signal);
}

async function seen(access: NextcloudAccess, wanted: boolean, signal: AbortSignal): Promise<Try> {
  const { inMaintenance } = await readStatus(access, signal);
  if (inMaintenance === wanted) return { done: true };
  return { done: false, error: await stillSo(access, wanted, signal) };
}

/** It said that it switched, and did not. */
async function stillSo(
  access: NextcloudAccess,
  wanted: boolean,
  signal: AbortSignal,
): Promise<HoldfastError> {
  const state = wanted ? "not in maintenance mode" : "still in maintenance mode";
  const culprits = wanted ? [] : await otherFiles(access, signal);
  const [culprit] = culprits;
  if (culprit !== undefined) return keptOn(culprit);
  return new HoldfastError("maintenance-failed", `Nextcloud is ${state}, though occ switched it`, {
    hint: `look for 'maintenance' in every *.config.php beside config.php, and for NC_maintenance in its environment`,
  });
}

/** A file other than config.php that switches maintenance on, which occ cannot change. */
export function keptOn(path: string): HoldfastError {
  const message = `Nextcloud is still in maintenance mode, because ${path} says so`;
  const hint = `take 'maintenance' => true out of ${path}; then: holdfast recover`;
  return new OccFailed("maintenance-failed", message, { hint, mayPass: false });
}

/** Files beside config.php that say that it is in maintenance; as far as that can be seen. */
export async function otherFiles(
  { host, config }: NextcloudAccess,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (config === undefined) return [];
  try {
    const files = filesInMaintenance(await readConfigFiles(host, config, signal));
    return files.filter((path) => !path.endsWith("/config.php"));
  } catch (error) {
    if (error instanceof HoldfastError && error.code.startsWith("source-")) return [];
    throw error;
  }
}

async function refuseFull({ host, config }: NextcloudAccess, signal: AbortSignal): Promise<void> {
  if (config === undefined) return;
  const [state] = await host.inspect([config], signal);
  if (state?.kind !== "directory" || state.freeBytes >= leastSpace) return;
  throw new HoldfastError("maintenance-failed", `there is no space left where ${config} is`, {
    hint: "make room: Nextcloud would empty its config.php while it switches maintenance mode",
  });
}
