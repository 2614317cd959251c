// Knows: how the common retention is applied to one repository of a job. Must not know: how snapshots are dropped.
import type { Job } from "../config/config.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import { decideRetention, type Decision, type Retention } from "../policy/retention.ts";
import { placedRepository } from "./open.ts";
import type { Program } from "./program.ts";

/** The rules for one repository of a job: its own win over the job's. */
export function rulesFor(program: Program, job: Job, repository: string): Retention | undefined {
  return placedRepository(program, repository).spec.keep ?? job.keep;
}

/** Decides about all snapshots of a repository; the newest proven one of each series always stays. */
export function decide(options: {
  readonly snapshots: readonly Snapshot[];
  readonly rules: Retention | undefined;
  readonly verified: ReadonlyMap<string, Date>;
  /** What has to stay because of other repositories, and why. */
  readonly pins?: ReadonlyMap<string, string>;
  readonly now: Date;
}): readonly Decision[] {
  const { snapshots, rules, verified, pins = new Map<string, string>(), now } = options;
  const newestProven = new Map<string, Snapshot>();
  for (const snapshot of snapshots) {
    const { series, id, time } = snapshot;
    if (series === undefined || time > now || !verified.has(id)) continue;
    const best = newestProven.get(series);
    if (best === undefined || time > best.time) newestProven.set(series, snapshot);
  }
  const pinned = new Map(pins);
  for (const { id } of newestProven.values()) {
    const pin = pins.get(id);
    pinned.set(id, pin === undefined ? "newest verified" : `newest verified, ${pin}`);
  }
  return decideRetention({ snapshots, rules: rules ?? {}, now, pinned });
}

/** The snapshots that a decision lets go. */
export function dropped(decisions: readonly Decision[]): readonly Snapshot[] {
  return decisions.filter(({ keep }) => keep.length === 0).map(({ snapshot }) => snapshot);
}
