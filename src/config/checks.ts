// Knows: what the parts of a configuration must agree on. Must not know: how each part is written.
import type { Draft } from "./draft.ts";
import { type Placements, locationOf, repositoryLocation } from "./placements.ts";
import { type Placement, expandHome, volumeNameProblem } from "./places.ts";
import { type KeyPath, type Problem, isShowable } from "./problem.ts";
import { didYouMean } from "./suggest.ts";

/** What the checks look at. */
export interface Checked {
  readonly draft: Draft;
  readonly placements: Placements;
  /** What `~` means. */
  readonly home: string;
  readonly platform: NodeJS.Platform;
}

/** What makes a configuration unusable: everything that no part of it can know by itself. */
export function contradictions(checked: Checked): readonly Problem[] {
  return [
    ...volumeNames(checked),
    ...misplaced(checked.placements),
    ...[...checked.draft.jobs.keys()].flatMap((job) => [
      ...unknownNames(job, checked.draft),
      ...wrongCopies(job, checked),
      ...wrongSources(job, checked.draft),
    ]),
    ...sharedPlaces(checked),
  ];
}

function problem(path: KeyPath, message: string, hint?: string): Problem {
  return { path, part: "value", message, ...(hint === undefined ? {} : { hint }) };
}

function volumeNames({ draft, platform }: Checked): readonly Problem[] {
  return [...draft.volumes.keys()].flatMap((name) => {
    const wrong = volumeNameProblem(name, platform);
    return wrong === undefined ? [] : [{ path: ["volumes", name], part: "key" as const, ...wrong }];
  });
}

function misplaced(placements: Placements): readonly Problem[] {
  const { state, volumes, repositories, sources, excludeFiles } = placements;
  const each = (map: Placements["sources"], key: string) =>
    [...map].flatMap(([job, list]) =>
      list.flatMap((placement, index) => unplaced(["jobs", job, key, index], placement)),
    );
  return [
    ...unplaced(["state"], state),
    ...[...volumes].flatMap(([name, placement]) => unplaced(["volumes", name, "path"], placement)),
    ...[...repositories].flatMap(([name, placement]) =>
      unplaced(["repositories", name, "at"], placement),
    ),
    ...each(sources, "sources"),
    ...each(excludeFiles, "exclude-files"),
  ];
}

function unplaced(path: KeyPath, placement: Placement | undefined): readonly Problem[] {
  return placement === undefined || "place" in placement
    ? []
    : [problem(path, placement.message, placement.hint)];
}

/** Everything that a job names, with the key path of the naming. */
function namedBy(job: string, draft: Draft): readonly (readonly [KeyPath, string])[] {
  const { repository, copies = [] } = draft.jobs.get(job) ?? {};
  return [
    ...(repository === undefined ? [] : [[["jobs", job, "repository"], repository] as const]),
    ...copies.map((name, index) => [["jobs", job, "copies", index], name] as const),
  ];
}

function unknownNames(job: string, draft: Draft): readonly Problem[] {
  const repositories = [...draft.repositories.keys()];
  const notifiers = [...draft.notifiers.keys()];
  const told = (draft.jobs.get(job)?.notify ?? []).map(
    (name, index) => [["jobs", job, "notify", index], name] as const,
  );
  return [
    ...namedBy(job, draft)
      .filter(([, name]) => !repositories.includes(name))
      .map(([path, name]) => problem(path, ...unknownName("repository", name, repositories))),
    ...told
      .filter(([, name]) => !notifiers.includes(name))
      .map(([path, name]) => problem(path, ...unknownName("notifier", name, notifiers))),
  ];
}

function unknownName(
  kind: string,
  name: string,
  known: readonly string[],
): [message: string, hint?: string] {
  const suggestion = didYouMean(name, known);
  const shown = isShowable(name) ? ` "${name}"` : " of this name";
  const message = `there is no ${kind}${shown}${suggestion}`;
  if (suggestion !== "" || known.length === 0) return [message];
  return [message, `what there is: ${known.join(", ")}`];
}

