// Knows: what a person means by `@latest`, a date or the beginning of an id. Pure.
import { HoldfastError } from "../kernel/errors.ts";
import type { Snapshot } from "../kernel/snapshot.ts";

export interface SnapshotChoice {
  readonly job: string;
  readonly snapshot: string;
  readonly now: Date;
}

/**
 * The snapshots that a text means. "latest" and a date mean the newest snapshot (not later than the
 * end of that date) of each series, since a job may make one for each of its sources; an id means
 * that one, whoever made it. Throws `snapshot-missing`.
 */
export function chooseSnapshots(
  snapshots: readonly Snapshot[],
  choice: SnapshotChoice,
): readonly Snapshot[] {
  const { snapshot: text, now } = choice;
  if (text === "latest") {
    return notEmpty(newestOfEach(snapshots, now), choice, hintAtOthers(snapshots, choice));
  }
  const until = endOfPeriod(text);
  if (until !== undefined) return notEmpty(newestOfEach(snapshots, until), choice);

  const matches = snapshots.filter(({ id }) => id.startsWith(text));
  const exact = matches.find(({ id }) => id === text);
  if (exact !== undefined) return [exact];
  if (matches.length <= 1) return notEmpty(matches, choice);
  throw new HoldfastError(
    "snapshot-missing",
    `"${text}" is the beginning of ${matches.length} snapshots of job "${choice.job}"`,
    { hint: `write more of it: ${matches.map(({ id }) => id.slice(0, 12)).join(", ")}` },
  );
}

function newestOfEach(snapshots: readonly Snapshot[], until: Date): readonly Snapshot[] {
  const newest = new Map<string, Snapshot>();
  for (const snapshot of snapshots) {
    const { series, time } = snapshot;
    if (series === undefined || time > until) continue;
    const best = newest.get(series);
    if (best === undefined || time > best.time) newest.set(series, snapshot);
  }
  return [...newest.values()];
}

const dayForm = /^\d{4}-\d{2}-\d{2}$/;
const minuteForm = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}$/;
const secondForm = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})?$/;

/** The last millisecond that a date or time names, in local time: of its day, minute or second. */
function endOfPeriod(text: string): Date | undefined {
  const form = text.replace(" ", "T");
  if (dayForm.test(text)) return valid(new Date(`${form}T23:59:59.999`));
  if (minuteForm.test(text)) return valid(new Date(`${form}:59.999`));
  if (!secondForm.test(text)) return undefined;
  const start = valid(new Date(form));
  return start === undefined ? undefined : new Date(start.getTime() + 999);
}

function valid(date: Date): Date | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function notEmpty(
  chosen: readonly Snapshot[],
  { snapshot, job }: SnapshotChoice,
  hint = `see what there is with: holdfast snapshots ${job}`,
): readonly Snapshot[] {
  if (chosen.length > 0) return chosen;
  throw new HoldfastError("snapshot-missing", `job "${job}" has no snapshot "${snapshot}"`, {
    hint,
  });
}

/** On a new machine all that a job has made seems to be of others: nobody should think that it is gone. */
function hintAtOthers(snapshots: readonly Snapshot[], { job }: SnapshotChoice): string | undefined {
  const foreign = snapshots.filter(({ series }) => series === undefined);
  if (foreign.length === 0 || foreign.length < snapshots.length) return undefined;
  const hosts = [...new Set(foreign.flatMap(({ host }) => (host === undefined ? [] : [host])))];
  return `the repository holds ${foreign.length} snapshots made under other names (host ${hosts.join(", ")}): restore one of them by its id, from: holdfast snapshots ${job}`;
}
