// Knows: that one backup at a time adds to a repository, and whether it still does. Must not know: what it adds.
import {
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { interruption } from "../../hosts/interruption.ts";
import { isAlive, thisProcess } from "../../hosts/process-identity.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { codeOf } from "./errors.ts";
import type { Places } from "./layout.ts";

const Lease = z.object({
  owner: z.object({
    host: z.string(),
    pid: z.number(),
    bootId: z.string().exactOptional(),
    pidNamespace: z.string().exactOptional(),
    startTicks: z.number().exactOptional(),
  }),
  /** Milliseconds since 1970, by the owner's clock. */
  since: z.number(),
});
type Lease = z.output<typeof Lease>;

const signOfLifeMs = 60_000;
// Of an owner that cannot be seen from here.
const abandonedAfterMs = 60 * 60_000;

/** A backup that adds to the repository now. */
export interface Running {
  readonly since: Date;
  readonly who: string;
}

/** The backup that is running, in this process or another. One that has died is none. */
export function runningBackup({ lease: path }: Places): Running | undefined {
  const found = read(path);
  if (found === undefined || !isHeld(found)) return undefined;
  const { owner, since } = found.lease;
  return { since: new Date(since), who: `process ${owner.pid} on ${owner.host}` };
}

interface Found {
  readonly lease: Lease;
  readonly touchedMs: number;
}

function isHeld({ lease, touchedMs }: Found): boolean {
  const liveness = isAlive(lease.owner);
  if (liveness === "unknown") return Date.now() - touchedMs < abandonedAfterMs;
  return liveness === "alive";
}

// As long as it takes to tidy up after somebody, and not as long as a backup.
const patienceMs = 3000;
const pauseMs = 50;

/**
 * Says that this process adds to the repository, until it is disposed of. Throws `repository-locked` when
 * another one does, and goes on doing so for a while.
 */
export async function takeLease(
  places: Places,
  repository: string,
  signal: AbortSignal,
): Promise<Disposable> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pauseMs) {
    if (signal.aborted) throw interruption(signal, "waiting for another backup");
    const lease = tryLease(places);
    if (lease !== undefined) return lease;
    await sleep(pauseMs);
  }
  throw locked(repository, runningBackup(places), places.lease);
}

/** The same, and nothing when another process has it. */
export function tryLease(places: Places): Disposable | undefined {
  const { lease: path } = places;
  const passing = `${path}.${process.pid}`;
  const lease: Lease = { owner: thisProcess(), since: Date.now() };
  writeFileSync(passing, JSON.stringify(lease));
  try {
    if (!tryToLink(passing, path)) {
      const running = runningBackup(places);
      if (running === undefined) removeDead(path);
      if (running !== undefined || !tryToLink(passing, path)) return undefined;
    }
  } finally {
    unlinkSync(passing);
  }
  return hold(path);
}

function tryToLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function hold(path: string): Disposable {
  const living = setInterval(() => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // Somebody has taken it away, or the drive: the backup finds that out by itself.
    }
  }, signOfLifeMs);
  living.unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(living);
      removeIfThere(path);
    },
  };
}

/** Another process may be doing the same: then one of the two gets what was not dead, and gives it back. */
function removeDead(path: string): void {
  const aside = `${path}.${process.pid}.dead`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  const found = read(aside);
  if (found !== undefined && isHeld(found)) tryToLink(aside, path);
  unlinkSync(aside);
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

function read(path: string): Found | undefined {
  try {
    const touchedMs = statSync(path).mtimeMs;
    const parsed = Lease.safeParse(JSON.parse(readFileSync(path, "utf8")));
    // One that cannot be read is somebody's all the same.
    const unreadable: Lease = { owner: { host: "another machine", pid: 0 }, since: touchedMs };
    return { lease: parsed.data ?? unreadable, touchedMs };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    // Cut short by a power failure: the process that wrote it is gone.
    return undefined;
  }
}

function locked(repository: string, running: Running | undefined, path: string): HoldfastError {
  const who = running?.who ?? "another process";
  return new HoldfastError(
    "repository-locked",
    `repository "${repository}" is being added to by ${who}`,
    {
      hint: `wait until it has ended; if it is gone for good, remove ${path}`,
    },
  );
}
