// Knows: how a service tells systemd how it is. Must not know: what the service does.
import type { Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";

/** What systemd wants to know of a service. Nothing happens when it did not start us. */
export interface ServiceState {
  ready(status: string): Promise<void>;
  status(text: string): Promise<void>;
  stopping(): Promise<void>;
  /** To be called more often than the watchdog's interval; also when there is no watchdog. */
  alive(): Promise<void>;
}

/**
 * Speaks to systemd through `systemd-notify`: Node has no datagram sockets of the unix kind. The unit
 * needs `NotifyAccess=all`. A systemd that cannot be reached is reported once and then left alone.
 */
export function serviceState(
  host: Host,
  env: NodeJS.ProcessEnv,
  say: (message: string) => void,
): ServiceState {
  let reachable = env["NOTIFY_SOCKET"] !== undefined;
  const watched = env["WATCHDOG_USEC"] !== undefined;
  const tell = async (...args: readonly string[]): Promise<void> => {
    if (!reachable) return;
    const argv = ["systemd-notify", ...args] as const;
    try {
      const ownTime = new AbortController().signal;
      await host.run({ argv, effect: "writes", timeoutMs: 5000 }, ownTime);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      reachable = false;
      say(`cannot tell systemd how this service is: ${error.message}`);
    }
  };
  return {
    ready: async (status) => await tell("--ready", `--status=${status}`),
    status: async (text) => await tell(`--status=${text}`),
    stopping: async () => await tell("STOPPING=1", "--status=ending"),
    alive: async () => {
      if (watched) await tell("WATCHDOG=1");
    },
  };
}
