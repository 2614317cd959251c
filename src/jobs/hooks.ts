// Knows: how the commands around a backup are run. Must not know: what they do.
import type { HookCommand, Job } from "../config/config.ts";
import { CommandFailed } from "../hosts/command-failed.ts";
import type { Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { LedgerEntry } from "../kernel/ledger.ts";

/** The kind under which the ledger promises that the `after` hooks of a job are run. */
export const afterHooksKind = "after-hooks";

/** By convention of sysexits.h: try again later. A `before` hook says so to have the run skipped. */
const notNow = 75;

export type HookMoment = "before" | "after" | "on-failure";

/** What hooks learn through their environment, as `HOLDFAST_…`. */
export interface HookFacts {
  readonly run: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly code?: string;
}

/** Thrown when a `before` hook asks for the run to be skipped (exit status 75). */
export class SkippedByHook extends Error {}

/**
 * Runs the hooks of one moment in turn, each under the job's limit for hooks. Throws `hook-failed`
 * for the first that fails, and `SkippedByHook` when a `before` hook ends with exit status 75. A
 * `before` hook that fails is the last one; of the others each puts back something of its own, so
 * that all are run.
 */
export async function runHooks(
  host: Host,
  options: { readonly job: Job; readonly moment: HookMoment; readonly facts: HookFacts },
  signal: AbortSignal,
): Promise<void> {
  const { job, moment, facts } = options;
  const failures: unknown[] = [];
  for (const argv of hooksOf(job, moment)) {
    const env = {
      HOLDFAST_JOB: job.name,
      HOLDFAST_RUN: facts.run,
      HOLDFAST_HOOK: moment,
      ...(facts.outcome === undefined ? {} : { HOLDFAST_OUTCOME: facts.outcome }),
      ...(facts.reason === undefined ? {} : { HOLDFAST_REASON: facts.reason }),
      ...(facts.code === undefined ? {} : { HOLDFAST_CODE: facts.code }),
    };
    const timeoutMs = job.hooks.timeoutMs;
    try {
      await host.run({ argv, env, effect: "writes", timeoutMs }, signal);
    } catch (error) {
      // What ended the whole run is no failure of the hook.
      const failure = signal.aborted ? error : explain(error, argv, moment);
      if (moment === "before" || signal.aborted) throw failure;
      failures.push(failure);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function hooksOf(job: Job, moment: HookMoment): readonly HookCommand[] {
  switch (moment) {
    case "before":
      return job.hooks.before;
    case "after":
      return job.hooks.after;
    case "on-failure":
      return job.hooks.onFailure;
  }
}

function explain(error: unknown, argv: HookCommand, moment: HookMoment): unknown {
  if (!(error instanceof HoldfastError)) return error;
  if (moment === "before" && error instanceof CommandFailed && error.result.exitStatus === notNow) {
    return new SkippedByHook(`the hook ${argv[0]} asked to skip this run`);
  }
  return new HoldfastError(
    "hook-failed",
    `the ${moment} hook ${argv[0]} failed: ${error.message}`,
    {
      hint: "run it by hand to see why; exit status 75 of a before hook means “not now”",
      cause: error,
    },
  );
}

/** What the ledger keeps while the `after` hooks of a job are owed. */
export function afterHooksEntry(job: Job): LedgerEntry {
  return {
    kind: afterHooksKind,
    subject: `after hooks of job ${job.name}`,
    data: { job: job.name },
  };
}
