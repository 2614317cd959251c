// Knows: volumes that a person has attached, and that stay so when the command ends. Must not know: runs.
import type { HoldfastError } from "../kernel/errors.ts";
import { resourceOf, SharedVolumes, takeVolumeTurn, type VolumeEvent } from "./attachments.ts";
import type { Program } from "./program.ts";
import { undoer } from "./undoings.ts";

/** What attaching by hand has come to. Published by `volumes attach --json`. */
export interface AttachReport {
  readonly volume: string;
  readonly path: string;
  /** What was done for it now, such as "unlocked" and "mounted". Empty: it was there. */
  readonly did: readonly string[];
  /** `volumes detach` undoes what was done for it, now or before. */
  readonly kept: boolean;
}

/** What detaching by hand has come to. Published by `volumes detach --json`. */
export interface DetachReport {
  readonly volume: string;
  /** What was put back. Empty: nothing of it was done here, or somebody uses it still. */
  readonly undone: readonly string[];
  /** What uses it still, and puts it back when it ends. */
  readonly usedBy: readonly string[];
}

/** What keeps a volume that stays attached, to whoever asks who uses it. */
export const keeping = "holdfast volumes attach";

/**
 * Attaches volumes so that they stay attached. What was done for them stays in the ledger, and nothing
 * but `detachKept` undoes it before the machine starts again. Throws for the first that cannot be
 * attached; those before it stay.
 */
export async function attachAndKeep(
  program: Program,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly AttachReport[]> {
  const reports: AttachReport[] = [];
  for (const name of names) reports.push(await attachOne(program, name, signal));
  return reports;
}

async function attachOne(
  program: Program,
  name: string,
  signal: AbortSignal,
): Promise<AttachReport> {
  const { journal } = program;
  const resource = resourceOf(program, name);
  const did: string[] = [];
  const user = {
    purpose: keeping,
    tell: (event: VolumeEvent): void => {
      if (event.event === "volume-attached") did.push(...event.did);
    },
  };
  const shared = new SharedVolumes(program, new Map());
  const failures: HoldfastError[] = [];
  let report: AttachReport | undefined;
  try {
    const path = await shared.attach(name, user, signal);
    const kept = journal.promisesOf(resource).length > 0;
    if (kept) journal.keep(resource, keeping);
    report = { volume: name, path, did: [...did], kept };
  } finally {
    failures.push(...(await shared.finish(keeping, { purpose: keeping, tell: () => {} })));
  }
  if (failures[0] !== undefined) throw failures[0];
  return report;
}

/**
 * Puts back what `attachAndKeep` did, unless a run uses the volume: then that puts it back. What was
 * there before it stays. Throws `unmount-failed` while something else uses a volume.
 */
export async function detachKept(
  program: Program,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly DetachReport[]> {
  const reports: DetachReport[] = [];
  for (const name of names) reports.push(await detachOne(program, name, signal));
  return reports;
}

async function detachOne(
  program: Program,
  name: string,
  signal: AbortSignal,
): Promise<DetachReport> {
  const { journal } = program;
  const resource = resourceOf(program, name);
  using _ = await takeVolumeTurn(program, resource, signal);
  journal.drop(resource);
  const usedBy = journal.users(resource).map((user) => user.purpose);
  const undone: string[] = [];
  if (usedBy.length > 0) return { volume: name, undone, usedBy };
  for (const promise of journal.promisesOf(resource).toReversed()) {
    await undoer(program, promise.run)(promise.entry, signal);
    promise.settle();
    undone.push(promise.entry.subject);
  }
  return { volume: name, undone, usedBy };
}
