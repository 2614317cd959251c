// Knows: how children end when this process is killed. Must not know: what they do.
import { readFileSync } from "node:fs";
import { findExecutable } from "./executable.ts";
import type { EndSignal } from "./host.ts";

/** What the shell calls itself where it cannot execute the program. */
export const shellName = "holdfast-start";

/** What is put before a command's argv. */
export interface ParentDeathPrefixes {
  readonly plain: readonly string[];
  /** The same, and it does not begin when this process is gone already. */
  readonly looking: readonly string[];
}

const nothing: ParentDeathPrefixes = { plain: [], looking: [] };

/**
 * What is put before a command's argv, so that the kernel sends it a signal when this process dies,
 * however it dies (prctl(2), PR_SET_PDEATHSIG): a restic that outlives `kill -9` would go on
 * holding its repository's lock. Empty where there is no such thing: only Linux has it, by
 * util-linux' setpriv from 2.33 on.
 *
 * A death before the kernel was asked goes unnoticed by it. What writes should therefore look once
 * more who its parent is, which takes a shell: two `restic init` in one place damage what they make.
 *
 * It reaches the command itself, not what that started in turn.
 */
export function parentDeathPrefixes(
  env: NodeJS.ProcessEnv,
  signal: EndSignal = "SIGTERM",
): ParentDeathPrefixes {
  if (process.platform !== "linux") return nothing;
  const setpriv = findExecutable("setpriv", env);
  if (setpriv.kind !== "found" || !knowsParentDeath(setpriv.path)) return nothing;
  const plain = [setpriv.path, "--pdeathsig", signal.slice("SIG".length), "--"];
  const look = `[ "$PPID" -eq ${process.pid} ] && exec "$@"`;
  return { plain, looking: [...plain, "/bin/sh", "-c", look, shellName] };
}

// Busybox has a setpriv without this option, under the same name. The option's name is in the
// program's file, and reading that is a hundred times cheaper than asking for its help.
function knowsParentDeath(path: string): boolean {
  try {
    return readFileSync(path).includes("pdeathsig");
  } catch {
    // It may be executed but not read: then nothing is known of it, and commands start without it.
    return false;
  }
}
