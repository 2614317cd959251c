// Knows: how snapshots are deleted, by root and by others. Must not know: which have to go.
import { deleteCommand, makeWritableCommand, snapshotPath } from "./commands.ts";
import { explainFailure, saysNotPermitted, saysReadOnly } from "./errors.ts";
import type { Side } from "./side.ts";
import { keptIn } from "./snapshots.ts";

// The kernel takes 128 KiB for one argument and 2 MiB for all.
const pathsAtOnce = 500;

/** Deletes snapshots. Those that are not there, or are none, are left alone. */
export async function forgetSnapshots(
  side: Side,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const unwanted = new Set(ids);
  const known = keptIn(await side.look(signal))
    .map(({ entry }) => entry.name)
    .filter((name) => unwanted.has(name));
  for (const portion of portionsOf(known)) {
    const paths = portion.map((name) => snapshotPath(side.location, name));
    try {
      await side.host.run(deleteCommand(side.setting, paths), signal);
    } catch (error) {
      if (!saysReadOnly(error) && !saysNotPermitted(error)) throw explainFailure(error, side);
      await deleteAsOrdinaryUser(side, paths, signal);
    }
  }
}

/** So many at once as one command takes. */
export function portionsOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / pathsAtOnce);
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * pathsAtOnce, (index + 1) * pathsAtOnce),
  );
}

/**
 * Who is not root may only delete what can be written to. From the moment when it can, it is no snapshot
 * any more; if it is not deleted then, a check names it.
 */
async function deleteAsOrdinaryUser(
  side: Side,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const states = await side.host.inspect(paths, signal);
  const left = paths.filter((_, index) => states[index]?.kind !== "missing");
  for (const path of left) {
    await side.run(makeWritableCommand(side.setting, path), signal);
    await side.run(deleteCommand(side.setting, [path]), signal);
  }
}
