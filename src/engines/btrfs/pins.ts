// Knows: which snapshots a chain of differences hangs on. Pure: no command, no clock.
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { Holding } from "../engine.ts";

/**
 * The snapshots that the rules must not drop, and why: by id. The newest that both sides have, on both
 * sides, because the next difference needs it; and what a copy has never had.
 */
export function pinsOf(
  snapshots: readonly Snapshot[],
  {
    others,
    forgetUncopied,
  }: { readonly others: readonly Holding[]; readonly forgetUncopied: boolean },
): ReadonlyMap<string, string> {
  const reasons = new Map<string, string[]>();
  const pin = ({ id }: Snapshot, reason: string): void => {
    reasons.set(id, [...(reasons.get(id) ?? []), reason]);
  };
  for (const { repository, held, settled, receives } of others) {
    const newest = newestOf(snapshots.filter((snapshot) => held.has(originOf(snapshot))));
    if (newest !== undefined) pin(newest, `newest in common with ${repository}`);
    if (!receives || forgetUncopied) continue;
    for (const snapshot of snapshots) {
      const origin = originOf(snapshot);
      if (!held.has(origin) && !settled.has(origin))
        pin(snapshot, `not yet copied to ${repository}`);
    }
  }
  return new Map([...reasons].map(([id, each]) => [id, each.join(", ")]));
}

function newestOf(snapshots: readonly Snapshot[]): Snapshot | undefined {
  return snapshots.reduce<Snapshot | undefined>(
    (best, each) => (best === undefined || each.time >= best.time ? each : best),
    undefined,
  );
}

function originOf({ id, origin }: Snapshot): string {
  return origin ?? id;
}
