// Knows: spans of calendar time as restic writes them. Must not know: what is counted back by one.
import * as z from "zod";

const howToWrite = "write years, months, days and hours, such as 14d, 1y6m or 36h";

/**
 * Reads a span such as `14d`, `1y6m` or `2y5m7d3h` in restic's notation: y years, m **months**,
 * d days, h hours, in any order; besides, w weeks and mo months. Undefined for any other text, and
 * for a span of nothing.
 */
export function parseCalendarSpan(text: string): CalendarSpan | undefined {
  const compact = text.replaceAll(/\s+/g, "").toLowerCase();
  // Five digits suffice for any span, and keep every sum a date that a Date can hold.
  if (!/^(\d{1,5}(y|mo|m|w|d|h))+$/.test(compact)) return undefined;

  const span = { years: 0, months: 0, days: 0, hours: 0 };
  for (const [, amount = "", unit] of compact.matchAll(/(\d+)(y|mo|m|w|d|h)/g)) {
    if (unit === "y") span.years += Number(amount);
    else if (unit === "mo" || unit === "m") span.months += Number(amount);
    else if (unit === "w") span.days += 7 * Number(amount);
    else if (unit === "d") span.days += Number(amount);
    else span.hours += Number(amount);
  }
  return formatCalendarSpan(span) === "" ? undefined : span;
}

/** Writes a span as restic does: `1y6m`, `14d`. */
export function formatCalendarSpan({ years, months, days, hours }: CalendarSpan): string {
  const parts = [
    years > 0 ? `${years}y` : "",
    months > 0 ? `${months}m` : "",
    days > 0 ? `${days}d` : "",
    hours > 0 ? `${hours}h` : "",
  ];
  return parts.join("");
}

/**
 * The moment one span before `time`, in milliseconds since 1970, in the process's local time.
 * As in restic, a day that its month does not have runs over into the next month: one month
 * before 31 March is 3 March.
 */
export function spanBefore(time: Date, span: CalendarSpan): number {
  const date = new Date(time);
  date.setFullYear(
    date.getFullYear() - span.years,
    date.getMonth() - span.months,
    date.getDate() - span.days,
  );
  return date.getTime() - span.hours * 3_600_000;
}

/** A span of calendar time in a configuration. A month is a month, whatever its length. */
export const CalendarSpan = z
  .string({ error: `expected a span of time: ${howToWrite}` })
  .transform((text, context) => {
    const span = parseCalendarSpan(text);
    if (span !== undefined) return span;
    context.addIssue({
      code: "custom",
      message: `"${text}" is not a span of time: ${howToWrite}`,
      input: text,
    });
    return z.NEVER;
  });
export interface CalendarSpan {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}
