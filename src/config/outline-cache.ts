// Knows: where the outline of a configuration is kept, and when it no longer holds. Must not know: what it is for.
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "./config.ts";
import { cacheDirectory, defaultState, type LoadRequest, searchedFiles } from "./find.ts";
import { canBeOutlined, configOfOutline, type Outline, outlineOf } from "./outline.ts";

/** All that the meaning of a configuration depends on, besides its text. */
export interface OutlineOrigin extends LoadRequest {
  /** Of this program: another one may understand the same text differently. */
  readonly version: string;
}

/**
 * The configuration, as far as an outline tells, or undefined when none is kept that holds for the
 * file as it is now. Nothing is parsed and no schema is loaded: it takes a millisecond.
 */
export function recallConfig(origin: OutlineOrigin): Config | undefined {
  const state = fileState(origin);
  const kept = state === undefined ? undefined : readKept(nameFor(state.file, origin));
  if (state === undefined || kept?.fingerprint !== state.fingerprint) return undefined;
  return configOfOutline(kept.outline);
}

/**
 * Loads a configuration and keeps its outline. Nothing is kept of a file that was changed within the
 * last seconds, or meanwhile; nor where it cannot be kept so that nobody else could have written it.
 */
export async function loadAndKeep(
  origin: OutlineOrigin,
  load: () => Promise<Config>,
): Promise<Config> {
  const before = fileState(origin);
  const config = await load();
  if (before === undefined || before.isFresh || before.file !== config.file) return config;
  if (!canBeOutlined(config)) return config;
  if (fileState(origin)?.fingerprint !== before.fingerprint) return config;
  keep(nameFor(config.file, origin), {
    fingerprint: before.fingerprint,
    outline: outlineOf(config),
  });
  return config;
}

interface Kept {
  readonly fingerprint: string;
  readonly outline: Outline;
}

function keep(name: string, kept: Kept): void {
  const partial = `${name}.${process.pid}`;
  const directory = join(name, "..");
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!isOurs(directory)) return;
    writeFileSync(partial, JSON.stringify(kept), { mode: 0o600, flag: "wx" });
    renameSync(partial, name);
  } catch {
    // A full or read-only disk: it is loaded again the next time, and that is all.
    rmSync(partial, { force: true });
  }
}

function readKept(name: string): Kept | undefined {
  try {
    if (!isOurs(name)) return undefined;
    const kept: unknown = JSON.parse(readFileSync(name, "utf8"));
    return isKept(kept) ? kept : undefined;
  } catch {
    // Never kept, or damaged: the configuration itself says all that is in it.
    return undefined;
  }
}

// Only we write it, in one piece, and its fingerprint names the version that did: no need to look closer.
function isKept(value: unknown): value is Kept {
  return (
    typeof value === "object" && value !== null && "fingerprint" in value && "outline" in value
  );
}

/** Whether nobody else could have put something into it. Windows keeps a user's folders apart itself. */
function isOurs(path: string): boolean {
  if (process.platform === "win32") return true;
  const { uid, mode } = lstatSync(path);
  return uid === process.geteuid?.() && (mode & 0o022) === 0;
}

function nameFor(file: string, { env, home }: OutlineOrigin): string {
  return join(cacheDirectory(env, home), `outline-${encodeURIComponent(file)}.json`);
}

interface FileState {
  readonly file: string;
  /** Changes whenever the file is written, replaced or given other permissions, or means something else. */
  readonly fingerprint: string;
  /** It was changed so lately that another change might not show. */
  readonly isFresh: boolean;
}

// File systems keep times in steps, the longest of 2 seconds.
const stepMs = 2000;

/** The state of the file that would be loaded. */
function fileState(origin: OutlineOrigin): FileState | undefined {
  const { file: asked, env, home, version } = origin;
  const candidates = asked === undefined ? searchedFiles(env, home) : [resolve(asked)];
  for (const file of candidates) {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) continue;
    const { dev, ino, size, mode, mtimeNs, ctimeNs, ctimeMs } = found;
    const identity = [dev, ino, size, mode, mtimeNs, ctimeNs].join(":");
    const state = defaultState(file, env, home);
    const { platform } = process;
    return {
      file,
      fingerprint: JSON.stringify({ version, file, identity, home, state, platform }),
      isFresh: Math.abs(Date.now() - Number(ctimeMs)) < stepMs,
    };
  }
  return undefined;
}
