// Knows: how it is told what was forgotten and why the rest stays. Must not know: how that is decided.
import type { StampedEvent } from "../jobs/event.ts";
import type { JobResult } from "../jobs/report.ts";
import { type Tell, tellingText } from "./run-listener.ts";
import { shortId } from "./run-text.ts";
import { count } from "./wording.ts";

/** What `forget --json` says of one job. */
export interface ForgottenReport extends JobResult {
  readonly repositories: readonly ForgottenInRepository[];
}

/** What was dropped and what stays in one repository. */
export interface ForgottenInRepository {
  readonly repository: string;
  readonly forgotten: readonly string[];
  readonly kept: readonly { readonly id: string; readonly keep: readonly string[] }[];
}

/** Tells what was forgotten, after all jobs: one document with `--json`, text otherwise. */
export const tellingForgotten: Tell = (output, options) => {
  const text = output.options.json ? undefined : tellingText(output, options);
  const events: StampedEvent[] = [];
  return {
    listener(stamped) {
      if (stamped.event.event === "step-finished") events.push(stamped);
      text?.listener(stamped);
    },
    finish(results) {
      const jobs = forgottenReports(results, events);
      output.document({ jobs });
      if (!output.options.quiet) output.text(forgottenText(jobs, output.options));
    },
    [Symbol.dispose]: () => text?.[Symbol.dispose](),
  };
};

/** Brings together how each job ended and what its events say was forgotten. */
export function forgottenReports(
  results: readonly JobResult[],
  events: readonly StampedEvent[],
): readonly ForgottenReport[] {
  return results.map((result) => ({
    ...result,
    repositories: events
      .filter(({ run }) => run === result.run)
      .flatMap(({ event }) =>
        event.event === "step-finished" && event.step === "forget"
          ? [{ repository: event.repository ?? "", ...keptAndForgotten(event.result) }]
          : [],
      ),
  }));
}

/** Reads the result of a step, whose type only says that it is plain data. */
function keptAndForgotten(
  result: Readonly<Record<string, unknown>>,
): Omit<ForgottenInRepository, "repository"> {
  const { forgotten, kept } = result;
  return {
    forgotten: strings(forgotten),
    kept: Array.isArray(kept) ? kept.filter(isKept) : [],
  };
}

function isKept(value: unknown): value is ForgottenInRepository["kept"][number] {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    typeof value.id === "string" &&
    "keep" in value &&
    Array.isArray(value.keep)
  );
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** What was forgotten, as text; with `verbose` also what stays and why. */
export function forgottenText(
  jobs: readonly ForgottenReport[],
  { verbose }: { readonly verbose: boolean },
): string {
  return jobs
    .flatMap(({ job, repositories }) =>
      repositories.map((each) => inRepositoryText(job, each, verbose)),
    )
    .join("");
}

function inRepositoryText(
  job: string,
  { repository, forgotten, kept }: ForgottenInRepository,
  verbose: boolean,
): string {
  const lines = [
    `${job} in ${repository}: forgot ${count(forgotten.length, "snapshot")}, kept ${kept.length}`,
    ...forgotten.map((id) => `  forgot ${shortId(id)}`),
  ];
  if (verbose)
    lines.push(...kept.map(({ id, keep }) => `  kept ${shortId(id)}: ${keep.join(", ")}`));
  return lines.map((line) => `${line}\n`).join("");
}
