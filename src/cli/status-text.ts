// Knows: how the state of jobs is shown. Must not know: how it is found out.
import type { JobStatus, RepositoryStatus } from "../jobs/report.ts";
import type { Paint } from "./paint.ts";
import { paintOutcome } from "./run-text.ts";
import { age, count, formatSeconds, visibleLines } from "./wording.ts";
import { localTime } from "../kernel/figures.ts";

/** How a status is put into words. */
export interface StatusStyle {
  readonly now: Date;
  readonly paint: Paint;
}

/** The state of jobs, one block each. */
export function statusText(jobs: readonly JobStatus[], style: StatusStyle): string {
  return jobs.map((job) => `${blockText(job, style)}\n`).join("\n");
}

function blockText(job: JobStatus, style: StatusStyle): string {
  const { paint } = style;
  const lines: (readonly [string, string])[] = [
    ["last run", lastRunText(job, style)],
    ...(job.hint === undefined ? [] : [["", hintText(job.hint, paint)] as const]),
    ...maintenanceLine(job),
    ...lastSuccessLine(job, style),
    ["next due", nextDueText(job, style)],
    ...repositoryLines(job.repositories, style),
    ...frozenLines(job, paint),
  ];
  const rows = lines.map(([label, text]) => `  ${paint.dim(label.padEnd(14))}${text}`);
  return [paint.bold(job.job), ...rows].join("\n");
}

function lastRunText(job: JobStatus, { now, paint }: StatusStyle): string {
  const { outcome, reason, started, finished } = job;
  const because = reason === undefined ? "" : `: ${visibleLines(reason)}`;
  if (outcome === "never") return paint.yellow("never");
  if (outcome === "running") {
    return `running${started === undefined ? "" : `, since ${localTime(started)}`}`;
  }
  const when = finished === undefined ? "" : `, ${age(finished, now)} (${localTime(finished)})`;
  return `${paintOutcome(outcome, `${outcome}${because}`, paint)}${when}`;
}

function maintenanceLine({
  maintenanceSeconds,
}: JobStatus): readonly (readonly [string, string])[] {
  if (maintenanceSeconds === undefined) return [];
  return [["maintenance", `${formatSeconds(maintenanceSeconds)} in that run`]];
}

function lastSuccessLine(
  { outcome, lastSuccess }: JobStatus,
  { now }: StatusStyle,
): readonly (readonly [string, string])[] {
  if (outcome === "success" || outcome === "warning" || outcome === "never") return [];
  const text =
    lastSuccess === undefined ? "never" : `${age(lastSuccess, now)} (${localTime(lastSuccess)})`;
  return [["last success", text]];
}

function nextDueText(job: JobStatus, { now, paint }: StatusStyle): string {
  const { nextDue, overdue } = job;
  const late = overdue ? `${paint.red("overdue")}: no success for too long` : "";
  if (nextDue === undefined) return overdue ? late : whenText(job, paint);
  const due = nextDue <= now ? `now (since ${localTime(nextDue)})` : dueText(nextDue, now);
  return overdue ? `${due}, ${late}` : due;
}

/** When a job runs that no time is known of. */
function whenText({ waitsFor = [] }: JobStatus, paint: Paint): string {
  if (waitsFor.length === 0) return paint.dim("when you run it (no schedule)");
  return `when ${waitsFor.join(" and ")} ${waitsFor.length === 1 ? "is" : "are"} there, each time anew`;
}

function dueText(nextDue: Date, now: Date): string {
  return `${age(nextDue, now)} (${localTime(nextDue)})`;
}

function repositoryLines(
  repositories: readonly RepositoryStatus[],
  style: StatusStyle,
): readonly (readonly [string, string])[] {
  return repositories.map((each, index) => [
    index === 0 ? "repositories" : "",
    repositoryText(each, style),
  ]);
}

function repositoryText(each: RepositoryStatus, { now, paint }: StatusStyle): string {
  const { repository, present, reason, newest, count: amount } = each;
  const known = [
    ...(amount === undefined ? [] : [count(amount, "snapshot")]),
    ...(newest === undefined ? [] : [`newest ${age(newest, now)}`]),
  ].join(", ");
  if (present) return `${repository}: ${known === "" ? "nothing known yet" : known}`;
  const away = paint.yellow(`away${reason === undefined ? "" : `: ${visibleLines(reason)}`}`);
  return `${repository}: ${away}${known === "" ? "" : ` (when last seen: ${known})`}`;
}

function frozenLines(
  { job, suspicious }: JobStatus,
  paint: Paint,
): readonly (readonly [string, string])[] {
  if (suspicious.length === 0) return [];
  return [
    [
      "retention",
      `${paint.yellow("frozen")}: ${visibleLines([...new Set(suspicious)].join("; "))}`,
    ],
    ["", hintText(`look at the newest snapshot; if it is right: holdfast accept ${job}`, paint)],
  ];
}

function hintText(hint: string, paint: Paint): string {
  return `${paint.green("hint:")} ${visibleLines(hint)}`;
}

/** The state of jobs as `status --json` says it. What is not known is null. */
export function statusDocument(jobs: readonly JobStatus[]): Readonly<Record<string, unknown>> {
  return {
    jobs: jobs.map(({ finished = null, nextDue = null, repositories, ...job }) => ({
      ...job,
      finished,
      nextDue,
      repositories: repositories.map(({ newest = null, count: amount = null, ...each }) => ({
        ...each,
        newest,
        count: amount,
      })),
    })),
  };
}
