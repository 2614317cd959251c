// Knows: when a lock of restic may be removed. Must not know: how it is removed.
import * as z from "zod";
import type { Liveness } from "../../hosts/process-identity.ts";
import { readJson } from "./output.ts";

const Lock = z.object({
  /** Renewed every few minutes while its owner works. */
  time: z.coerce.date(),
  exclusive: z.boolean().default(false),
  hostname: z.string().default(""),
  username: z.string().default(""),
  pid: z.number().default(0),
});
/** One lock, as `restic cat lock` shows it. */
export type Lock = z.output<typeof Lock>;

/** Reads what `restic cat lock` prints. */
export function parseLock(stdout: string): Lock {
  return readJson(Lock, stdout, "cat lock");
}

/** What is known here about the owners of locks. */
export interface Surroundings {
  readonly hostname: string;
  readonly username: string;
  readonly now: Date;
  /** Whether the process that had this number at that time still lives. */
  readonly liveness: (pid: number, since: Date) => Liveness;
}

/** What can be done about the locks of a repository. */
export type Judgement =
  /** None is left. */
  | { readonly kind: "free" }
  /** `restic unlock` would remove dead ones, and no other. */
  | { readonly kind: "removable" }
  /** One has to be left; `living` when its owner is a process of this machine. */
  | { readonly kind: "held"; readonly lock: Lock; readonly living: boolean };

// After thirty minutes restic takes any lock for stale, also that of a machine it cannot look at.
// A minute less, because time passes until it looks.
const staleForResticMs = 29 * 60 * 1000;

// Names that many machines have: no proof that a process is one of this machine.
const ambiguousNames = new Set(["", "localhost", "localhost.localdomain"]);

/**
 * Decides whether `restic unlock` may be called: only when every lock that it would remove belongs
 * to a process that is proven dead on this machine. It removes those of this machine whose process
 * is gone, and all that were not renewed for thirty minutes.
 */
export function judgeLocks(locks: readonly Lock[], here: Surroundings): Judgement {
  const judged = locks.map((lock) => ({ lock, owner: ownerOf(lock, here) }));
  const inDanger = judged.find(
    ({ lock, owner }) =>
      owner !== "dead" && here.now.getTime() - lock.time.getTime() > staleForResticMs,
  );
  const held = inDanger ?? judged.find(({ owner }) => owner !== "dead");
  const dead = judged.some(({ owner }) => owner === "dead");
  if (dead && inDanger === undefined) return { kind: "removable" };
  if (held === undefined) return { kind: "free" };
  return { kind: "held", lock: held.lock, living: held.owner === "alive" };
}

function ownerOf(lock: Lock, here: Surroundings): Liveness {
  const isHere =
    lock.hostname === here.hostname &&
    lock.username === here.username &&
    !ambiguousNames.has(lock.hostname);
  return isHere ? here.liveness(lock.pid, lock.time) : "unknown";
}

/** One sentence about who holds a repository. */
export function describeLock(lock: Lock): string {
  const kind = lock.exclusive ? "exclusively " : "";
  return `locked ${kind}by process ${lock.pid} of ${lock.username} on ${lock.hostname} since ${lock.time.toISOString()}`;
}
