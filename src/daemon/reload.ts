// Knows: how a changed configuration is noticed and taken up. Must not know: what is in it.
import { watch, type FSWatcher } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Program } from "../jobs/program.ts";
import { counted, inWords } from "./words.ts";
import type { DaemonOptions } from "./daemon.ts";

/** An editor writes a file in several goes; this long after the last it is whole. */
const settlingMs = 250;

/** Tells one state of a file from another: changes with every edit, also one by rename. */
export async function fingerprint(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
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
  let settling: NodeJS.Timeout | undefined;
  const notice = (name: string | null): void => {
    if (name !== null && name !== basename(file)) return;
    clearTimeout(settling);
    settling = setTimeout(changed, settlingMs).unref();
  };
  try {
    watcher = watch(dirname(file), (_, name) => notice(name));
    watcher.on("error", () => watcher?.close());
    watcher.unref();
  } catch {
    watcher = undefined; // The look every minute finds the change as well.
  }
  return {
    [Symbol.dispose]: () => {
      clearTimeout(settling);
      watcher?.close();
    },
  };
}

/**
 * Loads the configuration again whenever its file has changed. One that cannot be used is said, once
 * for each state of the file, and the old one stays in use.
 */
export function newReloader(
  { load, say }: Pick<DaemonOptions, "load" | "say">,
  first: string,
): (program: Program) => Promise<Program> {
  let seen = first;
  return async (program) => {
    const { file, state } = program.config;
    const now = await fingerprint(file);
    if (now === seen) return program;
    seen = now;
    try {
      const renewed = await load(program);
      say("info", `read ${file} again: ${counted(renewed.config.jobs.size, "job")}`);
      if (renewed.config.state !== state) {
        say("warning", `\`state\` has changed: it counts from the next start of the daemon on`);
      }
      return renewed;
    } catch (error) {
      say("error", `keeping the configuration as it was: ${inWords(error)}`);
      return program;
    }
  };
}
