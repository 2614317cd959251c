// Knows: how to sleep until something may have to be done. Must not know: what.
import { existsSync, watch, type FSWatcher } from "node:fs";
import { onAbort } from "../hosts/interruption.ts";

/** An alarm clock that can also be woken from outside. */
export interface Waker {
  /** Resolves after so many milliseconds or earlier, and as soon as `wake` is called or the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  readonly wake: () => void;
  /**
   * From now on also wakes a little after something has come or gone in one of these folders, and in no
   * others. A folder that is not there is not watched.
   */
  readonly watch?: (folders: ReadonlySet<string>) => void;
}

/**
 * Longest time without a look at the clock. Timers stand still while a machine sleeps and do not
 * notice when its clock is set, so the time is looked up again at least this often.
 */
export const longestSleepMs = 60_000;

/** So long it takes until a drive that was plugged in is ready: its parts appear one after the other. */
const settleMs = 2000;

/** The waker of a real daemon. A wake between two sleeps is not lost. */
export function newWaker(): Waker {
  let pending = false;
  let ring: (() => void) | undefined;
  const wake = (): void => {
    pending = true;
    ring?.();
  };
  return {
    watch: watchFolders(wake),
    wake,
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
  };
}

function watchFolders(wake: () => void): (folders: ReadonlySet<string>) => void {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(wake, settleMs);
    timer.unref();
  };
  const forget = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  return (folders) => {
    for (const folder of watchers.keys()) if (!folders.has(folder)) forget(folder);
    for (const folder of folders) {
      if (watchers.has(folder) || !existsSync(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, changed);
        watchers.set(folder, watcher);
        watcher.on("error", () => forget(folder));
      } catch {
        // Gone in between, or no watches are left: the clock is looked at every minute anyway.
      }
    }
  };
}
