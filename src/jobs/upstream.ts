// Knows: which jobs were kept from reading another's snapshot, and whether they can now. Must not know: who starts them.
import type { Job } from "../config/config.ts";
import type { RunEnd } from "../journal/journal.ts";
import { lastAnswer } from "./due.ts";
import { upstreamsOf } from "./order.ts";
import type { Program } from "./program.ts";

/**
 * Whether a job's last scheduled run was left undone because of a job whose snapshots it reads, and
 * that one has made a snapshot since. It is to be made up for; no delay of its own could tell when.
 */
export function canReadAgain(program: Program, job: Job): boolean {
  if (job.reads.length === 0) return false;
  const answer = lastAnswer(program, job);
  const { end, finished } = answer ?? {};
  if (end === undefined || finished === undefined || !wasLeftUndone(end)) return false;
  const { config, journal } = program;
  const upstreams = upstreamsOf(config.jobs, job).map((upstream) => upstream.job);
  const isNews = (name: string): boolean => {
    const last = journal.lastRun(name, ["success", "warning"])?.finished;
    return last !== undefined && last > finished;
  };
  const isFine = (name: string): boolean => {
    const outcome = journal.lastRun(name)?.end?.outcome;
    return outcome === "success" || outcome === "warning" || outcome === "skipped";
  };
  return upstreams.some(isNews) && upstreams.every(isFine);
}

/** Cancelled because of another job, or skipped though nothing of its own was away. */
function wasLeftUndone({ code, outcome, away }: RunEnd): boolean {
  return code === "upstream-failed" || (outcome === "skipped" && away !== true);
}
