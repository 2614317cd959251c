// Knows: what Linux tells about processes in /proc. Must not know: why anyone asks.
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** One process, as proc(5) describes it in `/proc/PID/stat`. */
export interface ProcessEntry {
  /** `Z` and `X` are dead: nobody has asked for their exit status yet. */
  readonly state: string;
  readonly group: number;
  /** What the kernel notes of it (PF_… in include/linux/sched.h). */
  readonly flags: number;
  /** When it started, in hundredths of a second since the machine did. */
  readonly startTicks: number;
}

/** Looks up one process. Undefined: there is none to be seen, or no `/proc` to be trusted. */
export function processEntry(pid: number): ProcessEntry | undefined {
  try {
    // In a container that was given the machine's /proc, the numbers there are not ours.
    if (readlinkSync("/proc/self") !== String(process.pid)) return undefined;
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    // It may also end between the opening and the reading (ESRCH): gone as well.
    return undefined;
  }
}

/** Reads one line of `/proc/PID/stat`. */
export function parseStat(line: string): ProcessEntry | undefined {
  // The program's name is in parentheses and may hold spaces, parentheses and line feeds itself.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, , group] = fields;
  const flags = fields[6];
  const startTicks = fields[19];
  if (state === undefined || group === undefined || startTicks === undefined) return undefined;
  return { state, group: Number(group), flags: Number(flags), startTicks: Number(startTicks) };
}

/** Whether it still does anything, or could. */
export function isLiving(entry: ProcessEntry | undefined): boolean {
  return entry !== undefined && entry.state !== "Z" && entry.state !== "X";
}

// PF_EXITING (include/linux/sched.h): set before a process closes its files, and so long before its parent is told.
const exiting = 0x4;

/** What the standard output of a process is. Undefined where that cannot be seen. */
export function standardOutputOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/1`);
  } catch (error) {
    const isClosed = error instanceof Error && "code" in error && error.code === "ENOENT";
    // Any other error: it belongs to somebody else. Without a /proc there is no entry either.
    return isClosed && processEntry(pid) !== undefined ? "closed" : undefined;
  }
}

/** Whether it writes no more to what its standard output once was. False where that cannot be seen. */
export function hasLeftOutput(pid: number, output: string): boolean {
  const entry = processEntry(pid);
  if (entry === undefined) return false;
  if (!isLiving(entry) || (entry.flags & exiting) !== 0) return true;
  // It may have been quicker than whoever asked what it was.
  return output === "closed" || (standardOutputOf(pid) ?? output) !== output;
}

/** Whether a process group has a living member. Undefined where there is no `/proc` to tell. */
export function groupLives(leader: number): boolean | undefined {
  if (processEntry(process.pid) === undefined) return undefined;
  if (isLiving(processEntry(leader))) return true;
  return readdirSync("/proc")
    .map(Number)
    .filter(Number.isInteger)
    .map(processEntry)
    .some((entry) => entry?.group === leader && isLiving(entry));
}
