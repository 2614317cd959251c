// Knows: spans of calendar time as restic writes them. Must not know: what is counted back by one.
import * as z from "zod";

/** A span of calendar time. A month is a month, whatever its length. */
export interface CalendarSpan {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

const howToWrite = "write years, months, days and hours, such as 14d, 1y6m or 36h";

/**
 * Reads a span such as `14d`, `1y6m` or `2y5m7d3h`, in restic's notation: y years, m **months**,
 * d days, h hours, in any order; besides, w weeks and mo months. Undefined for any other text.
 */
export function parseCalendarSpan(text: string): CalendarSpan | undefined {
  const compact = text.replaceAll(/\s+/g, "").toLowerCase();
  if (!/^(\d{1,6}(y|mo|m|w|d|h))+$/.test(compact)) return undefined;

  const span = { years: 0, months: 0, days: 0, hours: 0 };
  for (const [, amount = "", unit] of compact.matchAll(/(\d+)(y|mo|m|w|d|h)/g)) {
    if (unit === "y") span.years += Number(amount);
    else if (unit === "mo" || unit === "m") span.months += Number(amount);
    else if (unit === "w") span.days += 7 * Number(amount);
    else if (unit === "d") span.days += Number(amount);
    else span.hours += Number(amount);
  }
  return span;
}

/** Writes a span as restic does: `1y6m`, `14d`. */
export function formatCalendarSpan({ years, months, days, hours }: CalendarSpan): string {
  const parts = [
    years > 0 ? `${years}y` : "",
    months > 0 ? `${months}m` : "",
    days > 0 ? `${days}d` : "",
    hours > 0 ? `${hours}h` : "",
  ];
  return parts.join("") || "0h";
}

/** A span of calendar time in a configuration. */
export const CalendarSpan = z
  .string({ error: `expected a span of time: ${howToWrite}` })
  .transform((text, context): CalendarSpan => {
    const span = parseCalendarSpan(text);
    if (span !== undefined && formatCalendarSpan(span) !== "0h") return span;
    context.addIssue({
      code: "custom",
      message: `"${text}" is not a span of time: ${howToWrite}`,
      input: text,
    });
    return z.NEVER;
  });
