// Knows: where everything in a configuration is. Must not know: whether it may be there.
import type { Draft } from "./draft.ts";
import {
  type Placement,
  absolutePath,
  canonicalLocation,
  placeOf,
  placeOfRepository,
} from "./places.ts";

/** Where everything is, or why that cannot be said; undefined for what is not understood. */
export interface Placements {
  readonly state: Placement | undefined;
  readonly volumes: ReadonlyMap<string, Placement>;
  readonly repositories: ReadonlyMap<string, Placement>;
  /** The sources of each job, in the order of the file. */
  readonly sources: ReadonlyMap<string, readonly (Placement | undefined)[]>;
  readonly excludeFiles: ReadonlyMap<string, readonly Placement[]>;
  /** Volumes' own paths, absolute. */
  readonly volumePaths: ReadonlyMap<string, string>;
}

/** Finds the place of everything that is understood. `~` means this home directory. */
export function placeAll(draft: Draft, home: string): Placements {
  const surroundings = { volumes: [...draft.volumes.keys()], home };
  const volumes = mapValues(draft.volumes, (spec) =>
    spec.path === undefined ? undefined : absolutePath(spec.path, home),
  );
  const repositories = mapValues(draft.repositories, (spec) =>
    spec.at === undefined ? undefined : placeOfRepository({ ...spec, at: spec.at }, surroundings),
  );
  return {
    state: draft.state === undefined ? undefined : absolutePath(draft.state, home),
    volumes,
    repositories,
    sources: mapValues(draft.jobs, ({ sources = [] }) =>
      sources.map((spec) => {
        if (spec === undefined) return undefined;
        // Its newest snapshot is somewhere in it: the engine knows where.
        if (spec.repository === true) return repositories.get(spec.at);
        return placeOf(spec.at, surroundings);
      }),
    ),
    excludeFiles: mapValues(draft.jobs, (job) =>
      (job["exclude-files"] ?? []).map((file) => absolutePath(file, home)),
    ),
    volumePaths: mapValues(volumes, (placement) =>
      "place" in placement ? placement.place.path : undefined,
    ),
  };
}

/** A map with the same keys, but for those that come out as undefined. */
function mapValues<Value, Result>(
  map: ReadonlyMap<string, Value>,
  change: (value: Value) => Result | undefined,
): ReadonlyMap<string, Result> {
  const changed = new Map<string, Result>();
  for (const [name, value] of map) {
    const result = change(value);
    if (result !== undefined) changed.set(name, result);
  }
  return changed;
}

/** Where a repository is, in one spelling; undefined where that is not known. */
export function repositoryLocation(
  name: string,
  { repositories, volumePaths }: Placements,
): string | undefined {
  return locationOf(repositories.get(name), volumePaths);
}

/** Where a placement leads, in one spelling; undefined where that is not known. */
export function locationOf(
  placement: Placement | undefined,
  volumePaths: ReadonlyMap<string, string>,
): string | undefined {
  if (placement === undefined || !("place" in placement)) return undefined;
  return canonicalLocation(placement.place, volumePaths);
}
