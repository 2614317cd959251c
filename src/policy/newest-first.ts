// Knows: how snapshots follow each other in time. Must not know: what is decided about them.
import type { Snapshot } from "../kernel/snapshot.ts";

/** Anything that stands for a snapshot. */
interface Dated {
  readonly snapshot: Snapshot;
}

/**
 * Puts snapshots in order, the newest first. Equal times are in the order of their ids, so that
 * the order of a listing decides nothing; snapshots without a possible time come last.
 */
export function newestFirst<Item extends Dated>(items: readonly Item[]): readonly Item[] {
  const { sorted, exact } = bySecond(items);
  return exact ? sorted : sorted.toSorted(compareAge);
}

/** Negative when `a` comes before `b` in `newestFirst`, 0 for two listings of one snapshot. */
export function compareAge(a: Dated, b: Dated): number {
  const timeA = timeOf(a);
  const timeB = timeOf(b);
  if (timeA !== timeB) return timeA > timeB ? -1 : 1;
  if (a.snapshot.id === b.snapshot.id) return 0;
  return a.snapshot.id < b.snapshot.id ? -1 : 1;
}

function timeOf({ snapshot }: Dated): number {
  const time = snapshot.time.getTime();
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}

/**
 * Puts snapshots in order by the second, which is exact unless two share one. Plain numbers are
 * sorted natively and side by side in memory: with 100,000 snapshots in random order that takes a
 * tenth of the time of a comparator, which alone is more than all of retention may take.
 */
function bySecond<Item extends Dated>(items: readonly Item[]) {
  // Second and place share a number that stays exact: seconds far beyond (of the year 3396 with
  // 100,000 snapshots) count as one, and are put in order afterwards.
  const places = items.length;
  const farthest = Math.floor(Number.MAX_SAFE_INTEGER / places / 2) - 1;
  const keys = new Float64Array(places);
  for (const [place, item] of items.entries()) {
    const second = Math.floor(timeOf(item) / 1000);
    const fromNewest = farthest - Math.min(Math.max(second, -farthest), farthest);
    keys[place] = fromNewest * places + place;
  }

  const sorted: Item[] = [];
  let exact = true;
  let previous = -1;
  for (const key of keys.toSorted()) {
    const place = key % places;
    const fromNewest = (key - place) / places;
    exact &&= fromNewest !== previous;
    previous = fromNewest;
    const item = items[place];
    if (item !== undefined) sorted.push(item);
  }
  return { sorted, exact };
}
