// Knows: how a way to a machine is written for ssh. Must not know: which way is taken, and what goes over it.
import type { HostSettings, Route } from "./settings.ts";

/** One machine on a way: what is said of it, under the name by which ssh is given it. */
export interface Stop {
  readonly route: Route;
  readonly settings?: HostSettings | undefined;
}

/** A way to a machine, from the first hop to the machine itself. */
export interface Way {
  readonly target: Stop;
  /** Absent: whatever ~/.ssh/config says. */
  readonly hops?: readonly (Stop | string)[];
}

/** A configuration for ssh, and what the machine is called in it. */
export interface SshConfig {
  readonly text: string;
  readonly destination: string;
  /** What the first machine on the way is called: the one that this machine itself connects to. */
  readonly firstStop: string;
}

/** Files that fill the gaps. */
export interface GapFillers {
  readonly files: readonly string[];
  readonly connectSeconds: number;
}

/**
 * The configuration for one way. ssh takes the first value that it finds for an option: so what is
 * said here comes first, then what the user has said in files of ssh, then what is left.
 */
export function sshConfig(way: Way, { files, connectSeconds }: GapFillers): SshConfig {
  const names = new Map<string, Stop>();
  const destination = nameFor(way.target, names);
  const hops = way.hops?.map((hop) => (typeof hop === "string" ? hop : nameFor(hop, names)));
  const blocks = [...names].map(([name, stop]) => {
    return block(name, stop, name === destination ? hops : undefined);
  });
  const general = [
    "Match all",
    "BatchMode yes",
    `ConnectTimeout ${connectSeconds}`,
    "ControlMaster no",
    "ControlPath none",
    "LogLevel INFO",
    ...files.map((file) => `Include ${quote(file)}`),
    "Match all",
    "ServerAliveInterval 15",
    "ServerAliveCountMax 3",
  ];
  const text = `${[...blocks.flat(), ...general].join("\n")}\n`;
  return { text, destination, firstStop: asUri(hops?.[0]) ?? destination };
}

/**
 * The name under which ssh looks up what ~/.ssh/config says of a machine: its address. When two machines of
 * one way have the same address, and so differ in their ports, the second one needs another.
 */
function nameFor(stop: Stop, names: Map<string, Stop>): string {
  const { host } = stop.route;
  // In a chain of jumps a colon would begin a port.
  const isFree = !names.has(host) && (names.size === 0 || !host.includes(":"));
  const name = isFree ? host : `holdfast-hop-${names.size}`;
  names.set(name, stop);
  return name;
}

function block(
  name: string,
  { route, settings }: Stop,
  hops: readonly string[] | undefined,
): readonly string[] {
  const { host, user, port, key } = route;
  const knownHosts = settings?.["known-hosts"];
  return [
    `Host ${name}`,
    ...(name === host ? [] : [`HostName ${percent(host)}`]),
    ...(user === undefined ? [] : [`User ${user}`]),
    ...(port === undefined ? [] : [`Port ${port}`]),
    ...(hops === undefined ? [] : [`ProxyJump ${hops.length === 0 ? "none" : hops.join(",")}`]),
    ...Object.entries(settings?.options ?? {}).map(
      ([option, value]) => `${option} ${inWords(value)}`,
    ),
    ...(key === undefined ? [] : [`IdentityFile ${quote(percent(key))}`, "IdentitiesOnly yes"]),
    ...(knownHosts === undefined ? [] : [`UserKnownHostsFile ${quote(percent(knownHosts))}`]),
  ];
}

function inWords(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

function quote(text: string): string {
  return `"${text}"`;
}

/** A percent sign would begin one of ssh's tokens. */
function percent(text: string): string {
  return text.replaceAll("%", "%%");
}

/** The configuration for everything that uses a connection: nothing in it could make another one. */
export function clientConfig(socket: string): string {
  return `${[
    "Host *",
    "BatchMode yes",
    "ControlMaster no",
    `ControlPath ${socket}`,
    "ProxyCommand false",
    "RequestTTY no",
    "LogLevel INFO",
  ].join("\n")}\n`;
}

/** ProxyJump takes USER@HOST:PORT; as a destination of ssh the same is written as a URI. */
function asUri(hop: string | undefined): string | undefined {
  return hop !== undefined && /[@:]/.test(hop) ? `ssh://${hop}` : hop;
}
