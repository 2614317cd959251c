// Knows: how to wait for what only one process may do at a time. Must not know: what that is.
import { setTimeout as sleep } from "node:timers/promises";
import { interruption } from "../hosts/interruption.ts";
import type { HeldLock, LockHolder } from "../journal/journal.ts";
import type { HoldfastError } from "../kernel/errors.ts";
import type { Program } from "./program.ts";

const lookAgainMs = 100;

/** What is waited for, and how long. */
export interface Turn {
  readonly resource: string;
  /** What this process does when it has it, for those who wait. */
  readonly purpose: string;
  /** What waiting is called when it is interrupted, as in "waiting for …". */
  readonly waiting: string;
  readonly patienceMs: number;
  readonly busy: (holder: LockHolder) => HoldfastError;
}

/** Takes a lock, or waits for it. Throws what `busy` makes when it takes too long, and `interrupted`. */
export async function takeTurn(
  { journal }: Pick<Program, "journal">,
  turn: Turn,
  signal: AbortSignal,
): Promise<HeldLock> {
  const deadline = performance.now() + turn.patienceMs;
  for (;;) {
    const result = journal.lock(turn.resource, turn.purpose);
    if (result.taken) return result.lock;
    if (signal.aborted) throw interruption(signal, turn.waiting);
    if (performance.now() > deadline) throw turn.busy(result.holder);
    await sleep(lookAgainMs);
  }
}
