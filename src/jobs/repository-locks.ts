// Knows: that one piece of work at a time uses a repository. Must not know: which work.
import type { Job } from "../config/config.ts";
import type { HeldLock } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { localTime } from "../kernel/figures.ts";
import { repositoriesOf } from "./open.ts";
import type { Program } from "./program.ts";

/** Locks every repository of the job, in one order everywhere. Throws `busy`. */
export function takeLocks(program: Program, job: Job, locks: DisposableStack): void {
  for (const name of repositoriesOf(job).toSorted()) {
    locks.use(takeLock(program, name, `job ${job.name}`));
  }
}

/** Takes the one lock of a repository. Throws `busy`, which says who has it. */
export function takeLock(program: Program, repository: string, purpose: string): HeldLock {
  const result = program.journal.lock(`repository:${repository}`, purpose);
  if (result.taken) return result.lock;
  const { pid, host, since, purpose: theirs } = result.holder;
  throw new HoldfastError(
    "busy",
    `repository "${repository}" is in use: ${theirs}, process ${pid} on ${host}, since ${localTime(since)}`,
    { hint: "let it finish, then try again; see it with: holdfast status" },
  );
}
