// Knows: how nbkp's endpoints become hosts, each with all its addresses. Must not know: what is on them.
import { AnyHost } from "../../../hosts/ssh/index.ts";
import type { Entry, Imported } from "../imported.ts";
import type { Section } from "../section.ts";

/** What is said of one endpoint, with what it takes from the one that it extends. */
interface Endpoint {
  readonly address: Entry;
  readonly jumps: readonly string[];
  /** What Holdfast says of a host as a whole. */
  readonly common: Entry;
}

/** The endpoints of a configuration, which become hosts when a volume uses them. */
export class Hosts {
  readonly #endpoints: ReadonlyMap<string, Section>;
  readonly #imported: Imported;
  /** The hosts that were made, by their endpoints. */
  readonly #made = new Map<string, string>();
  readonly #used = new Map<string, string>();

  constructor(endpoints: ReadonlyMap<string, Section>, imported: Imported) {
    this.#endpoints = endpoints;
    this.#imported = imported;
  }

  has(slug: string): boolean {
    return this.#endpoints.has(slug);
  }

  /** The host that is reached by these endpoints, the first of which is its own. */
  hostOf(slugs: readonly string[]): string {
    const key = slugs.join(" ");
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const endpoints = slugs.map((slug) => this.#endpoint(slug, []));
    const name = this.#imported.add("hosts", slugs[0] ?? "host", {});
    this.#made.set(key, name);
    for (const slug of slugs) if (!this.#used.has(slug)) this.#used.set(slug, name);
    const addresses = endpoints.map(({ address, jumps }) => ({
      ...address,
      jump: jumps.length === 0 ? undefined : jumps.map((jump) => this.#jumpHost(jump)),
    }));
    this.#imported.change("hosts", name, { addresses, ...endpoints[0]?.common });
    const first = JSON.stringify(endpoints[0]?.common);
    for (const [index, slug] of slugs.entries()) {
      this.#judge(slug, name, JSON.stringify(endpoints[index]?.common) === first);
    }
    return name;
  }

  /** What no volume uses is left out, and that is said. */
  judgeUnused(): void {
    for (const [slug, section] of this.#endpoints) {
      if (this.#used.has(slug)) continue;
      section.report.judge(section.path, "unneeded", { message: "no volume uses it" });
    }
  }

  #jumpHost(slug: string): string {
    return this.#used.get(slug) ?? this.hostOf([slug]);
  }

  #endpoint(slug: string, below: readonly string[]): Endpoint {
    const section = this.#endpoints.get(slug);
    if (section === undefined) return { address: {}, jumps: [], common: {} };
    const above = section.text("extends");
    if (above !== undefined && !this.#endpoints.has(above)) {
      section.report.problem(section.at("extends"), "there is no endpoint of this name");
    }
    if (above !== undefined && [...below, slug].includes(above)) {
      section.report.problem(section.at("extends"), "endpoints extend each other in a circle");
      return { address: {}, jumps: [], common: {} };
    }
    const parent = above === undefined ? undefined : this.#endpoint(above, [...below, slug]);
    return endpointOf(section, parent, (name) => this.#checkJump(section, name, slug));
  }

  #checkJump(section: Section, name: string, slug: string): void {
    const key = section.has("proxy-jumps") ? "proxy-jumps" : "proxy-jump";
    if (!this.#endpoints.has(name)) {
      section.report.problem(section.at(key), "there is no endpoint of this name");
    } else if (name === slug)
      section.report.problem(section.at(key), "it cannot be reached through itself");
  }

  /** Options are of a host as a whole: those of its first endpoint. */
  #judge(slug: string, host: string, sameOptions: boolean): void {
    const section = this.#endpoints.get(slug);
    if (section === undefined) return;
    const to = `hosts.${host}.addresses`;
    section.judgeAll(ofAddresses, "mapped", { to });
    if (sameOptions) {
      section.judge("connect-timeout", "mapped", { to: `hosts.${host}.connect-timeout` });
      judgeOptions(section, `hosts.${host}`);
      return;
    }
    section.judgeAll(["connect-timeout", "connection-options"], "unmapped", {
      message: `options hold for all addresses of a host, and here for those of "${host}": write them for this address into ~/.ssh/config`,
    });
  }
}

const ofAddresses = [
  "host",
  "port",
  "user",
  "key",
  "proxy-jump",
  "proxy-jumps",
  "location",
  "locations",
  "extends",
];

function endpointOf(
  section: Section,
  parent: Endpoint | undefined,
  checkJump: (name: string) => void,
): Endpoint {
  if (parent === undefined) section.needed("host");
  const jumps = section.texts("proxy-jumps") ?? section.texts("proxy-jump");
  for (const jump of jumps ?? []) checkJump(jump);
  const saysOptions = section.has("connection-options") || section.has("connect-timeout");
  return {
    address: { ...parent?.address, ...withoutGaps(addressOf(section)) },
    jumps: jumps ?? parent?.jumps ?? [],
    common: parent === undefined || saysOptions ? withoutGaps(commonOf(section)) : parent.common,
  };
}

function addressOf(section: Section): Entry {
  const locations = section.texts("locations") ?? section.texts("location");
  return {
    host: section.text("host"),
    port: section.count("port", 1),
    user: section.text("user"),
    key: section.text("key"),
    location: locations?.length === 1 ? locations[0] : locations,
  };
}

function withoutGaps(entry: Entry): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
}

