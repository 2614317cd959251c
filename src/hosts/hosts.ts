// Knows: the machines of a configuration, by name. Must not know: what they are used for.
import type { Finding } from "../kernel/finding.ts";
import type { Host } from "./host.ts";

/** Which addresses of hosts may be used now: where this machine is tells which of them can answer. */
export interface AddressChoice {
  /** Only addresses at one of these locations, or at none in particular. Empty: all. */
  readonly locations: readonly string[];
  /** No addresses at these locations. */
  readonly excluded: readonly string[];
}

/** Every address may be used. */
export const anywhere: AddressChoice = { locations: [], excluded: [] };

/** What a host's schema parses into. */
export interface HostSpec {
  /** Every location that one of its addresses names. */
  readonly locations: readonly string[];
  /** The names of configured hosts that it is reached through. */
  readonly jumps: readonly string[];
  open(access: HostAccess): OpenedHost;
}

export interface HostAccess {
  readonly name: string;
  /** This machine, which starts ssh. */
  readonly here: Host;
  readonly choice: AddressChoice;
  /** The other hosts, of which some may be jumped through. */
  readonly specs: ReadonlyMap<string, HostSpec>;
}

/** A host whose connection, if one was made, ends when it is disposed of. */
export interface OpenedHost extends AsyncDisposable {
  readonly host: Host;
  /** Says whether it can be used, and what mends it. Reads only. */
  examine(signal: AbortSignal): Promise<readonly Finding[]>;
}

/** All machines that jobs use. Connections are made when they are needed, one a host. */
export interface Hosts extends AsyncDisposable {
  /** This machine. */
  readonly here: Host;
  /** The configured host of this name; this machine when there is none. */
  get(name: string | undefined): Host;
  /** What is to be said of one of them. */
  examine(name: string, signal: AbortSignal): Promise<readonly Finding[]>;
}

/** Opens the hosts of a configuration. Nothing is connected yet. */
export function openHosts(options: {
  readonly here: Host;
  readonly specs: ReadonlyMap<string, HostSpec>;
  readonly choice: AddressChoice;
}): Hosts {
  const { here, specs, choice } = options;
  const opened = new Map<string, OpenedHost>();
  const openedHost = (name: string): OpenedHost => {
    const known = opened.get(name) ?? specs.get(name)?.open({ name, here, choice, specs });
    if (known === undefined) throw new Error(`host ${name} is not configured`);
    opened.set(name, known);
    return known;
  };
  return {
    here,
    get: (name) => (name === undefined ? here : openedHost(name).host),
    examine: async (name, signal) => await openedHost(name).examine(signal),
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...opened.values()].map(async (host) => await host[Symbol.asyncDispose]()),
      );
    },
  };
}
