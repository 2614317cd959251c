// Knows: where hours, days, weeks, months and years begin in local time. Must not know: what falls into them.

/** A stretch of the calendar of which retention keeps one snapshot. */
export type Period = "hourly" | "daily" | "weekly" | "monthly" | "yearly";

/**
 * When the period that holds `time` began, in milliseconds since 1970.
 *
 * Periods are those of the process's local time, as in `restic forget`; weeks begin on Monday
 * (ISO 8601). The hour that a clock repeats in autumn is one period, not two.
 */
export function startOfPeriod(period: Period, time: Date): number {
  const date = new Date(time);
  switch (period) {
    case "hourly":
      return date.setMinutes(0, 0, 0);
    case "daily":
      return date.setHours(0, 0, 0, 0);
    case "weekly":
      date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
      return date.setHours(0, 0, 0, 0);
    case "monthly":
      date.setDate(1);
      return date.setHours(0, 0, 0, 0);
    case "yearly":
      date.setMonth(0, 1);
      return date.setHours(0, 0, 0, 0);
  }
}
