// Knows: how what dead runs left is put back. Must not know: how any one thing is undone.
import type { HeldLock, OpenPromise } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { takeVolumeTurn } from "./attachments.ts";
import type { Program } from "./program.ts";
import type { RecoveryReport } from "./report.ts";
import { takeTurn } from "./turns.ts";
import { undoer } from "./undoings.ts";

/**
 * Finds runs whose process died, undoes what their ledger lists, and calls them interrupted. What
 * cannot be undone now stays in the ledger and is reported; the next start tries again. Of several
 * starts at once one recovers and the others wait for it: else they would undo what a new run does.
 *
 * Throws `busy` when another recovery takes longer than a minute, and `interrupted`.
 */
export async function recover(
  program: Program,
  signal: AbortSignal,
): Promise<readonly RecoveryReport[]> {
  const { journal } = program;
  if (journal.deadRuns().length + journal.openPromises().length === 0) return [];
  using _ = await onlyRecovery(program, signal);
  // Asked again: another start may have recovered them while this one waited.
  const dead = journal.deadRuns();
  for (const { id } of dead) {
    journal.finishRun(id, {
      outcome: "interrupted",
      reason: "its process ended without a word (killed, or the machine went down)",
      snapshots: [],
      suspicious: [],
    });
  }
  const open = Map.groupBy(journal.openPromises(), ({ run }) => run);
  const interrupted = new Set<string | undefined>(dead.map(({ id }) => id));
  const reports: RecoveryReport[] = [];
  for (const run of new Set([...interrupted, ...open.keys()])) {
    const left = { run, interrupted: interrupted.has(run), promises: open.get(run) ?? [] };
    reports.push(await recoverLeft(program, left, signal));
  }
  return reports;
}

/** What is open of one run, or of a volume that no run used. */
interface Left {
  readonly run: string | undefined;
  /** The process of the run died. */
  readonly interrupted: boolean;
  readonly promises: readonly OpenPromise[];
}

async function onlyRecovery(program: Program, signal: AbortSignal): Promise<HeldLock> {
  const turn = {
    resource: "recovery",
    purpose: "recovery",
    waiting: "waiting for another recovery",
    patienceMs: 60_000,
    busy: ({ pid, host }: { readonly pid: number; readonly host: string }) =>
      new HoldfastError("busy", `process ${pid} on ${host} is still recovering`, {
        hint: "let it finish, then try again; see what it waits for with: holdfast history",
      }),
  };
  return await takeTurn(program, turn, signal);
}

async function recoverLeft(
  program: Program,
  left: Left,
  signal: AbortSignal,
): Promise<RecoveryReport> {
  const { run, interrupted, promises } = left;
  const undone: string[] = [];
  const failed: { subject: string; message: string }[] = [];
  // What was changed last is put back first.
  for (const promise of promises.toReversed()) {
    const { subject } = promise.entry;
    try {
      if (await putBack(program, promise, signal)) undone.push(subject);
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
      failed.push({ subject, message: error.message });
    }
  }
  if (run === undefined) {
    return { run: "", job: "", message: "a command left something changed", undone, failed };
  }
  const job = program.journal.run(run)?.job ?? "unknown";
  program.journal.append(run, {
    time: program.now(),
    event: "run-recovered",
    data: { undone, failed },
  });
  const what = interrupted ? "was interrupted" : "could not put back all that it changed";
  return { run, job, message: `run ${run} of ${job} ${what}`, undone, failed };
}

/** Undoes one entry. False: meanwhile somebody uses what it is about, and will put it back. */
async function putBack(
  program: Program,
  promise: OpenPromise,
  signal: AbortSignal,
): Promise<boolean> {
  const { resource, run, entry } = promise;
  using turn = new DisposableStack();
  if (resource !== undefined) {
    turn.use(await takeVolumeTurn(program, resource, signal));
    if (program.journal.users(resource).length > 0) return false;
  }
  await undoer(program, run)(entry, signal);
  promise.settle();
  return true;
}
