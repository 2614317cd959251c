// Knows: which snapshots stay, and why. Must not know: who keeps them, and how they are dropped.
import * as z from "zod";
import type { Snapshot } from "../kernel/snapshot.ts";
import { CalendarSpan } from "./calendar-span.ts";

const Count = z.union([z.int().min(1), z.literal("unlimited")], {
  error: 'expected a whole number from 1 on, or "unlimited"',
});

function newestOf(period: string, each: string) {
  return Count.optional().meta({
    description: `Keeps the newest snapshot of each of the last N ${period} that have one${each}.`,
    examples: [7, "unlimited"],
  });
}

function within(what: string) {
  return CalendarSpan.optional().meta({
    description: `Keeps ${what} made within this span before the newest snapshot: y years, m months (not minutes), w weeks, d days, h hours.`,
    examples: ["14d", "1y6m"],
  });
}

/**
 * Which snapshots stay. A snapshot stays when any one rule wants it; without rules all stay.
 * The rules are those of `restic forget`, in local time as there.
 */
export const Retention = z
  .strictObject({
    last: Count.optional().meta({
      description: "Keeps the newest N snapshots.",
      examples: [3, "unlimited"],
    }),
    hourly: newestOf("hours", ""),
    daily: newestOf("days", ""),
    weekly: newestOf("weeks", " (weeks begin on Monday)"),
    monthly: newestOf("months", ""),
    yearly: newestOf("years", ""),
    within: within("all snapshots"),
    "within-hourly": within("the newest snapshot of each hour"),
    "within-daily": within("the newest snapshot of each day"),
    "within-weekly": within("the newest snapshot of each week"),
    "within-monthly": within("the newest snapshot of each month"),
    "within-yearly": within("the newest snapshot of each year"),
    labels: z
      .array(z.string().min(1))
      .optional()
      .meta({
        description: "Keeps every snapshot that has one of these labels.",
        examples: [["pre-upgrade"]],
      }),
  })
  .meta({
    description:
      "Which snapshots stay. A snapshot stays when any one of the rules wants it; without rules all stay.",
    examples: [{ hourly: 24, daily: 7, weekly: 4, monthly: 6, yearly: 1 }],
  });
export type Retention = z.output<typeof Retention>;

/** What happens to one snapshot: kept for the given reasons, dropped when there are none. */
export interface Decision {
  readonly snapshot: Snapshot;
  readonly keep: readonly string[];
}

/** What a decision depends on, besides the snapshots' own times. */
export interface RetentionQuestion {
  readonly snapshots: readonly Snapshot[];
  /** Absent or without any rule: everything is kept. */
  readonly rules: Retention | undefined;
  readonly now: Date;
  /** Snapshots that stay whatever the rules say, by id, each with its reason. */
  readonly pinned?: ReadonlyMap<string, string>;
}

/** Decides which snapshots stay, newest first, and says why. */
export function decideRetention(question: RetentionQuestion): readonly Decision[] {
  return question.snapshots.map((snapshot) => ({ snapshot, keep: ["not decided yet"] }));
}
