// Knows: one run of one job for the daemon, and what is left to do when even that could not be written down. Must not know: which job, and when.
import type { Job } from "../config/config.ts";
import type { Listener } from "../jobs/event.ts";
import { retriesExhausted } from "../jobs/due.ts";
import { notifyRetriesExhausted } from "../jobs/notify.ts";
import { verbs, type Program, type Verb } from "../jobs/program.ts";
import type { JobResult } from "../jobs/report.ts";
import { runJobs } from "../jobs/run-jobs.ts";
import type { RunEnd, Trigger } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";

/** A run that is to begin. */
export interface Start {
  readonly job: Job;
  readonly trigger: Trigger;
  /** Since when it waits: jobs whose snapshots it reads, and that ended after that, belong to it. */
  readonly since: Date;
}

/** Runs jobs. */
export interface Runner {
  /** One run to its end. Rejects only where the run could not be kept in the journal, or for a bug. */
  run(program: Program, start: Start): Promise<void>;
  /**
   * Writes down the end of runs that were left without one. As long as this process lives, nobody else
   * would take them for dead: what they changed would never be put back.
   */
  settle(program: Program): void;
}

/** A runner whose runs end early when the signal aborts. */
export function newRunner(options: {
  readonly listener: Listener;
  readonly signal: AbortSignal;
}): Runner {
  const unsettled = new Map<string, RunEnd>();
  return {
    async run(program, start) {
      let id: string | undefined;
      const listener: Listener = (stamped) => {
        id = stamped.run;
        options.listener(stamped);
      };
      try {
        await runOnce(program, start, { ...options, listener });
      } catch (error) {
        if (id !== undefined) unsettled.set(id, endOf(error));
        throw error;
      }
    },
    settle({ journal }) {
      for (const [id, end] of unsettled) {
        // Changes nothing where the run has an end already.
        journal.finishRun(id, end);
        unsettled.delete(id);
      }
    },
  };
}

async function runOnce(
  program: Program,
  { job, trigger, since }: Start,
  options: { readonly listener: Listener; readonly signal: AbortSignal },
): Promise<void> {
  const request = {
    jobs: [job.name],
    verbs: new Set<Verb>(verbs),
    trigger,
    since,
    labels: [],
    full: false,
    allowDeletions: false,
  };
  const [result] = await runJobs(program, request, options);
  if (result !== undefined && gaveUp(program, job, result)) {
    await notifyRetriesExhausted(program, { job, result }, options);
  }
}

function gaveUp(program: Program, job: Job, result: JobResult): boolean {
  return result.outcome === "failure" && result.retriable && retriesExhausted(program, job);
}

/** The end of a run that broke off. A journal that was unusable for a while is no reason not to try again. */
function endOf(error: unknown): RunEnd {
  const nothing = { snapshots: [], suspicious: [] };
  if (error instanceof HoldfastError) {
    return { ...nothing, outcome: "interrupted", reason: error.message };
  }
  const reason = error instanceof Error ? error.message : String(error);
  return { ...nothing, outcome: "failure", code: "bug", reason };
}
