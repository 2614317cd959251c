// Knows: how to sleep until something may have to be done. Must not know: what.

/** An alarm clock that can also be woken from outside. */
export interface Waker {
  /** Resolves after so many milliseconds, or as soon as `wake` is called or the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  readonly wake: () => void;
}

/**
 * Longest time without a look at the clock. Timers stand still while a machine sleeps and do not
 * notice when its clock is set, so the time is looked up again at least this often.
 */
export const longestSleepMs = 60_000;

/** The waker of a real daemon. A wake between two sleeps is not lost. */
export function newWaker(): Waker {
  let pending = false;
  let ring: (() => void) | undefined;
  return {
    async sleep(milliseconds, signal) {
      if (pending || signal.aborted) {
        pending = false;
        return;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(milliseconds, longestSleepMs));
      signal.addEventListener("abort", () => resolve(), { once: true });
      ring = resolve;
      await promise;
      clearTimeout(timer);
      ring = undefined;
      pending = false;
    },
    wake() {
      pending = true;
      ring?.();
    },
  };
}
