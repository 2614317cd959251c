// Knows: how the files of a configuration come back to where Nextcloud reads them. Must not know: what else comes back.
import { posix } from "node:path";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { type ConfigFile, readConfigFiles } from "../../nextcloud/config-directory.ts";
import { maintenanceFiles } from "../../nextcloud/index.ts";
import type { SettingsChoice } from "../reinstatement.ts";
import { putFile, type ReplacedFiles, takeFiles } from "../replaced-files.ts";
import { type System, withValues } from "./reinstate-settings.ts";

/** What a configuration is made of. */
export interface NewConfig {
  readonly files: ReplacedFiles;
  /** Those of the snapshot, by name. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Where it was restored to, where it belongs, and where that is kept which is there. */
export interface ConfigPlaces {
  readonly host: Host;
  readonly copy: string | undefined;
  readonly config: string | undefined;
  readonly kept: string;
}

/** Reads what would be put there. Undefined: the snapshot or the machine has no place for it. */
export async function newConfig(
  { host, copy, config, kept }: ConfigPlaces,
  choice: SettingsChoice,
  signal: AbortSignal,
): Promise<NewConfig | undefined> {
  if (choice === "current" || copy === undefined || config === undefined) return undefined;
  const were = await filesIn(host, config, signal);
  const coming = await filesIn(host, copy, signal);
  if (coming.length === 0) return undefined;
  const texts = new Map(coming.map(({ path, text }) => [posix.basename(path), text]));
  const names = were.map(({ path }) => posix.basename(path));
  return {
    files: {
      place: config,
      kept,
      were: names,
      concerned: [...new Set([...names, ...texts.keys()])],
    },
    texts,
  };
}

async function filesIn(
  host: Host,
  folder: string,
  signal: AbortSignal,
): Promise<readonly ConfigFile[]> {
  try {
    const files = await readConfigFiles(host, folder, signal);
    return files.filter(({ path }) => !maintenanceFiles.includes(posix.basename(path)));
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "source-missing") return [];
    throw error;
  }
}

/** Puts it there: config.php last, which says of which state everything is. */
export async function putConfig(
  host: Host,
  { files, texts }: NewConfig,
  { values, signal }: { readonly values: System; readonly signal: AbortSignal },
): Promise<void> {
  const { place, kept, were, concerned } = files;
  const others = [...texts].filter(([name]) => name !== "config.php");
  const main = withValues(texts.get("config.php") ?? "<?php\n$CONFIG = [];\n", values);
  const [first] = were;
  const one = first === undefined ? undefined : posix.join(kept, first);
  const like = { ownerOf: one ?? place, ...(one === undefined ? {} : { modeOf: one }) };
  for (const [name, text] of others) {
    await putFile(host, files, { file: { ...like, name, text }, signal });
  }
  const gone = concerned.filter((name) => !texts.has(name));
  await takeFiles(host, files, { names: gone, signal });
  await putFile(host, files, { file: { ...like, name: "config.php", text: main }, signal });
}
