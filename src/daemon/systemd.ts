// Knows: how a service tells systemd how it is. Must not know: what the service does.
import type { Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";

/** What systemd wants to know of a service. Nothing happens when it did not start us. */
export interface ServiceState {
  /** The longest that may pass from one `alive` to the next, in milliseconds; without a watchdog for ever. */
  readonly aliveWithinMs: number;
  ready(status: string): Promise<void>;
  /** Says that the service works, and what it is doing when that has changed. */
  alive(status: string): Promise<void>;
  stopping(): Promise<void>;
}

/** sd_notify(3): how a service finds systemd, and whether systemd watches it. */
const variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/**
 * Takes what systemd told us out of an environment and answers with a copy that still has it. What we
 * start must not speak for us: podman in a hook, say, would call its container our main process.
 */
export function takeServiceEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const copy = { ...env };
  for (const name of variables) delete env[name];
  return copy;
}

/**
 * Speaks to systemd through `systemd-notify`: Node has no datagram sockets of the unix kind. The unit
 * needs `NotifyAccess=all`. `host` runs commands with `env`. A systemd that cannot be reached is
 * reported once, and spoken to all the same: one that hears nothing may end us.
 */
export function serviceState(
  host: Host,
  env: NodeJS.ProcessEnv,
  say: (message: string) => void,
): ServiceState {
  const watchdogMs = watchdogOf(env);
  let reachable = true;
  let saidStatus = "";
  let saidAt = -Infinity;

  const tell = async (...args: readonly string[]): Promise<void> => {
    if (env["NOTIFY_SOCKET"] === undefined) return;
    saidAt = performance.now();
    const argv = ["systemd-notify", ...args] as const;
    try {
      const ownTime = new AbortController().signal;
      await host.run({ argv, effect: "writes", timeoutMs: 5000 }, ownTime);
      reachable = true;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      if (reachable) say(`cannot tell systemd how this service is: ${error.message}`);
      reachable = false;
    }
  };
  const withStatus = (status: string): readonly string[] => {
    if (status === saidStatus) return [];
    saidStatus = status;
    return [`--status=${status}`];
  };
  return {
    aliveWithinMs: watchdogMs / 2,
    ready: async (status) => await tell("--ready", ...withStatus(status)),
    async alive(status) {
      // Not at each of many looks in a row: every word is a process.
      const isTime = performance.now() - saidAt > watchdogMs / 4;
      const words = [...withStatus(status), ...(isTime ? ["WATCHDOG=1"] : [])];
      if (words.length > 0) await tell(...words);
    },
    stopping: async () => await tell("STOPPING=1", ...withStatus("ending")),
  };
}

function watchdogOf(env: NodeJS.ProcessEnv): number {
  const { WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid } = env;
  const isOurs = pid === undefined || Number(pid) === process.pid;
  const ms = Number(microseconds) / 1000;
  return isOurs && ms > 0 ? ms : Infinity;
}
