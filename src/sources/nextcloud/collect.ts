// Knows: how the configuration and other folders of a Nextcloud get into a staging folder. Must not know: maintenance.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { maintenanceFiles } from "../../nextcloud/index.ts";
import {
  copyCommand,
  makeFolderCommands,
  namesCommand,
  removeCommand,
  synchroniseCommand,
  underConfigLock,
} from "./commands.ts";
import { configFolder, extraFolder } from "./layout.ts";

/** What is to be collected. */
export interface Collection {
  readonly host: Host;
  readonly staging: string;
  /** The folder of config.php. */
  readonly config?: string;
  readonly extra: readonly string[];
  /** Bring copies of the last time up to date, instead of making new ones. */
  readonly synchronise: boolean;
}

interface Item {
  readonly from: string;
  readonly to: string;
  readonly kind: "folder" | "file";
}

/** Throws `source-missing` when one of them is not there. */
export async function refuseMissing(
  { host, config, extra }: Collection,
  signal: AbortSignal,
): Promise<void> {
  const paths = [...extra, ...(config === undefined ? [] : [`${config}/config.php`])];
  const states = await host.inspect(paths, signal);
  for (const [index, state] of states.entries()) {
    const path = paths[index] ?? "";
    if (state.kind === "directory" || state.kind === "file") continue;
    const reason =
      state.kind === "unreadable" ? `cannot be read: ${state.reason}` : "does not exist";
    throw new HoldfastError(
      state.kind === "missing" ? "source-missing" : "source-unreadable",
      `${path} of the Nextcloud ${reason}`,
      { hint: "correct `extra` and `config` in the configuration" },
    );
  }
}

/** Copies them. Call it while maintenance is off: config.php says whether it is on. */
export async function collect(collection: Collection, signal: AbortSignal): Promise<void> {
  const { host, staging, config } = collection;
  const items = await itemsOf(collection, signal);
  const folder = posix.join(staging, extraFolder);
  if (items.length === 0) return;
  for (const command of makeFolderCommands(folder)) await host.run(command, signal);
  await removeStrangers(collection, items, signal);
  for (const { from, to, kind } of items) {
    const copy = collection.synchronise
      ? synchroniseCommand(from, to, kind)
      : copyCommand(from, to);
    await host.run(from === config ? underConfigLock(config, copy) : copy, signal);
  }
  if (config !== undefined) await tidyConfig({ host, folder, config }, signal);
}

async function itemsOf(
  { host, staging, config, extra }: Collection,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  const at = (name: string): string => posix.join(staging, extraFolder, name);
  const states = await host.inspect(extra, signal);
  const others = extra.map((from, index): Item => {
    const kind = states[index]?.kind === "file" ? "file" : "folder";
    return { from, to: at(posix.basename(from)), kind };
  });
  if (config === undefined) return others;
  return [{ from: config, to: at(configFolder), kind: "folder" }, ...others];
}

/** Copies of the last time that nothing stands for any more. */
async function removeStrangers(
  { host, staging }: Collection,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<void> {
  const folder = posix.join(staging, extraFolder);
  const { stdout } = await host.run(namesCommand(folder), signal);
  const there = stdout
    .split("\0")
    .slice(0, -1)
    .map((name) => posix.join(folder, name));
  const strangers = there.filter((path) => !items.some(({ to }) => to === path));
  if (strangers.length > 0) await host.run(removeCommand(strangers), signal);
}

/** Without what switches maintenance on, which an interrupted run may have left. An empty config.php is no copy. */
async function tidyConfig(
  {
    host,
    folder,
    config,
  }: { readonly host: Host; readonly folder: string; readonly config: string },
  signal: AbortSignal,
): Promise<void> {
  const copy = posix.join(folder, configFolder);
  await host.run(removeCommand(maintenanceFiles.map((name) => posix.join(copy, name))), signal);
  const [state] = await host.inspect([posix.join(copy, "config.php")], signal);
  if (state?.kind === "file" && !state.empty) return;
  throw new HoldfastError("source-unreadable", `config.php in ${config} is empty or missing`, {
    hint: "put it back before anything else: without it Nextcloud takes itself for new",
  });
}
