// Knows: when something that failed is tried again. Must not know: what failed.

const minute = 60_000;

/** What a job waits after its first, second, … failure, in milliseconds. After the last it gives up. */
export const defaultRetryMs: readonly number[] = [1, 2, 5, 10, 20, 30, 60].map(
  (minutes) => minutes * minute,
);

/**
 * When to try again after so many failures in a row (1 or more), the last of which ended at
 * `lastFailed`. Undefined when the delays are used up. Delays are in milliseconds.
 */
export function retryAt(
  delays: readonly number[],
  failures: number,
  lastFailed: Date,
): Date | undefined {
  const delay = delays[failures - 1];
  return delay === undefined ? undefined : new Date(lastFailed.getTime() + delay);
}
