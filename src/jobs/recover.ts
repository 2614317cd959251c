// Knows: how what dead runs left is put back. Must not know: how any one thing is undone.
import { setTimeout as sleep } from "node:timers/promises";
import { interruption } from "../hosts/interruption.ts";
import type { HeldLock, OpenPromise } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Undo } from "../kernel/ledger.ts";
import { afterHooksKind, runHooks } from "./hooks.ts";
import type { Program } from "./program.ts";
import type { RecoveryReport } from "./report.ts";

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
  const runs = new Set([...dead.map(({ id }) => id), ...open.keys()]);
  const reports: RecoveryReport[] = [];
  for (const run of runs) {
    reports.push(await recoverRun(program, { run, promises: open.get(run) ?? [] }, signal));
  }
  return reports;
}

const patienceMs = 60_000;
const lookAgainMs = 100;

async function onlyRecovery({ journal }: Program, signal: AbortSignal): Promise<HeldLock> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const result = journal.lock("recovery", "recovery");
    if (result.taken) return result.lock;
    if (signal.aborted) throw interruption(signal, "waiting for another recovery");
    if (performance.now() > deadline) {
      const { pid, host } = result.holder;
      throw new HoldfastError("busy", `process ${pid} on ${host} is still recovering`, {
        hint: "let it finish, then try again; see what it waits for with: holdfast history",
      });
    }
    await sleep(lookAgainMs);
  }
}

async function recoverRun(
  program: Program,
  left: { readonly run: string; readonly promises: readonly OpenPromise[] },
  signal: AbortSignal,
): Promise<RecoveryReport> {
  const { run, promises } = left;
  const undoings = undoingsFor(program, run);
  const undone: string[] = [];
  const failed: { subject: string; message: string }[] = [];
  // What was changed last is put back first.
  for (const promise of promises.toReversed()) {
    const { entry } = promise;
    try {
      const undo = undoings.get(entry.kind);
      if (undo === undefined) throw unknownKind(entry.kind);
      await undo(entry, signal);
      promise.settle();
      undone.push(entry.subject);
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
      failed.push({ subject: entry.subject, message: error.message });
    }
  }
  const job = program.journal.run(run)?.job ?? "unknown";
  program.journal.append(run, {
    time: program.now(),
    event: "run-recovered",
    data: { undone, failed },
  });
  return { run, job, message: `run ${run} of ${job} was interrupted`, undone, failed };
}

/** How each kind of ledger entry is undone. */
function undoingsFor(program: Program, run: string): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      afterHooksKind,
      async (entry, signal) => {
        const job = program.config.jobs.get(String(entry.data["job"]));
        if (job === undefined) {
          throw new HoldfastError("unknown-name", `the job of ${entry.subject} is not configured`, {
            hint: "configure it again, or undo by hand what its before hooks did",
          });
        }
        const facts = { run, outcome: "interrupted" };
        await runHooks(program.hosts.here, { job, moment: "after", facts }, signal);
      },
    ],
  ]);
}

function unknownKind(kind: string): HoldfastError {
  return new HoldfastError("journal-unusable", `nobody here knows how to undo "${kind}"`, {
    hint: "a newer holdfast wrote it: run that one's `holdfast recover`",
  });
}
