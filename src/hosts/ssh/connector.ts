// Knows: which way to a machine is taken, and how long its connection is kept. Must not know: what it is for.
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Host } from "../host.ts";
import type { AddressChoice } from "../hosts.ts";
import { interruption } from "../interruption.ts";
import { type KnownHosts, waysTo } from "./address-choice.ts";
import { type Connection, connect } from "./connection.ts";
import { answers, endpointOf, NoAnswer } from "./probe.ts";
import type { HostSettings } from "./settings.ts";
import { sshConfig, type SshConfig, type Way } from "./ssh-config.ts";
import { type Attempt, HostUnreachable, unreachable } from "./unreachable.ts";

/** What a connection needs to know. */
export interface Reaching {
  readonly name: string;
  readonly here: Host;
  readonly settings: HostSettings;
  readonly choice: AddressChoice;
  readonly known: KnownHosts;
  readonly graceMs: number;
}

/** One way, ready to be taken. */
interface Candidate {
  readonly way: Way;
  readonly config: SshConfig;
  readonly attempt: Attempt;
}

// Logging in needs no network that is faster than this, but perhaps a server that wakes its disks.
const loginMs = 20_000;

/**
 * Makes one connection. All addresses are asked whether they answer, at the same time, and only the first that
 * does is connected to; when that fails, the next one. A single address is connected to at once.
 * Throws `host-unreachable`, `interrupted`.
 */
export async function reachOne(reaching: Reaching, signal: AbortSignal): Promise<Connection> {
  const { settings, choice, known, name } = reaching;
  const ways = waysTo(settings, choice, known);
  const candidates = ways.map((way) => candidateOf(way, reaching));
  const [only] = candidates;
  if (only === undefined) throw excluded(name, settings, choice);
  if (candidates.length === 1) return await take(only, reaching, signal);

  const subject = `connecting to host "${name}"`;
  const failures: HostUnreachable[] = [];
  const ended = new AbortController();
  using stack = new DisposableStack();
  stack.defer(() => ended.abort());
  const race = new Race(candidates, reaching, AbortSignal.any([signal, ended.signal]));
  for await (const candidate of race.inOrder(failures)) {
    if (signal.aborted) throw interruption(signal, subject);
    const taken = await take(candidate, reaching, signal).catch(asUnreachable);
    if (!(taken instanceof HostUnreachable)) return taken;
    failures.push(taken);
  }
  if (signal.aborted) throw interruption(signal, subject);
  throw allFailed(name, failures);
}

function asUnreachable(error: unknown): HostUnreachable {
  if (error instanceof HostUnreachable) return error;
  throw error;
}

function candidateOf(way: Way, { name, settings }: Reaching): Candidate {
  const { route, settings: said } = way.target;
  const connectSeconds = Math.ceil(settings["connect-timeout"] / 1000);
  // A home that ssh cannot be told of in words of its configuration is not where anybody lives.
  const home = isSayable(homedir()) ? homedir() : userInfo().homedir;
  const files = [join(home, ".ssh", "config"), "/etc/ssh/ssh_config"].filter(isSayable);
  const hops = way.hops?.map((hop) => (typeof hop === "string" ? hop : typedStop(hop.route)));
  const typed = [
    "ssh",
    ...(route.port === undefined ? [] : ["-p", String(route.port)]),
    ...(route.key === undefined ? [] : ["-i", route.key]),
    ...(hops === undefined || hops.length === 0 ? [] : ["-J", hops.join(",")]),
    route.user === undefined ? route.host : `${route.user}@${route.host}`,
  ];
  return {
    way,
    config: sshConfig(way, { files, connectSeconds }),
    attempt: {
      name,
      host: route.host,
      port: route.port,
      user: route.user,
      key: route.key,
      knownHosts: said?.["known-hosts"],
      typed,
    },
  };
}

