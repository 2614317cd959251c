// Knows: how a changed configuration is noticed. Must not know: what is in it.
import { watch, type FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";

/** Tells one state of a file from another: changes with every edit, also one by rename. */
export async function fingerprint(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Calls back soon after a file may have changed. Only quickens the look that is taken every minute
 * anyway, so that a system that cannot watch (no inotify left) is no failure.
 */
export function watchFile(file: string, changed: () => void): Disposable {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(file), (_, name) => {
      if (name === null || name === basename(file)) changed();
    });
    watcher.on("error", () => watcher?.close());
    watcher.unref();
  } catch {
    watcher = undefined; // The look every minute finds the change as well.
  }
  return { [Symbol.dispose]: () => watcher?.close() };
}
