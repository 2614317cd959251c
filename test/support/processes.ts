// Knows: the processes that were started for one user of a test, whoever started them. Must not know: what they do.
import { readdirSync, readFileSync } from "node:fs";
import { isLiving, processEntry } from "../../src/hosts/process-table.ts";

/** The processes with this home, whoever started them. */
export function processesOf(home: string): readonly number[] {
  const mark = `HOME=${home}\0`;
  return readdirSync("/proc")
    .map(Number)
    .filter(Number.isInteger)
    .filter((pid) => isLiving(processEntry(pid)) && readProc(pid, "environ").includes(mark));
}

/** The arguments of a process, with blanks between them; empty when it has ended. */
export function commandLine(pid: number): string {
  return readProc(pid, "cmdline").replaceAll("\0", " ");
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    // It has ended, or belongs to somebody else.
    return "";
  }
}

/** Kills everything of this user at once: nothing can put anything in order any more. */
export function killProcesses(home: string): void {
  for (let pids = processesOf(home); pids.length > 0; pids = processesOf(home)) {
    for (const pid of pids) killIfThere(pid);
  }
}

/** Kills one process, unless it has ended in the meantime. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has.
  }
}
