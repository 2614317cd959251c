// Knows: which jobs read what other jobs make, and what follows for them when those end. Pure. Must not know: how jobs run.
import type { Job } from "../config/config.ts";
import type { OutcomeKind } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { inOrder } from "../policy/precedence.ts";

/** A job that makes the snapshots that another one reads. */
export interface Upstream {
  readonly job: string;
  /** The repository from which they are read. */
  readonly repository: string;
}

/** The jobs whose snapshots this one reads, in the order of its sources. */
export function upstreamsOf(jobs: ReadonlyMap<string, Job>, { reads }: Job): readonly Upstream[] {
  return reads.flatMap((repository) => {
    const writer = jobs
      .values()
      .find((job) => job.repository === repository || job.copies.includes(repository));
    return writer === undefined ? [] : [{ job: writer.name, repository }];
  });
}

/** These jobs, each after those among them whose snapshots it reads, and otherwise as they were. */
export function inOrderOfReading(
  jobs: ReadonlyMap<string, Job>,
  names: readonly string[],
): readonly string[] {
  const needs = [...jobs.values()].map(
    (job) => [job.name, upstreamsOf(jobs, job).map((upstream) => upstream.job)] as const,
  );
  return inOrder(names, new Map(needs));
}

/** What an upstream job came to, or would come to, in the same invocation. */
export interface EndedUpstream extends Upstream {
  /** `planned`: it is a dry run, and the job would make a snapshot. */
  readonly end: "done" | "planned" | "skipped" | "hindered";
  /** What became of it, in a word or two, such as "failed" or "would be skipped". */
  readonly became: string;
  /** Why it was skipped. */
  readonly reason?: string;
}

/** An upstream job that has ended so. */
export function endedUpstream(
  upstream: Upstream,
  { outcome, reason }: { readonly outcome: OutcomeKind; readonly reason?: string },
): EndedUpstream {
  const why = reason === undefined ? {} : { reason };
  switch (outcome) {
    case "success":
    case "warning":
      return { ...upstream, end: "done", became: "is done" };
    case "skipped":
      return { ...upstream, end: "skipped", became: "was skipped", ...why };
    case "failure":
      return { ...upstream, end: "hindered", became: "failed" };
    case "cancelled":
    case "interrupted":
      return { ...upstream, end: "hindered", became: `was ${outcome}` };
  }
}

/** What a dry run would make of an upstream job. */
export function plannedUpstream(
  upstream: Upstream,
  { action, reason }: { readonly action: "run" | "skip" | "fail"; readonly reason?: string },
): EndedUpstream {
  switch (action) {
    case "run":
      return { ...upstream, end: "planned", became: "would run" };
    case "skip":
      return {
        ...upstream,
        end: "skipped",
        became: "would be skipped",
        ...(reason === undefined ? {} : { reason }),
      };
    case "fail":
      return { ...upstream, end: "hindered", became: "would fail" };
  }
}

/**
 * Why a job must not run after these: a job whose snapshot it reads has failed just now. What that one
 * left may be half of what was meant, and an older snapshot would pass for today's.
 */
export function hindranceOf(upstreams: readonly EndedUpstream[]): HoldfastError | undefined {
  const hindered = upstreams.find(({ end }) => end === "hindered");
  if (hindered === undefined) return undefined;
  const { job, became } = hindered;
  return new HoldfastError("upstream-failed", `job "${job}", whose snapshot it reads, ${became}`, {
    hint: `mend that one first; see why with: holdfast history ${job}`,
  });
}

/** Why there is nothing to read yet, when this repository holds no snapshot: its job was skipped. */
export function absenceOf(
  upstreams: readonly EndedUpstream[],
  repository: string,
): string | undefined {
  const skipped = upstreams.find(
    (upstream) => upstream.repository === repository && upstream.end === "skipped",
  );
  if (skipped === undefined) return undefined;
  const { job, became, reason } = skipped;
  const because = reason === undefined ? "" : `: ${reason}`;
  return `there is no snapshot to read yet, and job "${job}" ${became}${because}`;
}
