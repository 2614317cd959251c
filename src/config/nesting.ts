// Knows: which places must not be the same, or inside each other. Must not know: how places are written.
import { type Checked, problem, sourcesOf, writtenBy } from "./checked.ts";
import { type Location, contains, locationKey } from "./location.ts";
import { placementLocation, repositoryLocation } from "./placements.ts";
import { expandHome } from "./places.ts";
import type { KeyPath, Problem } from "./problem.ts";

/** Places that two would write to, and what a tool would delete because it does not know it. */
export function collisions(checked: Checked): readonly Problem[] {
  return [
    ...sharedPlaces(checked),
    ...nestedRepositories(checked),
    ...[...checked.draft.jobs.keys()].flatMap((job) => sourcesInRepositories(job, checked)),
  ];
}

/** Two jobs that write to one place would forget each other's snapshots. */
function sharedPlaces({ draft, placements }: Checked): readonly Problem[] {
  const takenBy = new Map<string, string>();
  const problems: Problem[] = [];
  for (const job of draft.jobs.keys()) {
    for (const [path, name] of writtenBy(job, draft)) {
      if (!draft.repositories.has(name)) continue;
      const place = placeKey(name, placements);
      const other = takenBy.get(place);
      if (other === undefined) takenBy.set(place, job);
      if (other !== undefined && other !== job) problems.push(sharedPlace(path, name, other));
    }
  }
  return problems;
}

function sharedPlace(path: KeyPath, repository: string, other: string): Problem {
  return problem(
    path,
    `job "${other}" already writes to the place of "${repository}"`,
    "give each job a repository of its own, or put the sources of both into one job",
  );
}

/** What tells a repository's place from others: its location, or its name while that is unknown. */
export function placeKey(repository: string, placements: Checked["placements"]): string {
  const location = repositoryLocation(repository, placements);
  return location === undefined ? `name ${repository}` : locationKey(location);
}

/** A repository belongs to its tool. What else is in it is in the way, and a mirror deletes it. */
function nestedRepositories({ draft, placements }: Checked): readonly Problem[] {
  const located = [...draft.repositories.keys()].flatMap((name) => {
    const location = repositoryLocation(name, placements);
    return location === undefined ? [] : [{ name, location }];
  });
  return located.flatMap((inner) => {
    const outer = located.find(({ location }) => isStrictlyInside(inner.location, location));
    if (outer === undefined) return [];
    return [
      problem(
        ["repositories", inner.name, "at"],
        `is inside the repository "${outer.name}", whose tool may delete what it does not know`,
        "give each repository a folder of its own, side by side",
      ),
    ];
  });
}

function isStrictlyInside(inner: Location, outer: Location): boolean {
  return contains(outer, inner) && locationKey(outer) !== locationKey(inner);
}

/** What a job reads must not be what it writes: a mirror would delete its own source. */
function sourcesInRepositories(job: string, { draft, placements }: Checked): readonly Problem[] {
  const { bases, sources } = placements;
  const written = writtenBy(job, draft).map(([, name]) => name);
  return sourcesOf(job, draft).flatMap(([path, { repository }, index]) => {
    const source = placementLocation(sources.get(job)?.[index], bases);
    if (source === undefined || repository === true) return [];
    const around = written.find((name) => {
      const location = repositoryLocation(name, placements);
      return location !== undefined && contains(location, source);
    });
    return around === undefined
      ? []
      : [problem(path, `is inside the repository "${around}", to which the job itself writes`)];
  });
}

/** A backup that contains its own repository grows with every run. */
export function selfContained(
  job: string,
  { draft, placements, home }: Checked,
): readonly Problem[] {
  // A pattern without wildcards leaves out what it names, with all that is in it.
  const excluded = (draft.jobs.get(job)?.exclude ?? []).map((pattern) =>
    expandHome(pattern, home)
      .replace(/\/(\*\*?)?$/, "")
      .replaceAll(/\\(.)/g, "$1"),
  );
  return writtenBy(job, draft).flatMap(([, name]) => {
    const location = repositoryLocation(name, placements);
    if (location === undefined) return [];
    if (excluded.some((path) => contains({ ...location, path }, location))) return [];
    return sourcesOf(job, draft).flatMap(([path, { kind, repository }, index]) => {
      const source = placementLocation(placements.sources.get(job)?.[index], placements.bases);
      // A snapshot of a subvolume holds no other subvolume.
      if (source === undefined || kind !== "paths" || repository === true) return [];
      if (!isStrictlyInside(location, source)) return [];
      const hint = `leave it out: exclude: ["${location.path}"]`;
      return [problem(path, `contains the repository "${name}" itself`, hint)];
    });
  });
}
