// Knows: when a job is due. Must not know: jobs, timers, and what time it is.
import { Cron } from "croner";
import * as z from "zod";
import { Duration } from "../kernel/duration.ts";

const CronText = z
  .string()
  .transform((text, context) => {
    const problem = cronProblem(text);
    if (problem === undefined) return text.trim();
    context.addIssue({ code: "custom", message: problem, input: text });
    return z.NEVER;
  })
  .meta({
    description: "Five cron fields: minute, hour, day of month, month, day of week.",
    examples: ["0 2 * * *", "30 8-18/2 * * 1-5"],
  });

const TimeZone = z.string().transform((text, context) => {
  if (isTimeZone(text)) return text;
  context.addIssue({
    code: "custom",
    message: `"${text}" is not a known time zone: write a name such as Europe/Berlin or UTC`,
    input: text,
  });
  return z.NEVER;
});

const shortestInterval = 60_000;

/**
 * When a job is due: five cron fields, `{ cron, timezone }`, or `{ every }` for an interval since
 * the last start. Without a time zone cron fields mean local time.
 */
export const Schedule = z
  .union(
    [
      CronText.transform((cron) => ({ kind: "cron" as const, cron })),
      z
        .strictObject({
          cron: CronText,
          timezone: TimeZone.optional().meta({
            description: "The time zone of the cron fields. Default: the zone of this machine.",
            examples: ["Europe/Berlin", "UTC"],
          }),
        })
        .transform(({ cron, timezone }) => ({
          kind: "cron" as const,
          cron,
          ...(timezone === undefined ? {} : { timezone }),
        })),
      z
        .strictObject({
          every: Duration.refine((ms) => ms >= shortestInterval, {
            error: "an interval is at least one minute (1m)",
          }).meta({
            description: "The time from one start to the next.",
            examples: ["6h", "1d"],
          }),
        })
        .transform(({ every }) => ({ kind: "interval" as const, everyMs: every })),
    ],
    {
      error:
        'expected cron fields such as "0 2 * * *", { cron: "0 2 * * *", timezone: Europe/Berlin }, or { every: 6h }',
    },
  )
  .meta({
    description:
      "When the job is due: five cron fields in local time, { cron, timezone }, or { every: DURATION }.",
    examples: ["0 2 * * *", { cron: "0 2 * * *", timezone: "Europe/Berlin" }, { every: "6h" }],
  });
export type Schedule =
  | { readonly kind: "cron"; readonly cron: string; readonly timezone?: string }
  | { readonly kind: "interval"; readonly everyMs: number };

function cronProblem(text: string): string | undefined {
  try {
    return new Cron(text, { paused: true, mode: "5-part" }).nextRun() === null
      ? "never"
      : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone !== "";
  } catch {
    return false; // Intl throws RangeError for a zone it does not know: that is the answer.
  }
}
