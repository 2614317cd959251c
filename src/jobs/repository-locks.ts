// Knows: that one piece of work at a time uses a repository. Must not know: which work.
import type { HeldLock, Journal, LockHolder } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { localTime } from "../kernel/figures.ts";
import { repositoriesOf } from "./open.ts";
import type { Plan } from "./plan.ts";
import type { Program } from "./program.ts";
import { takeTurn } from "./turns.ts";

/**
 * Locks every repository that the plan's job writes to or reads from, in one order everywhere: while a
 * snapshot is read, nobody may forget it. Throws `busy`.
 */
export function takeLocks(program: Program, { job, steps }: Plan, locks: DisposableStack): void {
  const backsUp = steps.some(({ verb, action }) => verb === "backup" && action === "do");
  const read = new Set(backsUp ? job.reads : []);
  for (const name of [...repositoriesOf(job), ...read].toSorted()) {
    const take = read.has(name) ? takeShared : takeLock;
    locks.use(take(program, name, `job ${job.name}`));
  }
}

/** Takes the one lock of a repository. Throws `busy`, which says who has it. */
export function takeLock(program: Program, repository: string, purpose: string): HeldLock {
  const result = program.journal.lock(resourceOf(repository), purpose);
  if (result.taken) return result.lock;
  throw inUse(repository, result.holder);
}

/** The same, but waits up to a minute for it. Throws `busy`, `interrupted`. */
export async function waitForLock(
  program: Program,
  { repository, purpose }: { readonly repository: string; readonly purpose: string },
  signal: AbortSignal,
): Promise<HeldLock> {
  const turn = {
    resource: resourceOf(repository),
    purpose,
    waiting: "waiting for a repository",
    patienceMs: 60_000,
    busy: (holder: LockHolder) => inUse(repository, holder),
  };
  return await takeTurn(program, turn, signal);
}

function resourceOf(repository: string): string {
  return `repository:${repository}`;
}

function inUse(repository: string, { purpose, pid, host, since }: LockHolder): HoldfastError {
  return new HoldfastError(
    "busy",
    `repository "${repository}" is in use: ${purpose}, process ${pid} on ${host}, since ${localTime(since)}`,
    { hint: "let it finish, then try again; see it with: holdfast status" },
  );
}

interface Shared {
  readonly lock: HeldLock;
  readers: number;
}

/** The locks that jobs of this process share because they only read. */
const sharedLocks = new WeakMap<Journal, Map<string, Shared>>();

/** The same lock for all who read the repository in this process; the last one gives it back. */
function takeShared(program: Program, repository: string, purpose: string): Disposable {
  const ofJournal = sharedLocks.get(program.journal) ?? new Map<string, Shared>();
  sharedLocks.set(program.journal, ofJournal);
  const lock = ofJournal.get(repository) ?? {
    lock: takeLock(program, repository, purpose),
    readers: 0,
  };
  lock.readers += 1;
  ofJournal.set(repository, lock);
  return {
    [Symbol.dispose]() {
      lock.readers -= 1;
      if (lock.readers > 0) return;
      ofJournal.delete(repository);
      lock.lock[Symbol.dispose]();
    },
  };
}
