// Knows: which of a repository's subvolumes are snapshots, and what is said of each. Pure.
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { JobIdentity } from "../engine.ts";
import type { Link } from "./chain.ts";
import { momentOf, momentsOf } from "./names.ts";
import type { Entry, View } from "./view.ts";

/** A snapshot that is complete, with what btrfs knows of it. */
export interface Kept {
  readonly entry: Entry;
  readonly time: Date;
}

/**
 * The complete snapshots, oldest first. One that was made here is read-only and the snapshot of something;
 * one that was received has its Received UUID as well, which btrfs gives it at the very end.
 */
export function keptIn({ entries }: Pick<View, "entries">): readonly Kept[] {
  const complete = entries.filter((entry) => flawOf(entry) === undefined);
  const inOrder = complete.toSorted((a, b) => orderOf(a) - orderOf(b));
  let latest = new Date(0);
  const kept = inOrder.map((entry): Kept => {
    const time = timeOf(entry, latest);
    latest = time;
    return { entry, time };
  });
  return kept.toSorted(
    (a, b) => a.time.getTime() - b.time.getTime() || orderOf(a.entry) - orderOf(b.entry),
  );
}

function orderOf({ subvolume }: Entry): number {
  return subvolume?.made ?? 0;
}

/** Of an hour that comes twice, what was received after something of its second pass is of that too. */
function timeOf({ said, created }: Entry, before: Date): Date {
  if (created !== undefined) return momentOf(said, created);
  const moments = momentsOf(said);
  return moments.find((moment) => moment >= before) ?? moments[0];
}

/** Why a subvolume with the name of a snapshot is none; undefined: it is one. */
export function flawOf({ readOnly, subvolume }: Entry): string | undefined {
  const received = subvolume?.receivedUuid !== undefined;
  const made = subvolume === undefined || subvolume.parentUuid !== undefined;
  if (!received && !made) return "it was never received to its end";
  return readOnly ? undefined : "it can be written to";
}

/** As the rest of the program knows it. */
export function snapshotOf({ entry, time }: Kept, job: JobIdentity): Snapshot {
  const { name, said, subvolume } = entry;
  const origin = subvolume?.receivedUuid ?? subvolume?.uuid;
  return {
    id: name,
    time,
    kind: "snapshot",
    labels: said.labels,
    // Two jobs never write to one place: that is checked when the configuration is loaded.
    series: seriesName,
    paths: job.paths,
    ...(origin === undefined ? {} : { origin }),
  };
}

/** All snapshots of a repository are states of one subvolume. */
export const seriesName = "subvolume";

/** What is needed to find out what follows from what; none of those that this user may not ask about. */
export function linkOf({ entry: { name, subvolume } }: Kept): readonly Link[] {
  if (subvolume === undefined) return [];
  const { uuid, parentUuid, receivedUuid, made } = subvolume;
  const parent = parentUuid === undefined ? {} : { parentUuid };
  return [{ name, uuid, made, origin: receivedUuid ?? uuid, ...parent }];
}
