// Knows: what a path is without opening it. Must not know: why that matters.
import { constants, type BigIntStats } from "node:fs";
import { access, lstat, opendir, realpath, stat, statfs } from "node:fs/promises";
import { resolve } from "node:path";
import type { PathState } from "./host.ts";

// Node has four threads for the file system. A server that has gone away can hold one for ever:
// this leaves one for everybody else.
const atOnce = 3;
const patienceMs = 10_000;

/** How many looks of this process have not come back. Each holds one of its threads. */
let unanswered = 0;

/**
 * Looks at many paths, a few at a time. Symbolic links are followed. Never rejects: a path that
 * cannot be looked at, or that does not answer for ten seconds, is `unreadable` with the reason.
 */
export async function inspectPaths(
  paths: readonly string[],
  patience: number = patienceMs,
): Promise<readonly PathState[]> {
  const states: PathState[] = [];
  const queue = paths.entries();
  const worker = async () => {
    for (const [index, path] of queue) states[index] = await lookPatiently(path, patience);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return states;
}

async function lookPatiently(path: string, patience: number): Promise<PathState> {
  if (unanswered >= atOnce) {
    return {
      kind: "unreadable",
      reason: "looking at other paths hangs, so this one was not tried",
    };
  }
  const { promise: late, resolve: settle } = Promise.withResolvers<PathState>();
  const reason = `it did not answer within ${patience / 1000} s`;
  const timer = setTimeout(() => {
    unanswered += 1;
    void answer.finally(() => (unanswered -= 1));
    settle({ kind: "unreadable", reason });
  }, patience);
  const answer = look(path);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
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
  if (stats.isFile()) await access(path, constants.R_OK);
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
