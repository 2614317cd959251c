// Knows: how the daemon puts things into words for a log. Must not know: where the log is.
import { HoldfastError } from "../kernel/errors.ts";

/** What went wrong: the sentence of a failure with its hint, or the whole stack of a bug. */
export function inWords(error: unknown): string {
  if (!(error instanceof HoldfastError)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `this is a bug: ${stack}`;
  }
  return error.hint === undefined ? error.message : `${error.message}\nhint: ${error.hint}`;
}

/** "1 job", "2 jobs". */
export function counted(amount: number, word: string): string {
  return `${amount} ${word}${amount === 1 ? "" : "s"}`;
}
