// Knows: where everything in a configuration is. Must not know: whether it may be there.
import type { Draft } from "./draft.ts";
import { type Location, type VolumeBase, locationOf } from "./location.ts";
import { type Placement, absolutePath, placeOf, placeOfRepository, volumePath } from "./places.ts";

/** Where everything is, or why that cannot be said; undefined for what is not understood. */
export interface Placements {
  readonly state: Placement | undefined;
  readonly volumes: ReadonlyMap<string, Placement>;
  readonly repositories: ReadonlyMap<string, Placement>;
  /** The sources of each job, in the order of the file. */
  readonly sources: ReadonlyMap<string, readonly (Placement | undefined)[]>;
  readonly excludeFiles: ReadonlyMap<string, readonly Placement[]>;
  /** Where the volumes themselves are. */
  readonly bases: ReadonlyMap<string, VolumeBase>;
}

/** Finds the place of everything that is understood. `~` means this home directory. */
export function placeAll(draft: Draft, home: string): Placements {
  const surroundings = { volumes: [...draft.volumes.keys()], home };
  const volumes = mapValues(draft.volumes, ({ path, host }) =>
    path === undefined ? undefined : volumePath({ path, host }, home),
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
        if (spec === undefined || spec.placeless === true) return undefined;
        // Its newest snapshot is somewhere in it: the engine knows where.
        if (spec.repository === true) return repositories.get(spec.at);
        return placeOf(spec.at, surroundings);
      }),
    ),
    excludeFiles: mapValues(draft.jobs, (job) =>
      (job["exclude-files"] ?? []).map((file) => absolutePath(file, home)),
    ),
    bases: mapValues(draft.volumes, ({ host }, name) => ({
      host,
      path: pathOf(volumes.get(name)),
    })),
  };
}

/** A map with the same keys, but for those that come out as undefined. */
function mapValues<Value, Result>(
  map: ReadonlyMap<string, Value>,
  change: (value: Value, name: string) => Result | undefined,
): ReadonlyMap<string, Result> {
  const changed = new Map<string, Result>();
  for (const [name, value] of map) {
    const result = change(value, name);
    if (result !== undefined) changed.set(name, result);
  }
  return changed;
}

function pathOf(placement: Placement | undefined): string | undefined {
  return placement !== undefined && "place" in placement ? placement.place.path : undefined;
}

/** Where a repository is; undefined where that is not known. */
export function repositoryLocation(
  name: string,
  { repositories, bases }: Placements,
): Location | undefined {
  return placementLocation(repositories.get(name), bases);
}

/** Where a placement leads; undefined where that is not known. */
export function placementLocation(
  placement: Placement | undefined,
  bases: Placements["bases"],
): Location | undefined {
  if (placement === undefined || !("place" in placement)) return undefined;
  return locationOf(placement.place, bases);
}
