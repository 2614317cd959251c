// Knows: how each kind of ledger entry is undone, whichever room made it. Must not know: when that is done.
import { btrfsUndoings } from "../engines/btrfs/index.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { LedgerEntry, Undo } from "../kernel/ledger.ts";
import { engineUndoings } from "../engines/undoings.ts";
import { maintenanceUndoings } from "../nextcloud/index.ts";
import { dumpUndoings } from "../sources/dump-staging.ts";
import { stagingUndoings } from "../sources/nextcloud/staging.ts";
import { replacementUndoings } from "../sources/replacement.ts";
import { volumeUndoings } from "../volumes/undo.ts";
import { afterHooksKind, runHooks } from "./hooks.ts";
import type { Program } from "./program.ts";
import { workspaceUndoings } from "./workspace.ts";

/**
 * Undoes an entry of any kind that this program promises; a room that promises something adds its
 * undoings here. `run` is the one in which it was promised, where there is one. Throws
 * `journal-unusable` for a kind that nobody knows, and what the undoing throws.
 */
export function undoer(program: Program, run: string | undefined): Undo {
  const undoings: ReadonlyMap<string, Undo> = new Map<string, Undo>([
    ...volumeUndoings(program.hosts),
    ...maintenanceUndoings(program.hosts),
    ...engineUndoings(program.hosts),
    [
      afterHooksKind,
      async (entry, signal) => await makeUpForHooks(program, { run, entry }, signal),
    ],
    ...btrfsUndoings(program.hosts),
    ...stagingUndoings(program.hosts),
    ...dumpUndoings(program.hosts),
    ...workspaceUndoings(program.hosts.here),
    ...replacementUndoings(program.hosts, maintenanceUndoings(program.hosts)),
  ]);
  return async (entry, signal) => {
    const undo = undoings.get(entry.kind);
    if (undo === undefined) throw unknownKind(entry.kind);
    await undo(entry, signal);
  };
}

async function makeUpForHooks(
  program: Program,
  owed: { readonly run: string | undefined; readonly entry: LedgerEntry },
  signal: AbortSignal,
): Promise<void> {
  const { run = "unknown", entry } = owed;
  const job = program.config.jobs.get(String(entry.data["job"]));
  if (job === undefined) {
    throw new HoldfastError("unknown-name", `the job of ${entry.subject} is not configured`, {
      hint: "configure it again, or undo by hand what its before hooks did",
    });
  }
  const facts = { run, outcome: "interrupted" };
  await runHooks(program.hosts.here, { job, moment: "after", facts }, signal);
}

function unknownKind(kind: string): HoldfastError {
  return new HoldfastError("journal-unusable", `nobody here knows how to undo "${kind}"`, {
    hint: "a newer holdfast wrote it: run that one's `holdfast recover`",
  });
}
