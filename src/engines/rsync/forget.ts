// Knows: how snapshots are dropped and what interrupted runs left is tidied away. Must not know: which are to go.
import { posix } from "node:path";
import type { Command } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import {
  deleteSubvolumeCommands,
  forgetMirrorCommand,
  hideCommands,
  hideSubvolumeCommand,
  latestCommands,
  removeCommand,
  removeRecordsCommand,
  unlockCommand,
} from "./commands.ts";
import { momentOf, type Places, type Standing } from "./layout.ts";
import type { Mirror } from "./mirror.ts";

/** Drops snapshots; unknown ids are passed over. `latest` leads to the newest that is left. */
export async function forgetSnapshots(
  mirror: Mirror,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { places } = mirror;
  if (places.layout === "none") {
    const record = await mirror.mirrorRecord(signal);
    if (record !== undefined && ids.includes(record.id)) {
      await mirror.run(forgetMirrorCommand(places), signal);
    }
    return;
  }
  const standing = await mirror.standing(signal);
  const wanted = new Set(ids);
  const known = standing.snapshots.map(({ id }) => id).filter((id) => wanted.has(id));
  if (known.length === 0) return;
  const { latest, snapshots } = standing;
  if (latest.kind === "snapshot" && wanted.has(latest.id)) {
    const left = snapshots.findLast(({ id }) => !wanted.has(id));
    await mirror.runAll(latestCommands(places, left?.id), signal);
  }
  const [deletions, last] = deletionCommands(places, known);
  await mirror.runAll(deletions, signal);
  if (last !== undefined) await removeFolders(mirror, [places.deleted], signal);
  await mirror.run(removeRecordsCommand(places, known), signal);
}

/** The commands that forget snapshots none of which `latest` leads to, when all go well. Pure. */
export function plannedForgetting(places: Places, ids: readonly string[]): readonly Command[] {
  const known = ids.filter((id) => momentOf(id) !== undefined);
  if (known.length === 0) return [];
  if (places.layout === "none") return [forgetMirrorCommand(places)];
  const [deletions, last] = deletionCommands(places, known);
  return [...deletions, ...(last === undefined ? [] : [last]), removeRecordsCommand(places, known)];
}

/** What hides or deletes them, and what removes the hidden ones. */
function deletionCommands(
  places: Places,
  ids: readonly string[],
): readonly [readonly Command[], Command | undefined] {
  return places.layout === "btrfs"
    ? [
        ids.flatMap((id) => [
          hideSubvolumeCommand(places, id),
          ...deleteSubvolumeCommands(places, id),
        ]),
        undefined,
      ]
    : [hideCommands(places, ids), removeCommand([places.deleted])];
}

/** Removes folders, also those of which the owner had no right to change anything in them. */
async function removeFolders(
  mirror: Mirror,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await mirror.run(removeCommand(paths), signal);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "command-failed") throw error;
    await mirror.run(unlockCommand(paths), signal);
    await mirror.run(removeCommand(paths), signal);
  }
}

/** Removes what interrupted runs left, and records of snapshots that are gone. */
export async function tidy(mirror: Mirror, signal: AbortSignal): Promise<void> {
  const { places } = mirror;
  if (places.layout === "none") {
    await mirror.mirrorRecord(signal);
    return;
  }
  const standing = await mirror.standing(signal);
  const { records } = standing;
  const paths = superfluous(standing).map((name) => posix.join(places.root, name));
  if (paths.length > 0) await removeFolders(mirror, paths, signal);
  for (const id of standing.halfDeleted) {
    await mirror.runAll(deleteSubvolumeCommands(places, id), signal);
  }
  const there = new Set(standing.snapshots.map(({ id }) => id));
  const orphans = [...records.keys()].filter((id) => !there.has(id) && momentOf(id) !== undefined);
  if (orphans.length > 0) await mirror.run(removeRecordsCommand(places, orphans), signal);
}

/** What nobody will take up again. An unfinished snapshot is what the next backup goes on with. */
function superfluous({ leftovers }: Standing): readonly string[] {
  return leftovers.filter((name) => name !== ".holdfast-partial");
}
