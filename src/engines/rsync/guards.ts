// Knows: when what lies there is no reason to believe a source, or a copy. Must not know: how either is read.
import { posix } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import { evidenceOf } from "./evidence.ts";
import type { Mirror, Pass } from "./mirror.ts";
import { DeletionRefused, emptySourceError } from "./passes.ts";
import type { Record } from "./record.ts";

/** Throws when the newest snapshot held files: then an empty source is rather a disk that is not mounted. */
export async function refuseEmpty(
  mirror: Mirror,
  {
    id,
    last,
    job,
  }: { readonly id: string; readonly last: Record | undefined; readonly job: string },
  signal: AbortSignal,
): Promise<void> {
  const folder = posix.join(mirror.places.snapshots, id);
  const [state] = await mirror.access.host.inspect([folder], signal);
  const wasEmpty = state?.kind === "directory" && state.empty;
  if (last?.files === 0 || wasEmpty) return;
  throw emptySourceError(mirror.subject.name, { job, changed: false });
}

/**
 * Throws when one of several sources is empty and what a folder holds of it is not: all of it would go,
 * and may be too little for the guard over deletions.
 */
export async function refuseEmptied(
  mirror: Mirror,
  {
    empty,
    folder,
    job,
  }: { readonly empty: readonly string[]; readonly folder: string; readonly job: string },
  signal: AbortSignal,
): Promise<void> {
  if (empty.length === 0) return;
  const held = empty.map((source) => posix.join(folder, posix.basename(source)));
  const states = await mirror.access.host.inspect(held, signal);
  const source = empty.find((_, index) => {
    const state = states[index];
    return state?.kind === "directory" && !state.empty;
  });
  if (source === undefined) return;
  throw new DeletionRefused(
    `${source} is empty, and what repository "${mirror.subject.name}" holds of it is not; nothing was deleted`,
    { job, changed: false },
  );
}

/**
 * Throws when the copy of a snapshot lacks files: it would pass for the whole one ever after. `id` is that
 * of the snapshot, nothing of what is not a copy.
 */
export function refuseIncomplete(mirror: Mirror, id: string | undefined, pass: Pass): void {
  const { unreadable = [], unreadableCount = 0 } = evidenceOf(pass);
  const lacking = unreadableCount + (pass.counts.get("vanished") ?? 0);
  if (id === undefined || lacking === 0) return;
  const [first] = unreadable;
  const named = first === undefined ? "" : `, such as ${first}`;
  throw new HoldfastError(
    "evidence-missing",
    `the copy of snapshot ${id} in repository "${mirror.subject.name}" lacks ${lacking} files that could not be read${named}`,
    { hint: "check the first repository and its disk with: holdfast check --read-data" },
  );
}
