// Knows: what a path is without reading it. Must not know: why that matters.
import { constants, type BigIntStats } from "node:fs";
import { lstat, open, opendir, realpath, stat, statfs } from "node:fs/promises";
import { resolve } from "node:path";
import type { PathState } from "./host.ts";

// Node has four threads for the file system, and a server that has gone away can hold one for ever:
// this leaves one for everybody else.
const atOnce = 3;
// A drive that sleeps takes some fifteen seconds to wake.
const patienceMs = 30_000;

/** How one path is looked at, and how long anyone waits for it. */
export interface Looking {
  readonly look: (path: string) => Promise<PathState>;
  readonly patienceMs: number;
}

/**
 * Looks at many paths, a few at a time. Symbolic links are followed. Never rejects: a path that
 * cannot be looked at, or that does not answer for half a minute, is `unreadable` with the reason.
 */
export async function inspectPaths(
  paths: readonly string[],
  looking: Looking = { look, patienceMs },
): Promise<readonly PathState[]> {
  const states: PathState[] = [];
  const queue = paths.entries();
  const worker = async () => {
    for (const [index, path] of queue) states[index] = await lookPatiently(path, looking);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return states;
}

async function lookPatiently(path: string, looking: Looking): Promise<PathState> {
  const { promise, resolve: settle } = Promise.withResolvers<PathState>();
  let reason = "looking at other paths hangs, so this one was not tried";
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    settle({ kind: "unreadable", reason });
  }, looking.patienceMs);
  void whenFree(async () => {
    if (late) return;
    reason = `it did not answer within ${looking.patienceMs / 1000} s`;
    settle(await looking.look(path));
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** Of all the looks of this process so many more may start. One that hangs keeps its thread. */
let free = atOnce;
const waiting: (() => void)[] = [];

async function whenFree(work: () => Promise<void>): Promise<void> {
  if (free === 0) await new Promise<void>((proceed) => waiting.push(proceed));
  else free -= 1;
  await work();
  const next = waiting.shift();
  if (next === undefined) free += 1;
  else next();
}

async function look(path: string): Promise<PathState> {
  try {
    const stats = await stat(path, { bigint: true });
    const { bavail, bsize } = await statfs(path, { bigint: true });
    return {
      kind: kindOf(stats),
      empty: await isEmpty(path, stats),
      device: String(stats.dev),
      freeBytes: Number(bavail * bsize),
      ...((await isLink(path)) && { leadsTo: await realpath(path) }),
    };
  } catch (error) {
    return await explain(path, codeOf(error));
  }
}

// Tools tidy a path before they look at it. With a slash behind it, a link would be followed here.
async function isLink(path: string): Promise<boolean> {
  return (await lstat(resolve(path))).isSymbolicLink();
}

function kindOf(stats: BigIntStats): "directory" | "file" | "other" {
  if (stats.isDirectory()) return "directory";
  return stats.isFile() ? "file" : "other";
}

/** Rejects when it may not be read, which is worth knowing before a backup finds out. */
async function isEmpty(path: string, stats: BigIntStats): Promise<boolean> {
  if (stats.isDirectory()) {
    await using directory = await opendir(path);
    return (await directory.read()) === null;
  }
  // access(2) asks for the real user instead of the effective one, and NFS servers answer it wrongly.
  if (stats.isFile()) await (await open(path, constants.O_RDONLY | constants.O_NONBLOCK)).close();
  return stats.isFile() && stats.size === 0n;
}

async function explain(path: string, code: string): Promise<PathState> {
  const reason = reasons[code] ?? `the system says ${code}`;
  if (code !== "ENOENT" && code !== "ENOTDIR") return { kind: "unreadable", reason };
  try {
    if ((await lstat(path)).isSymbolicLink()) {
      return {
        kind: "unreadable",
        reason: "it is a symbolic link to something that does not exist",
      };
    }
  } catch {
    // Not even a link: it is missing.
  }
  return { kind: "missing" };
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EIO: "the device reports an input/output error",
  ELOOP: "too many symbolic links",
  EMFILE: "too many files are open in this process",
  ENAMETOOLONG: "its name is too long",
  ENOTCONN: "its file system is no longer connected",
  ESTALE: "its server no longer knows it (stale file handle)",
  ETIMEDOUT: "its server does not answer",
  EHOSTDOWN: "its server does not answer",
  ERR_INVALID_ARG_VALUE: "its name holds a NUL character",
};

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
