// Knows: how a schedule is written in the configuration. Must not know: what it comes to (occurrence).
import * as z from "zod";
import { DurationError, parseDuration } from "../kernel/duration.ts";
import { newCron } from "./cron.ts";

const minute = 60_000;

/**
 * When a job wants to run: at the times of a cron schedule, so long after its last start, or whenever
 * its volumes appear, and then not more often than `everyMs`.
 */
export type Schedule =
  | { readonly kind: "cron"; readonly cron: string; readonly timezone?: string }
  | { readonly kind: "interval"; readonly everyMs: number }
  | { readonly kind: "available"; readonly everyMs?: number };

const CronText = z
  .string()
  .superRefine((text, context) => report(context, problemOfCron(text)))
  .meta({
    description:
      "A cron schedule: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly.",
    examples: ["0 2 * * *", "30 8-18/2 * * MON-FRI"],
  });

const TimeZone = z
  .string()
  .superRefine((name, context) => report(context, problemOfTimeZone(name)))
  .meta({
    description: "The time zone that the cron schedule is meant in. Default: that of this machine.",
    examples: ["Europe/Berlin", "UTC"],
  });

const Every = z
  .string()
  .superRefine((text, context) => report(context, problemOfInterval(text)))
  .meta({
    description:
      "The time from one start to the next, instead of a cron schedule. With `when`: how often at most, and again as long as they stay.",
    examples: ["6h", "1d"],
  });

// An enumeration of one: a literal would make it the name of a kind of schedule.
const When = z.enum(["available"]).meta({
  description:
    "Run when all volumes that the job needs have appeared: those of its sources and of its repository. Once for each time that they do, unless `every` says how often.",
});

// One object with optional keys rather than one for each kind: a misspelt key is then named as
// such, and a bad value keeps its own message.
const ScheduleObject = z
  .strictObject({
    cron: CronText.optional(),
    timezone: TimeZone.optional(),
    every: Every.optional(),
    when: When.optional(),
  })
  .superRefine(({ cron, timezone, every, when }, context) => {
    if (when !== undefined) {
      if (cron !== undefined || timezone !== undefined) {
        report(context, "what runs when its volumes appear has no times of day");
      }
    } else if ((cron === undefined) === (every === undefined)) {
      report(
        context,
        'write either cron, as in { cron: "0 2 * * *" }, or every, as in { every: 6h }, or { when: available }',
      );
    } else if (cron === undefined && timezone !== undefined) {
      report(context, "an interval has no time zone");
    }
  });

/** A schedule in a configuration. */
export const Schedule = z
  .union([CronText, ScheduleObject], {
    error: 'expected a cron schedule such as "0 2 * * *", or { every: 6h }, or { when: available }',
  })
  .transform((input): Schedule => {
    const { cron, timezone, every, when } = typeof input === "string" ? { cron: input } : input;
    const interval = every === undefined ? {} : { everyMs: parseDuration(every) };
    if (when !== undefined) return { kind: "available", ...interval };
    if (interval.everyMs !== undefined) return { kind: "interval", everyMs: interval.everyMs };
    const kind = "cron" as const;
    return { kind, cron: (cron ?? "").trim(), ...(timezone === undefined ? {} : { timezone }) };
  })
  .meta({
    description:
      "When the job runs: a cron schedule in local time, { cron, timezone }, { every: DURATION }, or { when: available } for as soon as its volumes are there.",
    examples: [
      "0 2 * * *",
      { cron: "0 2 * * *", timezone: "Europe/Berlin" },
      { every: "6h" },
      { when: "available", every: "12h" },
    ],
  });

function report(context: z.RefinementCtx, message: string | undefined): void {
  if (message !== undefined) context.addIssue({ code: "custom", message });
}

function problemOfCron(text: string): string | undefined {
  const fields = text.trim().split(/\s+/).length;
  if (fields !== 5 && !text.trim().startsWith("@")) {
    return `"${text}" has not the five fields of a cron schedule: minute, hour, day of month, month, day of week, such as "0 2 * * *"`;
  }
  try {
    const first = newCron(text.trim()).nextRun(new Date(0));
    return first === null ? `"${text}" names a day that never comes` : undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `"${text}" is not a cron schedule: ${error.message.replace(/^CronPattern: /, "")}`;
  }
}

function problemOfTimeZone(name: string): string | undefined {
  try {
    void new Intl.DateTimeFormat("en", { timeZone: name });
    return undefined;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `"${name}" is not a known time zone: write a name such as Europe/Berlin, or UTC`;
  }
}

function problemOfInterval(text: string): string | undefined {
  try {
    return parseDuration(text) < minute ? "an interval is at least one minute: 1m" : undefined;
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    return error.message;
  }
}