/** What `connection-options` say, in Holdfast's words: a map, or in the first generation a list of `KEY=VALUE`. */
function commonOf(section: Section): Entry {
  const given = mapOfOptions(section);
  const timeout = section.number("connect-timeout") ?? given?.number("connect-timeout");
  const ssh = { ...sshOptions(section), ...sayings(given) };
  return {
    "connect-timeout": timeout === undefined ? undefined : `${Math.max(1, Math.round(timeout))}s`,
    "known-hosts": ssh["UserKnownHostsFile"] ?? given?.text("known-hosts-file"),
    options: withoutKey(ssh, "UserKnownHostsFile"),
  };
}

function mapOfOptions(section: Section): Section | undefined {
  const isList = Array.isArray(section.raw("connection-options"));
  return isList ? undefined : section.section("connection-options");
}

/** What differs from the defaults, in the words of ssh. */
function sayings(given: Section | undefined): Readonly<Record<string, unknown>> {
  return withoutGaps({
    Compression: given?.flag("compress") || undefined,
    ForwardAgent: given?.flag("forward-agent") || undefined,
    StrictHostKeyChecking: given?.flag("strict-host-key-checking") === false ? false : undefined,
    ServerAliveInterval: given?.count("server-alive-interval"),
  });
}

function withoutKey(options: Readonly<Record<string, unknown>>, key: string): Entry | undefined {
  const left = Object.entries(options).filter(([name]) => name !== key);
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

/** Options in ssh's own words, as far as a host may have them. */
function sshOptions(section: Section): Record<string, unknown> {
  return Object.fromEntries(
    pairsIn(section)
      .filter(([name, value]) => name === "UserKnownHostsFile" || isAllowed(name, value))
      .map(([name, value]) => [name, value]),
  );
}

function pairsIn(section: Section): readonly (readonly [string, unknown])[] {
  const raw = section.raw("connection-options");
  if (Array.isArray(raw)) {
    return (section.texts("connection-options") ?? []).flatMap((text) => {
      const [, name, value] = /^\s*([A-Za-z0-9]+)\s*[= ]\s*(.*?)\s*$/.exec(text) ?? [];
      return name === undefined ? [] : [[name, value] as const];
    });
  }
  return Object.entries(Object(raw)).filter(([name]) => /^[A-Z]/.test(name));
}

function isAllowed(name: string, value: unknown): boolean {
  return AnyHost.safeParse({ addresses: ["host"], options: { [name]: value } }).success;
}

const ofParamiko = [
  "banner-timeout",
  "auth-timeout",
  "channel-timeout",
  "allow-agent",
  "look-for-keys",
];
const known = [
  "connect-timeout",
  "compress",
  "server-alive-interval",
  "strict-host-key-checking",
  "known-hosts-file",
  "forward-agent",
];

function judgeOptions(section: Section, to: string): void {
  if (Array.isArray(section.raw("connection-options"))) return judgeList(section, to);
  const given = section.section("connection-options");
  given?.judgeAll(known, "mapped", { to });
  given?.judgeAll(ofParamiko, "unneeded", {
    message: "was for a library of Python; ssh itself is used now, which ~/.ssh/config is for",
  });
  given?.judge("disabled-algorithms", "unmapped", {
    message:
      "say it to ssh: options: { HostKeyAlgorithms: …, Ciphers: … } of the host, or in ~/.ssh/config",
  });
  for (const [name, value] of pairsIn(section)) {
    const fine = name === "UserKnownHostsFile" || isAllowed(name, value);
    if (fine) given?.judge(name, "mapped", { to: `${to}.options` });
    else given?.judge(name, "unmapped", { message: "Holdfast decides this itself" });
  }
}

function judgeList(section: Section, to: string): void {
  const pairs = pairsIn(section);
  const refused = pairs
    .filter(([name, value]) => name !== "UserKnownHostsFile" && !isAllowed(name, value))
    .map(([name]) => name);
  const texts = section.texts("connection-options") ?? [];
  const unread = texts.length - pairs.length;
  if (unread > 0) refused.push(`${unread} that are not KEY=VALUE`);
  const key = "connection-options";
  if (refused.length === 0) return section.judge(key, "mapped", { to: `${to}.options` });
  const message = `left out, because Holdfast decides it itself: ${refused.join(", ")}`;
  section.judge(key, "changed", { to: `${to}.options`, message });
}
