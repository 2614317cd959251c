// Knows: which names exist in a configuration. Must not know: what is done with what they name.
import type { Config } from "../config/config.ts";
import { didYouMean } from "../config/suggest.ts";
import type { AddressChoice } from "../hosts/hosts.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { LocationOptions } from "./command-node.ts";

/** What a person can name, in the words of the messages. */
export type Named = "job" | "location" | "repository" | "notifier" | "run" | "verb" | "volume";

/**
 * The given names, each once, or all that there are when none is given. Throws `unknown-name`, with
 * the name that was probably meant.
 */
export function chosen(
  kind: Named,
  given: readonly string[],
  known: Iterable<string>,
): readonly string[] {
  const names = [...known];
  for (const name of given) {
    if (!names.includes(name)) throw unknownName(kind, name, names);
  }
  return given.length === 0 ? names : [...new Set(given)];
}

/** The error for a name that does not exist. */
function unknownName(kind: Named, name: string, known: readonly string[]): HoldfastError {
  const meant = didYouMean(name, known);
  const all =
    known.length === 0 ? `there are no ${plural[kind]}` : `there are: ${known.join(", ")}`;
  return new HoldfastError("unknown-name", `there is no ${kind} "${name}"${meant}`, { hint: all });
}

const plural: Readonly<Record<Named, string>> = {
  job: "jobs",
  location: "locations",
  repository: "repositories",
  notifier: "notifiers",
  run: "runs",
  verb: "verbs",
  volume: "volumes",
};

/** The given jobs, or all. Throws `unknown-name`. */
export function chosenJobs(config: Config, given: readonly string[]): readonly string[] {
  return chosen("job", given, config.jobs.keys());
}

/** The locations that addresses of hosts name, each once. */
export function knownLocations({ hosts }: Pick<Config, "hosts">): readonly string[] {
  return [...new Set(hosts.values().flatMap(({ locations }) => locations))];
}

/** Which addresses of hosts may be used. Throws `unknown-name`. */
export function chosenAddresses(
  config: Pick<Config, "hosts">,
  options: LocationOptions,
): AddressChoice {
  const known = knownLocations(config);
  const named = (given: readonly string[] = []): readonly string[] =>
    given.length === 0 ? [] : chosen("location", given, known);
  return { locations: named(options.location), excluded: named(options.excludeLocation) };
}
