// Knows: since when all volumes that a job needs have been there, across starts of the program. Must not know: who looks, and when.
import type { Job } from "../config/config.ts";
import { placedRepository, repositoriesOf, volumesOf } from "./open.ts";
import type { Program } from "./program.ts";

/** That all volumes of a job were seen, after not all of them were. */
export interface Sight {
  readonly since: Date;
  /** The run that was then the last one that counts: with another one since, this has been answered. */
  readonly after: string;
}

function markOf(job: Job): string {
  return `volumes-seen:${job.name}`;
}

/** The last sight of a job's volumes, unless they were seen to be away since. */
export function sightOf({ journal }: Program, job: Job): Sight | undefined {
  const text = journal.mark(markOf(job));
  if (text === undefined) return undefined;
  const [since = "", after = ""] = text.split(" ");
  return { since: new Date(since), after };
}

/** Remembers a sight; `undefined`: that something is away. */
export function noteSight({ journal }: Program, job: Job, sight: Sight | undefined): void {
  const text = sight === undefined ? undefined : `${sight.since.toISOString()} ${sight.after}`;
  journal.setMark(markOf(job), text);
}

/**
 * The volumes without which a job is skipped. Those of its copies may stay away, unless there are no
 * others: then it is for them that it waits.
 */
export function neededVolumes(program: Program, job: Job): readonly string[] {
  const { place } = placedRepository(program, job.repository);
  const needed = volumesOf([...job.sources.map((source) => source.place), place]);
  if (needed.length > 0) return needed;
  return volumesOf(repositoriesOf(job).map((name) => placedRepository(program, name).place));
}