function wrongCopies(job: string, { draft, placements }: Checked): readonly Problem[] {
  const [first, ...copies] = namedBy(job, draft);
  if (first?.[0].at(-1) !== "repository") return [];
  const engine = draft.repositories.get(first[1])?.engine;
  const taken = new Map([[placeName(first[1], placements), "repository"]]);
  return copies.flatMap(([path, name]) => {
    const place = placeName(name, placements);
    const before = taken.get(place);
    if (before === "repository") return [problem(path, "is the job's own repository")];
    if (before === "copy") return [problem(path, "is listed twice")];
    taken.set(place, "copy");
    const copyEngine = draft.repositories.get(name)?.engine;
    if (engine === undefined || copyEngine === undefined || engine === copyEngine) return [];
    return [
      problem(
        path,
        `is a ${copyEngine} repository, and the job's own is a ${engine} one: copies need the same engine`,
      ),
    ];
  });
}

/** What tells a repository's place from others: its location, or its name while that is unknown. */
function placeName(repository: string, placements: Placements): string {
  return repositoryLocation(repository, placements) ?? `name ${repository}`;
}

function wrongSources(job: string, draft: Draft): readonly Problem[] {
  const { sources = [], repository = "" } = draft.jobs.get(job) ?? {};
  const spec = draft.repositories.get(repository);
  const { accepts, engine } = spec ?? {};
  if (accepts === undefined) return [];
  return sources.flatMap((source, index) =>
    source === undefined || accepts.has(source.kind)
      ? []
      : [
          problem(
            ["jobs", job, "sources", index],
            `a source of kind "${source.kind}" cannot be kept in a ${engine} repository, which takes: ${[...accepts].join(", ")}`,
          ),
        ],
  );
}

/** Two jobs that write to one place would forget each other's snapshots. */
function sharedPlaces({ draft, placements }: Checked): readonly Problem[] {
  const takenBy = new Map<string, string>();
  const problems: Problem[] = [];
  for (const job of draft.jobs.keys()) {
    for (const [path, name] of namedBy(job, draft)) {
      if (!draft.repositories.has(name)) continue;
      const place = placeName(name, placements);
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

/** What is allowed and unwise. Only for a configuration without contradictions. */
export function doubts(checked: Checked): readonly Problem[] {
  const { draft } = checked;
  const jobs = [...draft.jobs];
  const written = new Set(jobs.flatMap(([job]) => namedBy(job, draft).map(([, name]) => name)));
  const told = new Set(jobs.flatMap(([, { notify = [] }]) => notify));
  return [
    ...[...draft.repositories.keys()]
      .filter((name) => !written.has(name))
      .map((name) => unused(["repositories", name], "no job backs up to it or copies to it")),
    ...[...draft.notifiers.keys()]
      .filter((name) => !told.has(name))
      .map((name) =>
        unused(["notifiers", name], "no job tells it anything", `add to a job: notify: [${name}]`),
      ),
    ...jobs.flatMap(([job]) => selfContained(job, checked)),
  ];
}

function unused(path: KeyPath, message: string, hint?: string): Problem {
  return { ...problem(path, message, hint), part: "key" };
}

/** A backup that contains its own repository grows with every run. */
function selfContained(job: string, { draft, placements, home }: Checked): readonly Problem[] {
  // A pattern without wildcards leaves out what it names, with all that is in it.
  const excluded = (draft.jobs.get(job)?.exclude ?? []).map((pattern) =>
    expandHome(pattern, home)
      .replace(/\/(\*\*?)?$/, "")
      .replaceAll(/\\(.)/g, "$1"),
  );
  const sources = (placements.sources.get(job) ?? []).map((placement) =>
    locationOf(placement, placements.volumePaths),
  );
  return namedBy(job, draft).flatMap(([, name]) => {
    const location = repositoryLocation(name, placements);
    if (location === undefined || !location.startsWith("/")) return [];
    if (excluded.some((pattern) => contains(pattern, location))) return [];
    return sources.flatMap((source, index) =>
      source !== undefined && contains(source, location)
        ? [
            problem(
              ["jobs", job, "sources", index],
              `contains the repository "${name}" itself`,
              `leave it out: exclude: ["${location}"]`,
            ),
          ]
        : [],
    );
  });
}

function contains(directory: string, path: string): boolean {
  return (
    path === directory || path.startsWith(directory.endsWith("/") ? directory : `${directory}/`)
  );
}
