// Knows: which jobs wait for a volume that was away, and whether it is there again. Must not know: how they are started.
import type { Job } from "../config/config.ts";
import { awaitsVolume, lastAnswer } from "../jobs/due.ts";
import { noLedger, openVolume, placedRepository, volumesOf } from "../jobs/open.ts";
import type { Program } from "../jobs/program.ts";
import { newErrand } from "./errand.ts";

/** Looks for what was away. */
export interface VolumeWatch {
  /** The jobs among these whose volumes are there again, as far as the last look tells; begins the next look. */
  returned(program: Program, jobs: readonly Job[]): readonly Job[];
  idle(): Promise<void>;
}

/**
 * Watches for the volumes of jobs whose scheduled run was skipped because something was away. Looking
 * may take long where a path hangs, so it is done beside the loop; `found` is called when there is
 * something to start.
 */
export function newVolumeWatch(watching: {
  readonly signal: AbortSignal;
  readonly found: () => void;
  readonly failed: (error: unknown) => void;
}): VolumeWatch {
  const errand = newErrand(watching.failed);
  const sights = new Map<string, Sight>();

  const look = async (program: Program, jobs: readonly Job[]): Promise<void> => {
    const present = await presentVolumes(program, jobs, watching.signal);
    for (const job of jobs) {
      const answer = lastAnswer(program, job);
      if (answer === undefined) continue;
      const before = sights.get(job.name);
      const isThere = neededVolumes(program, job).every((name) => present.has(name));
      // A start that found something away although all was seen is not repeated until something went.
      const isNews = answer.trigger !== "available" || before?.answer === answer.id;
      if (isThere && !isNews) continue;
      sights.set(job.name, { answer: answer.id, isThere });
      if (isThere) watching.found();
    }
  };
  return {
    returned(program, jobs) {
      const waiting = jobs.filter((job) => awaitsVolume(program, job));
      const isBack = (job: Job): boolean => {
        const sight = sights.get(job.name);
        return sight?.isThere === true && sight.answer === lastAnswer(program, job)?.id;
      };
      const missing = waiting.filter((job) => !isBack(job));
      if (missing.length > 0) errand.begin(async () => await look(program, missing));
      return waiting.filter(isBack);
    },
    idle: async () => await errand.idle(),
  };
}

/** What was seen of a job's volumes since its last answer to its schedule. */
interface Sight {
  readonly answer: string;
  readonly isThere: boolean;
}

/** The volumes without which a job is skipped: those of its copies may stay away. */
function neededVolumes(program: Program, job: Job): readonly string[] {
  const { place } = placedRepository(program, job.repository);
  return volumesOf([...job.sources.map((source) => source.place), place]);
}

/** Each volume that one of these jobs needs is looked at once. */
async function presentVolumes(
  program: Program,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const names = new Set(jobs.flatMap((job) => neededVolumes(program, job)));
  const present = await Promise.all(
    [...names].map(async (name) => {
      const state = await openVolume(program, name, noLedger).observe(signal);
      return state.kind === "away" ? [] : [name];
    }),
  );
  return new Set(present.flat());
}
