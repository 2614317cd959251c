// Knows: where a configuration, its journal and what may be made anew are kept. Must not know: what stands in them.
import { isAbsolute, join } from "node:path";

/** Where to look for the configuration. */
export interface LoadRequest {
  /** The file that was asked for; no other is looked for then. */
  readonly file?: string;
  readonly env: NodeJS.ProcessEnv;
  /** The user's home directory, absolute. */
  readonly home: string;
}

/** The files in which a configuration is looked for, the first one that exists counts. */
export function searchedFiles(env: NodeJS.ProcessEnv, home: string): readonly string[] {
  return [
    join(directoryIn(env, "XDG_CONFIG_HOME") ?? join(home, ".config"), "holdfast/holdfast.yaml"),
    "/etc/holdfast/holdfast.yaml",
  ];
}

// File systems take 255 bytes, and something may be put behind it.
const longestName = 200;

/** Where the journal is when the configuration does not say. */
export function defaultState(file: string, env: NodeJS.ProcessEnv, home: string): string {
  // systemd sets it for a unit with StateDirectory=; several directories are joined by colons.
  const given = env["STATE_DIRECTORY"]?.split(":")[0];
  if (given !== undefined && isAbsolute(given)) return given;
  if (file.startsWith("/etc/")) return "/var/lib/holdfast";
  const usual = join(directoryIn(env, "XDG_STATE_HOME") ?? join(home, ".local/state"), "holdfast");
  // Another configuration may have jobs and repositories of the same names: they are not to be mixed up.
  const isUsual = searchedFiles(env, home).includes(file);
  return isUsual ? usual : join(usual, "of", encodeURIComponent(file).slice(-longestName));
}

/** Where copies of what can be made anew are kept for this user. */
export function cacheDirectory(env: NodeJS.ProcessEnv, home: string): string {
  const given = env["CACHE_DIRECTORY"]?.split(":")[0];
  if (given !== undefined && isAbsolute(given)) return given;
  return join(directoryIn(env, "XDG_CACHE_HOME") ?? join(home, ".cache"), "holdfast");
}

// https://specifications.freedesktop.org/basedir-spec: relative paths are to be ignored.
function directoryIn(env: NodeJS.ProcessEnv, variable: string): string | undefined {
  const directory = env[variable];
  return directory !== undefined && isAbsolute(directory) ? directory : undefined;
}
