// Knows: how to sleep until something may have to be done. Must not know: what.
import { onAbort } from "../hosts/interruption.ts";

/** An alarm clock that can also be woken from outside. */
export interface Waker {
  /** Resolves after so many milliseconds or earlier, and as soon as `wake` is called or the signal aborts. */
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
      if (!pending && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        // The signal lives as long as the daemon: a listener left for each minute would be a leak.
        using _ = onAbort(signal, resolve);
        const timer = setTimeout(resolve, Math.min(milliseconds, longestSleepMs));
        ring = resolve;
        await promise;
        ring = undefined;
        clearTimeout(timer);
      }
      pending = false;
    },
    wake() {
      pending = true;
      ring?.();
    },
  };
}
