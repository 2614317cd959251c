// Knows: how it is noticed that what jobs wait for is there. Must not know: how often to look, and who starts them.
import type { Job } from "../config/config.ts";
import { awaitsVolume, lastAnswer, lastStart } from "./due.ts";
import { noLedger, openVolume } from "./open.ts";
import type { Program } from "./program.ts";
import { neededVolumes, noteSight, sightOf } from "./sights.ts";

/** Whether a volume is there: mounted, or plugged in so that it can be attached. */
export type LookForVolume = (name: string) => Promise<boolean>;

/** Looks at volumes as they are now. Nothing is attached. */
export function lookNow(program: Program, signal: AbortSignal): LookForVolume {
  return async (name) => {
    const state = await openVolume(program, name, noLedger).observe(signal);
    return state.kind !== "away";
  };
}

/** Whether a job starts when volumes appear: by its schedule, or to make up for a run that found one away. */
export function waitsForVolumes(program: Program, job: Job): boolean {
  return job.schedule?.kind === "available" || awaitsVolume(program, job);
}

/**
 * Looks for the volumes of those among these jobs that wait for some, each once, and remembers what is
 * there. From then on `nextWish` knows of it. True: something has appeared.
 */
export async function lookForVolumes(
  program: Program,
  jobs: readonly Job[],
  look: LookForVolume,
): Promise<boolean> {
  const waiting = jobs.filter((job) => waitsForVolumes(program, job));
  const names = new Set(waiting.flatMap((job) => neededVolumes(program, job)));
  const states = new Map(
    await Promise.all([...names].map(async (name) => [name, await look(name)] as const)),
  );
  const isThere = (job: Job): boolean => {
    const needed = neededVolumes(program, job);
    return needed.length > 0 && needed.every((name) => states.get(name) === true);
  };
  return waiting.map((job) => note(program, job, isThere(job))).includes(true);
}

function note(program: Program, job: Job, isThere: boolean): boolean {
  const known = sightOf(program, job);
  if (!isThere) {
    if (known !== undefined) noteSight(program, job, undefined);
    return false;
  }
  if (known !== undefined && !isOutdated(program, job, known.after)) return false;
  const last =
    job.schedule?.kind === "available" ? lastStart(program, job) : lastAnswer(program, job);
  noteSight(program, job, { since: program.now(), after: last?.id ?? "" });
  return true;
}

/**
 * A job with times of its own is watched only while it waits: what was seen before its last start says
 * nothing any more. But a start that found something away although all was seen is not repeated until
 * something went.
 */
function isOutdated(program: Program, job: Job, after: string): boolean {
  if (job.schedule?.kind === "available") return false;
  const answer = lastAnswer(program, job);
  return answer !== undefined && answer.id !== after && answer.trigger !== "available";
}
