// Knows: where the outline of a configuration is kept, and when it no longer holds. Must not know: what it is for.
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "./config.ts";
import { defaultState, searchedFiles } from "./files.ts";
import { configOfOutline, type Outline, outlineOf } from "./outline.ts";

/** All that the meaning of a configuration depends on, besides its text. */
export interface OutlineOrigin {
  /** The file that was asked for, as in `loadConfig`. */
  readonly file?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Of this program: another one may understand the same text differently. */
  readonly version: string;
  /** The user's cache of this program, absolute. */
  readonly directory: string;
}

/**
 * The configuration, as far as an outline tells, or undefined when none is kept that holds for the
 * file as it is now. Nothing is parsed and no schema is loaded: it takes a millisecond.
 */
export function recallConfig(origin: OutlineOrigin): Config | undefined {
  const { file: asked, env, home, directory } = origin;
  const candidates = asked === undefined ? searchedFiles(env, home) : [resolve(asked)];
  const file = candidates.find((candidate) => identityOf(candidate) !== undefined);
  if (file === undefined) return undefined;
  const kept = readKept(nameFor(directory, file));
  return kept?.fingerprint === fingerprintOf(file, origin)
    ? configOfOutline(kept.outline)
    : undefined;
}

/** Keeps the outline of a configuration that was just loaded. Where that fails, nothing is kept. */
export function keepConfig(config: Config, origin: OutlineOrigin): void {
  const fingerprint = fingerprintOf(config.file, origin);
  if (fingerprint === undefined || isFresh(config.file)) return;
  const kept: Kept = { fingerprint, outline: outlineOf(config) };
  const name = nameFor(origin.directory, config.file);
  const partial = `${name}.${process.pid}`;
  try {
    mkdirSync(origin.directory, { recursive: true, mode: 0o700 });
    if (!isOurs(origin.directory)) return;
    writeFileSync(partial, JSON.stringify(kept), { mode: 0o600, flag: "wx" });
    renameSync(partial, name);
  } catch {
    // A full or read-only disk: `status` is then as slow as the other commands, and that is all.
    rmSync(partial, { force: true });
  }
}

interface Kept {
  readonly fingerprint: string;
  readonly outline: Outline;
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

function nameFor(directory: string, file: string): string {
  return join(directory, `outline-${encodeURIComponent(file)}.json`);
}

function fingerprintOf(file: string, { env, home, version }: OutlineOrigin): string | undefined {
  const identity = identityOf(file);
  if (identity === undefined) return undefined;
  const { platform } = process;
  const state = defaultState(file, env, home);
  return JSON.stringify({ version, file, identity, home, state, platform });
}

/** Changes whenever the file is written, replaced, or given other permissions. */
function identityOf(file: string): string | undefined {
  const state = statSync(file, { bigint: true, throwIfNoEntry: false });
  if (state === undefined) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs, mode } = state;
  return [dev, ino, size, mtimeNs, ctimeNs, mode].join(":");
}

// File systems keep times in steps; what is written twice within one step shows no change.
const stepMs = 2000;

function isFresh(file: string): boolean {
  const changed = statSync(file).ctimeMs;
  return Math.abs(Date.now() - changed) < stepMs;
}
