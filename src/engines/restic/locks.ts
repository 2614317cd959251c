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
  /** Whether some process has this number now. */
  readonly exists: (pid: number) => boolean;
}

/** What can be done about the locks of a repository. */
export type Judgement =
  /** None is left. */
  | { readonly kind: "free" }
  /** `restic unlock` would remove dead ones, and touch nothing else. */
  | { readonly kind: "removable" }
  /** One has to be left. */
  | { readonly kind: "held"; readonly lock: Lock; readonly owner: Owner };

/**
 * What is known of the process that made a lock. `replaced`: it has ended, but its number is still,
 * or again, in use.
 */
type Owner = "gone" | "replaced" | "alive" | "unknown";

// After thirty minutes restic takes any lock for stale, also that of a machine it cannot look at.
const staleForResticMs = 30 * 60 * 1000;
// Time passes until it looks, and clocks differ.
const slackMs = 60 * 1000;

// Names that many machines have: no proof that a process is one of this machine.
const ambiguousNames = new Set(["", "localhost", "localhost.localdomain"]);

/**
 * Decides whether `restic unlock` may be called. It removes all locks that were not renewed for
 * thirty minutes, whoever made them; and of younger ones of this machine those whose process does not
 * answer SIGHUP, which restic ignores and which would end another program. So it is called only
 * when every lock that it would remove belongs to a process that is proven dead on this machine, and
 * every number that it would signal is that of a restic, or of nobody.
 */
export function judgeLocks(locks: readonly Lock[], here: Surroundings): Judgement {
  const judged = locks.map((lock) => ({
    lock,
    owner: ownerOf(lock, here),
    ageMs: here.now.getTime() - lock.time.getTime(),
  }));
  const endangered = judged.find(({ owner, ageMs }) =>
    owner === "replaced"
      ? ageMs < staleForResticMs + slackMs
      : owner !== "gone" && ageMs > staleForResticMs - slackMs,
  );
  if (endangered === undefined && judged.some(isDead)) return { kind: "removable" };
  const held = endangered ?? judged.find((each) => !isDead(each));
  return held === undefined ? { kind: "free" } : { kind: "held", ...held };
}

function isDead({ owner }: { readonly owner: Owner }): boolean {
  return owner === "gone" || owner === "replaced";
}

function ownerOf(lock: Lock, here: Surroundings): Owner {
  const isHere =
    lock.hostname === here.hostname &&
    lock.username === here.username &&
    !ambiguousNames.has(lock.hostname);
  if (!isHere) return "unknown";
  const liveness = here.liveness(lock.pid, lock.time);
  if (liveness !== "dead") return liveness;
  return here.exists(lock.pid) ? "replaced" : "gone";
}

/** What a person can do about a lock that has to be left. */
export function adviceOn(
  { lock, owner }: { readonly lock: Lock; readonly owner: Owner },
  location: string,
): string {
  switch (owner) {
    case "alive":
      return `wait until process ${lock.pid} has ended, and try again`;
    case "replaced": {
      const stale = new Date(lock.time.getTime() + staleForResticMs + slackMs);
      return `its process has ended, but another one has its number now; try again after ${stale.toISOString()}`;
    }
    case "gone":
    case "unknown":
      return `if no restic works on it any more, type on ${lock.hostname}: restic --repo ${location} unlock`;
  }
}

/** One sentence about who holds a repository. */
export function describeLock(lock: Lock): string {
  const kind = lock.exclusive ? "exclusively " : "";
  return `locked ${kind}by process ${lock.pid} of ${lock.username} on ${lock.hostname} since ${lock.time.toISOString()}`;
}
