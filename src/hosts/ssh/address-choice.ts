// Knows: which addresses of a machine may be used now, and over which ways. Must not know: whether they answer.
import type { AddressChoice, HostSpec } from "../hosts.ts";
import { type HostSettings, type Route, routesOf } from "./settings.ts";
import type { Stop, Way } from "./ssh-config.ts";

/** The settings of the hosts of a configuration, by name. */
export type KnownHosts = (name: string) => HostSettings | undefined;

/** Settings stay with what they were parsed into. */
export class SettingsOf {
  readonly #settings = new WeakMap<HostSpec, HostSettings>();

  remember(spec: HostSpec, settings: HostSettings): HostSpec {
    this.#settings.set(spec, settings);
    return spec;
  }

  among(specs: ReadonlyMap<string, HostSpec>): KnownHosts {
    return (name) => {
      const spec = specs.get(name);
      return spec === undefined ? undefined : this.#settings.get(spec);
    };
  }
}

/** The addresses that may be used. One without a location always may; what is excluded never. */
export function allowedRoutes(
  settings: HostSettings,
  { locations, excluded }: AddressChoice,
): readonly Route[] {
  return routesOf(settings).filter((route) => {
    if (route.locations.length === 0) return true;
    if (route.locations.some((location) => excluded.includes(location))) return false;
    return (
      locations.length === 0 || route.locations.some((location) => locations.includes(location))
    );
  });
}

// Two addresses for each of three hops are eight ways; nobody waits for more of them.
const mostWays = 16;

/**
 * All ways to a machine, in the order of its addresses. A hop that has several addresses makes several
 * ways; one whose addresses are all excluded makes none. What is not configured is left to ssh.
 */
export function waysTo(
  settings: HostSettings,
  choice: AddressChoice,
  known: KnownHosts,
): readonly Way[] {
  return allowedRoutes(settings, choice)
    .flatMap((route): readonly Way[] => {
      const target: Stop = { route, settings };
      if (route.jump === undefined) return [{ target }];
      return chains(route.jump, { choice, known, depth: 0 }).map((hops) => ({ target, hops }));
    })
    .slice(0, mostWays);
}

interface Search {
  readonly choice: AddressChoice;
  readonly known: KnownHosts;
  readonly depth: number;
}

type Chain = readonly (Stop | string)[];

const deepest = 8;

function chains(jumps: readonly string[], search: Search): readonly Chain[] {
  return jumps.reduce<readonly Chain[]>(
    (before, jump, index) => {
      const next = stops(jump, search, index === 0);
      return before.flatMap((chain) => next.map((stop) => [...chain, ...stop])).slice(0, mostWays);
    },
    [[]],
  );
}

/** What a hop is reached through itself comes before it, if it is the first: ssh is at the hop before else. */
function stops(jump: string, search: Search, isFirst: boolean): readonly Chain[] {
  const settings = search.known(jump);
  if (settings === undefined || search.depth > deepest) return [[jump]];
  return allowedRoutes(settings, search.choice).flatMap((route): readonly Chain[] => {
    const stop: Stop = { route, settings };
    if (!isFirst || route.jump === undefined) return [[stop]];
    const deeper = chains(route.jump, { ...search, depth: search.depth + 1 });
    return deeper.map((chain) => [...chain, stop]);
  });
}