/** Include takes a pattern in quotes, with variables. */
function isSayable(path: string): boolean {
  return !/["\\*?[\]$\p{Cc}]/u.test(path);
}

function typedStop({ host, user, port }: Way["target"]["route"]): string {
  const at = user === undefined ? host : `${user}@${host}`;
  return port === undefined ? at : `${at}:${port}`;
}

/** How a person reaches the machine by its first address. */
export function typedWords(reaching: Reaching): readonly string[] {
  const [way] = waysTo(reaching.settings, reaching.choice, reaching.known);
  return way === undefined ? ["ssh", reaching.name] : candidateOf(way, reaching).attempt.typed;
}

async function take(
  { way, config, attempt }: Candidate,
  { here, settings, graceMs }: Reaching,
  signal: AbortSignal,
): Promise<Connection> {
  const stops = 1 + (way.hops?.length ?? 0);
  const readyMs = settings["connect-timeout"] * stops + loginMs;
  return await connect({ here, config, attempt, readyMs, graceMs }, signal);
}

function excluded(name: string, settings: HostSettings, choice: AddressChoice): HostUnreachable {
  const locations = settings.addresses.flatMap((address) => {
    return typeof address === "string" ? [] : (address.location ?? []);
  });
  const all = [...new Set([...locations, ...(settings.location ?? [])])];
  const wanted = [
    ...(choice.locations.length === 0 ? [] : [`only ${choice.locations.join(", ")}`]),
    ...(choice.excluded.length === 0 ? [] : [`not ${choice.excluded.join(", ")}`]),
  ];
  return new HostUnreachable(
    `host "${name}" has no address at the chosen locations: it is at ${all.join(", ")}, and ${wanted.join(" and ")} was chosen`,
    {},
    { code: "location-excluded", severity: "away" },
  );
}

function allFailed(name: string, failures: readonly HostUnreachable[]): HostUnreachable {
  const [first = new HostUnreachable(`host "${name}" cannot be reached`, {}, away)] = failures;
  const worst = failures.find(({ finding }) => finding.severity === "error") ?? first;
  const others = failures.filter((failure) => failure !== worst).map(({ message }) => message);
  return new HostUnreachable(
    [worst.message, ...others].join("; "),
    { ...(worst.hint === undefined ? {} : { hint: worst.hint }), cause: worst },
    worst.finding,
  );
}

const away = { code: "host-unreachable", severity: "away" } as const;

/** Asks several addresses at once. */
class Race {
  readonly #candidates: readonly Candidate[];
  readonly #reaching: Reaching;
  readonly #signal: AbortSignal;

  constructor(candidates: readonly Candidate[], reaching: Reaching, signal: AbortSignal) {
    this.#candidates = candidates;
    this.#reaching = reaching;
    this.#signal = signal;
  }

  /** Those that answer, as they do; at the end those that cannot be asked. */
  async *inOrder(failures: HostUnreachable[]): AsyncGenerator<Candidate> {
    const unasked: Candidate[] = [];
    const waiting = new Map(
      this.#candidates.map((candidate, index) => [
        index,
        this.#ask(candidate).then((verdict) => ({ index, candidate, verdict })),
      ]),
    );
    while (waiting.size > 0) {
      const { index, candidate, verdict } = await Promise.race(waiting.values());
      waiting.delete(index);
      if (verdict === "answers") yield candidate;
      else if (verdict === "unasked") unasked.push(candidate);
      else failures.push(verdict);
    }
    yield* unasked;
  }

  async #ask(candidate: Candidate): Promise<"answers" | "unasked" | HostUnreachable> {
    const { here, settings } = this.#reaching;
    const { config, attempt } = candidate;
    try {
      // What ~/.ssh/config says of it, ssh knows best.
      const { stdout } = await here.run(
        {
          argv: ["ssh", "-G", "-F", "/dev/stdin", "--", config.firstStop],
          stdin: config.text,
          effect: "reads",
        },
        this.#signal,
      );
      const endpoint = endpointOf(stdout);
      if (endpoint === undefined) return "unasked";
      const patience = AbortSignal.timeout(settings["connect-timeout"]);
      await answers(endpoint, AbortSignal.any([patience, this.#signal]));
      return "answers";
    } catch (error) {
      if (error instanceof NoAnswer) return unreachable(attempt, error.message);
      // ssh itself will say what is wrong with its configuration.
      if (error instanceof HoldfastError) return "unasked";
      throw error;
    }
  }
}
