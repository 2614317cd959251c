// Knows: how the files of a configuration are read without Nextcloud. Must not know: what their keys mean.
import { posix } from "node:path";
import { CommandFailed } from "../hosts/command-failed.ts";
import type { Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { naturalOrder } from "./natural-order.ts";
import { isComputed, type PhpArray, type PhpValue, readPhpConfig, UnreadablePhp } from "./php.ts";

/** One file of a configuration. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

// Nextcloud rewrites config.php in place, holding its lock; who reads without it may find it empty.
const readUnderLock =
  'exec 9<"$1" || exit 3; command -v flock >/dev/null && flock -s -w 10 9; exec cat <&9';

/**
 * The files that Nextcloud reads, in its order: config.php, then every `*.config.php` beside it. Throws
 * `source-missing` where there is no config.php, `source-unreadable`.
 */
export async function readConfigFiles(
  host: Host,
  folder: string,
  signal: AbortSignal,
): Promise<readonly ConfigFile[]> {
  const names = await listConfigFiles(host, folder, signal);
  if (!names.includes("config.php")) {
    throw new HoldfastError("source-missing", `there is no config.php in ${folder}`, {
      hint: "correct `config` in the configuration: the folder of config.php on that machine",
    });
  }
  const files: ConfigFile[] = [];
  for (const name of ["config.php", ...names.filter((one) => one !== "config.php")]) {
    const path = posix.join(folder, name);
    files.push({ path, text: await readConfigFile(host, path, signal) });
  }
  return files;
}

/** The names of the files in that folder that Nextcloud may read, further ones in natural order. */
async function listConfigFiles(
  host: Host,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const which = ["-maxdepth", "1", "!", "-name", ".*", "-name", "*config.php", "-print0"] as const;
  // With the slash it is also looked into when it is a link.
  const argv = ["find", `${folder.replace(/\/+$/, "")}/`, ...which] as const;
  try {
    const { stdout } = await host.run({ argv, effect: "reads" }, signal);
    const names = stdout.split("\0").map((path) => posix.basename(path));
    return names
      .filter((name) => name === "config.php" || name.endsWith(".config.php"))
      .toSorted(naturalOrder);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new HoldfastError("source-unreadable", `${folder} cannot be read: ${error.message}`, {
      hint: "correct `config` in the configuration, or run holdfast as a user who may read it",
      cause: error,
    });
  }
}

async function readConfigFile(host: Host, path: string, signal: AbortSignal): Promise<string> {
  const argv = ["sh", "-c", readUnderLock, "sh", path] as const;
  try {
    return (await host.run({ argv, effect: "reads" }, signal)).stdout;
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new HoldfastError("source-unreadable", `${path} cannot be read`, {
      hint: "run holdfast as a user who may read it, such as its owner",
      cause: error,
    });
  }
}

/**
 * What all files say together: later ones replace keys of earlier ones, as wholes. Only these keys. Throws
 * `source-unreadable` where only PHP can tell what one of them is.
 */
export function mergeConfig(
  files: readonly ConfigFile[],
  keys: readonly string[],
): ReadonlyMap<string, PhpValue> {
  const merged = new Map<string, PhpValue>();
  const computedIn = new Map<string, string>();
  for (const file of files) {
    for (const [key, value] of parse(file)) {
      if (!keys.includes(key)) continue;
      merged.set(key, value);
      if (isComputed(value)) computedIn.set(key, file.path);
      else computedIn.delete(key);
    }
  }
  for (const [key, path] of computedIn) throw needsPhp(`${key} in ${path} is worked out by PHP`);
  return merged;
}

/** The files that say of themselves that Nextcloud is in maintenance, as far as they can be read. */
export function filesInMaintenance(files: readonly ConfigFile[]): readonly string[] {
  return files
    .filter(({ text }) => /['"]maintenance['"]\s*(?:\]\s*=(?!=)|=>)\s*(?:true|1)\b/i.test(text))
    .map(({ path }) => path);
}

function parse({ path, text }: ConfigFile): PhpArray {
  if (text === "") {
    throw new HoldfastError("source-unreadable", `${path} is empty`, {
      hint: "put it back from a backup; a full disk can have emptied it",
    });
  }
  try {
    return readPhpConfig(text);
  } catch (error) {
    if (!(error instanceof UnreadablePhp)) throw error;
    throw needsPhp(`${path} cannot be read, line ${error.line}: ${error.message}`);
  }
}

function needsPhp(message: string): HoldfastError {
  return new HoldfastError("source-unreadable", message, {
    hint: "give `occ` in the configuration: Nextcloud itself then says what its settings are",
  });
}
