// Knows: how what the file says becomes what the program works with. Must not know: what can be wrong with it.
import type { Selection } from "../engines/engine.ts";
import type { Place } from "../kernel/place.ts";
import type { Config, ConfigWarning, Hooks, Job, PlacedRepository } from "./config.ts";
import type { WholeDraft } from "./draft.ts";
import type { Placements } from "./placements.ts";
import { type Placement, expandHome } from "./places.ts";
import type { JobEntry } from "./schema.ts";

/** What a configuration consists of, once nothing is wrong with it. */
export interface Parts {
  readonly file: string;
  readonly draft: WholeDraft;
  readonly placements: Placements;
  readonly home: string;
  /** The journal's directory when the file does not say. */
  readonly defaultState: string;
  readonly secretVariables: readonly string[];
  readonly warnings: readonly ConfigWarning[];
}

/** Puts a configuration together, frozen through and through. */
export function assemble(parts: Parts): Config {
  const { file, draft, placements, warnings } = parts;
  return deepFreeze({
    file,
    state: placements.state === undefined ? parts.defaultState : placed(placements.state).path,
    concurrency: draft.concurrency,
    hosts: draft.hosts,
    volumes: draft.volumes,
    repositories: new Map(
      [...draft.repositories].map(([name, spec]): readonly [string, PlacedRepository] => [
        name,
        { name, spec, place: placed(placements.repositories.get(name)) },
      ]),
    ),
    jobs: new Map([...draft.jobs].map(([name, entry]) => [name, jobOf(name, entry, parts)])),
    notifiers: draft.notifiers,
    secretVariables: parts.secretVariables,
    warnings,
  });
}

function placed(placement: Placement | undefined): Place {
  if (placement !== undefined && "place" in placement) return placement.place;
  throw new Error("a place was used that the checks had refused");
}

function jobOf(name: string, entry: JobEntry, { placements, home }: Parts): Job {
  const places = placements.sources.get(name) ?? [];
  return {
    name,
    sources: entry.sources.map((spec, index) => ({
      spec,
      place: spec.placeless === true ? { path: "" } : placed(places[index]),
    })),
    reads: [
      ...new Set(entry.sources.flatMap(({ repository, at }) => (repository === true ? [at] : []))),
    ],
    repository: entry.repository,
    copies: entry.copies,
    selection: selectionOf(entry, placements.excludeFiles.get(name) ?? [], home),
    pruneEveryMs: entry["prune-every"],
    labels: entry.labels,
    hooks: hooksOf(entry.hooks),
    notify: entry.notify,
    retryMs: entry.retry,
    ...(entry.keep === undefined ? {} : { keep: entry.keep }),
    ...(entry.enabled ? whenOf(entry) : { disabled: true }),
    ...(entry.timeout === undefined ? {} : { timeoutMs: entry.timeout }),
  };
}

function whenOf(entry: JobEntry): Pick<Job, "schedule" | "overdueAfterMs"> {
  const { schedule, "overdue-after": overdueAfterMs } = entry;
  return {
    ...(schedule === undefined ? {} : { schedule }),
    ...(overdueAfterMs === undefined ? {} : { overdueAfterMs }),
  };
}

function selectionOf(entry: JobEntry, excludeFiles: readonly Placement[], home: string): Selection {
  const largest = entry["exclude-larger-than"];
  return {
    // No tool expands `~` in a pattern: unexpanded it would match nothing, and say nothing.
    exclude: entry.exclude.map((pattern) => expandHome(pattern, home)),
    excludeFiles: excludeFiles.map((placement) => placed(placement).path),
    excludeIfPresent: entry["exclude-if-present"],
    ...(largest === undefined ? {} : { excludeLargerThanBytes: largest }),
    ignoreCase: entry["exclude-ignore-case"],
    oneFileSystem: entry["one-file-system"],
  };
}

function hooksOf({ before, after, timeout, "on-failure": onFailure }: JobEntry["hooks"]): Hooks {
  return { before, after, onFailure, timeoutMs: timeout };
}

/** Freezes plain data. What has a nature of its own (a Set, a secret, a function) looks after itself. */
function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const member of value.values()) deepFreeze(member);
    return Object.freeze(Object.defineProperties(value, refusals));
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && !Array.isArray(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}

// Freezing a Map does not stop anyone from adding to it.
const refusals = Object.fromEntries(
  ["set", "delete", "clear"].map((name) => [name, { value: refuse }]),
);

function refuse(): never {
  throw new TypeError("a configuration does not change");
}
