// Knows: how long the journal remembers. Must not know: what is in it.
import type { Program } from "../jobs/program.ts";

const dayMs = 86_400_000;

/** A year, and as much longer as a yearly job may be late. */
const keptMs = 400 * dayMs;

/** Discards runs that are older than that, once a day. The newest of each job and outcome always stay. */
export function newTidying(): (program: Program) => void {
  let last: Date | undefined;
  return ({ journal, now: clock }) => {
    const now = clock();
    if (last !== undefined && Math.abs(now.getTime() - last.getTime()) < dayMs) return;
    journal.discardBefore(new Date(now.getTime() - keptMs));
    last = now;
  };
}
