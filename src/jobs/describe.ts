// Knows: how an outcome is put into words, in one place for terminal, notifications and logs.
import type { OutcomeKind } from "../journal/journal.ts";

/** One line for a person: the terminal and a notification's title show the same. */
export function describeOutcome(result: {
  readonly job: string;
  readonly outcome: OutcomeKind;
  readonly reason?: string;
}): string {
  const because = result.reason === undefined ? "" : `: ${result.reason}`;
  switch (result.outcome) {
    case "success":
      return `${result.job}: done`;
    case "warning":
      return `${result.job}: done, with warnings${because}`;
    case "skipped":
      return `${result.job}: skipped${because}`;
    case "failure":
      return `${result.job}: failed${because}`;
    case "cancelled":
      return `${result.job}: cancelled${because}`;
    case "interrupted":
      return `${result.job}: interrupted${because}`;
  }
}
