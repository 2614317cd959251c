// Knows: that what could not even be run must not be tried again at once. Must not know: what it was.

const minuteMs = 60_000;
const longestMs = 10 * minuteMs;

/**
 * Jobs that are held back for a while because running them broke off in a way that left no trace to
 * count retries by.
 */
export interface BackOff {
  /** Holds a job back from now on: a minute at first, then twice as long each time, up to ten. */
  brokeOff(name: string, now: Date): void;
  ended(name: string): void;
  /** Until when a job is held back; undefined when it is not. */
  until(name: string, now: Date): Date | undefined;
}

/** A back-off that holds nobody. */
export function newBackOff(): BackOff {
  const held = new Map<string, { readonly since: Date; readonly ms: number }>();
  return {
    brokeOff(name, now) {
      const before = held.get(name)?.ms ?? minuteMs / 2;
      held.set(name, { since: now, ms: Math.min(2 * before, longestMs) });
    },
    ended: (name) => void held.delete(name),
    until(name, now) {
      const hold = held.get(name);
      // A clock that was set back does not make it longer.
      if (hold === undefined || hold.since > now) return undefined;
      const end = new Date(hold.since.getTime() + hold.ms);
      return end > now ? end : undefined;
    },
  };
}
