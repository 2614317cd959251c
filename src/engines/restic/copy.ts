// Knows: how restic copies snapshots between repositories, and how copies are recognised. Must not know: which are wanted.
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { Work } from "../engine.ts";
import { copyCommands } from "./commands.ts";
import { parseCopiedId, parseCount } from "./output.ts";
import type { Restic } from "./restic.ts";

/**
 * Copies snapshots that the repository lacks; restic itself skips those it has. Answers with the
 * beginnings of the ids that were saved.
 */
export async function copySnapshots(
  restic: Restic,
  from: Restic,
  request: { readonly ids: readonly string[]; readonly work: Work },
): Promise<ReadonlySet<string>> {
  const { ids, work } = request;
  const saved = new Set<string>();
  const hear = (line: string): void => {
    const id = parseCopiedId(line);
    if (id !== undefined) saved.add(id);
    const count = parseCount(line);
    if (id === undefined && count === undefined) return;
    const snapshots = `${saved.size} / ${ids.length} snapshots`;
    work.progress({ current: count === undefined ? snapshots : `${snapshots}, ${count}` });
  };
  for (const command of copyCommands(restic.setting, from.setting, ids)) {
    await restic.run(command, { signal: work.signal, from, stdoutLine: hear });
  }
  return saved;
}

/** Pairs what was asked for with what is there now and was saved by this copy. */
export function pairCopies(
  wanted: readonly Snapshot[],
  after: readonly Snapshot[],
  saved: ReadonlySet<string>,
): readonly { readonly from: string; readonly id: string }[] {
  const byOrigin = Map.groupBy(after, originOf);
  return wanted.flatMap((snapshot) =>
    (byOrigin.get(originOf(snapshot)) ?? [])
      .filter(({ id }) => [...saved].some((beginning) => id.startsWith(beginning)))
      .map(({ id }) => ({ from: snapshot.id, id })),
  );
}

/** Of these snapshots, those of which no copy is among the others. */
export function withoutCopy(
  theirs: readonly Snapshot[],
  ours: readonly Snapshot[],
): readonly Snapshot[] {
  const held = new Set(ours.map(originOf));
  return theirs.filter((snapshot) => !held.has(originOf(snapshot)));
}

function originOf({ id, origin }: Snapshot): string {
  return origin ?? id;
}
