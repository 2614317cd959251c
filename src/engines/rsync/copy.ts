// Knows: which snapshots of another mirror are lacking, and how they are copied. Must not know: why.
import { HoldfastError } from "../../kernel/errors.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { Work } from "../engine.ts";
import { folderOf, momentOf } from "./layout.ts";
import { makeSnapshot, type Making } from "./making.ts";
import type { Mirror } from "./mirror.ts";
import type { Record } from "./record.ts";
import { routeBetween } from "./transfer.ts";

/** Those of their snapshots that a repository does not hold; of a mirror without snapshots only the newest counts. */
export function lackingOf(
  { places }: Mirror,
  theirs: readonly Snapshot[],
  ours: readonly Snapshot[],
): readonly Snapshot[] {
  const held = new Set(ours.map(({ origin }) => origin));
  const lacking = (snapshot: Snapshot): boolean =>
    snapshot.origin !== undefined && !held.has(snapshot.origin);
  if (places.layout !== "none") return theirs.filter(lacking);
  const newestOfOurs = Math.max(...ours.map(({ time }) => time.getTime()));
  const newest = theirs.toSorted((a, b) => a.time.getTime() - b.time.getTime()).at(-1);
  return newest !== undefined && lacking(newest) && newest.time.getTime() > newestOfOurs
    ? [newest]
    : [];
}

/** What the copy of a snapshot is made of. Pure. */
export function copyMaking(
  { to, from }: { readonly to: Mirror; readonly from: Mirror },
  { id, time }: Pick<Snapshot, "id" | "time">,
  record: Record | undefined,
): Making {
  const route = routeBetween({ from: from.access.host, to: to.access.host, here: to.access.here });
  const folder = folderOf(from.places, id);
  return {
    route,
    sources: { paths: [folder], words: [`${folder}/`], contents: true },
    about: record ?? { contents: true, labels: [] },
    // One spelling of a moment: a mirror on another file system takes it as well.
    id: momentOf(id) === undefined ? time.toISOString() : id,
    trusted: true,
  };
}

/** Copies snapshots one by one, oldest first. Throws `snapshot-missing` for one that is no longer there. */
export async function copySnapshots(
  ends: { readonly to: Mirror; readonly from: Mirror },
  wanted: readonly Snapshot[],
  work: Work,
): Promise<{
  readonly copied: readonly { readonly from: string; readonly id: string }[];
  readonly added: number;
}> {
  const copied: { readonly from: string; readonly id: string }[] = [];
  let added = 0;
  if (wanted.length === 0) return { copied, added };
  const records = await recordsOf(ends.from, work.signal);
  for (const snapshot of wanted) {
    if (records.known !== undefined && !records.known.has(snapshot.id)) {
      throw missingSnapshot(ends.from, snapshot.id);
    }
    const making = copyMaking(ends, snapshot, records.all.get(snapshot.id));
    const made = await makeSnapshot(ends.to, making, work);
    copied.push({ from: snapshot.id, id: made.id });
    added += made.evidence.added ?? 0;
  }
  return { copied, added };
}

async function recordsOf(
  from: Mirror,
  signal: AbortSignal,
): Promise<{ readonly all: ReadonlyMap<string, Record>; readonly known?: ReadonlySet<string> }> {
  if (from.places.layout === "none") {
    const record = await from.mirrorRecord(signal);
    const all = new Map(record?.complete === true ? [[record.id, record]] : []);
    return { all, known: new Set(all.keys()) };
  }
  const { snapshots, records } = await from.standing(signal);
  return { all: records, known: new Set(snapshots.map(({ id }) => id)) };
}

/** Where a snapshot should be, there is none. */
export function missingSnapshot(mirror: Mirror, id: string): HoldfastError {
  return new HoldfastError(
    "snapshot-missing",
    `repository "${mirror.subject.name}" has no snapshot ${id}`,
    { hint: "see what it has with: holdfast snapshots" },
  );
}
