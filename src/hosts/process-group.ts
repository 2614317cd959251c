// Knows: how a process and all it started are ended. Must not know: how it was started.
import { setTimeout as sleep } from "node:timers/promises";
import type { EndSignal } from "./host.ts";
import { groupLives } from "./process-table.ts";

// How long the kernel may take to clear away what has had SIGKILL.
const clearingMs = 2000;

/** How a process group is asked to end, and how long it has for it. */
export interface Ending {
  readonly signal: EndSignal;
  readonly graceMs: number;
}

/**
 * Ends a process group: asks it to now, and sends SIGKILL when something of it is left `graceMs` later.
 * Says whether nothing of it is left: even SIGKILL does not help against a process that waits for a
 * dead disk, or one of another user.
 */
export async function endGroup(leader: number, { signal, graceMs }: Ending): Promise<boolean> {
  sendToGroup(leader, signal);
  // A stopped process would sleep through the signal.
  sendToGroup(leader, "SIGCONT");
  if (await isGone(leader, graceMs)) return true;
  sendToGroup(leader, "SIGKILL");
  return await isGone(leader, clearingMs);
}

/** The groups that have not come to their end. */
const running = new Map<number, EndSignal>();

/**
 * Sees to it that a group gets its signal when this process exits before it, by `process.exit` or by a
 * bug. Disposing of it says that the group has come to its end. (What happens when this process is
 * killed: see `parent-death.ts`.)
 */
export function endWithThisProcess(leader: number, signal: EndSignal): Disposable {
  if (running.size === 0) process.on("exit", endRunning);
  running.set(leader, signal);
  return {
    [Symbol.dispose]: () => {
      running.delete(leader);
      if (running.size === 0) process.off("exit", endRunning);
    },
  };
}

function endRunning(): void {
  for (const [leader, signal] of running) sendToGroup(leader, signal);
}

async function isGone(leader: number, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 200)) {
    // The dead count as members until somebody asks for their exit status, which the first process
    // of a container often never does.
    if (!sendToGroup(leader, 0) || groupLives(leader) === false) return true;
    const leftMs = end - performance.now();
    if (leftMs <= 0) return false;
    await sleep(Math.min(pauseMs, leftMs));
  }
}

/** Whether there was still anything to send it to. */
function sendToGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  // Windows has no process groups that can be signalled; there only the process itself is ended.
  const target = process.platform === "win32" ? leader : -leader;
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    // EPERM: it is there, but belongs to another user by now (sudo).
    return !isErrno(error, "ESRCH");
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
