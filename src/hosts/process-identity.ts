// Knows: which process is meant by a number, across reuse, restarts and containers. Must not know: why it matters.
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { isLiving, processEntry, type ProcessEntry } from "./process-table.ts";

/** One process and no other, ever. Plain JSON. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Linux: a number that is drawn at each start of the machine. */
  readonly bootId?: string;
  /** Linux: which numbering of processes `pid` belongs to. A container has its own. */
  readonly pidNamespace?: string;
  /** Linux: when it started, in hundredths of a second since the machine did. */
  readonly startTicks?: number;
}

/** Proven to be there, proven to be gone, or neither. */
export type Liveness = "alive" | "dead" | "unknown";

/** The identity of this process. */
export function thisProcess(): ProcessIdentity {
  const bootId = read(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const pidNamespace = read(() => readlinkSync("/proc/self/ns/pid"));
  const startTicks = processEntry(process.pid)?.startTicks;
  return {
    host: hostname(),
    pid: process.pid,
    ...(bootId === undefined ? {} : { bootId }),
    ...(pidNamespace === undefined ? {} : { pidNamespace }),
    ...(startTicks === undefined ? {} : { startTicks }),
  };
}

/**
 * Whether a process still lives. "dead" is a proof: the machine has started again since, there is no
 * such process, or its number now belongs to one that started at another time. What happens on
 * another machine, or in another container, cannot be seen from here: "unknown".
 */
export function isAlive(identity: ProcessIdentity): Liveness {
  const here = thisProcess();
  if (identity.host !== here.host) return "unknown";
  if (identity.bootId !== here.bootId) {
    return identity.bootId === undefined || here.bootId === undefined ? "unknown" : "dead";
  }
  if (identity.pidNamespace !== here.pidNamespace) return "unknown";
  return judge(
    identity.pid,
    ({ startTicks }) => startTicks === (identity.startTicks ?? startTicks),
  );
}

/**
 * Whether the process that had this number on this machine at that time still lives: for records of
 * other tools, such as the locks of restic, which know no more than that. "dead" is proven by there
 * being no such process, or one that started later. Sound as long as the clock was not set forward
 * in between.
 */
export function isAliveSince(pid: number, time: Date): Liveness {
  const upSeconds = read(() => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]));
  return judge(pid, ({ startTicks }) => {
    if (upSeconds === undefined) return true;
    const started = Date.now() - (upSeconds - startTicks / ticksPerSecond) * 1000;
    return started <= time.getTime() + clockSlackMs;
  });
}

// USER_HZ: 100 on every architecture that Node runs on (proc(5), sysconf(_SC_CLK_TCK)).
const ticksPerSecond = 100;
// Clocks are adjusted a little all the time. A number is hardly used again within seconds, and if
// so, the error is on the safe side.
const clockSlackMs = 5000;

function judge(pid: number, isTheOne: (entry: ProcessEntry) => boolean): Liveness {
  if (!answersSignals(pid)) return "dead";
  const entry = processEntry(pid);
  // A process of another user may be hidden (the mount option `hidepid`); elsewhere there is no
  // /proc, and a process that answers is all there is to know.
  if (entry === undefined) return process.platform === "linux" ? "unknown" : "alive";
  return isLiving(entry) && isTheOne(entry) ? "alive" : "dead";
}

/**
 * Whether some process has this number now, be it a dead one that nobody has asked for its exit
 * status yet.
 */
export function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and belongs to somebody else.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Undefined where the system has no such file. */
function read<T>(reading: () => T): T | undefined {
  try {
    return reading();
  } catch {
    // Not Linux, or no /proc here: an identity is then only as good as a number.
    return undefined;
  }
}
