// Knows: what the parts of a configuration must agree on. Must not know: how each part is written.
import type { SourceKind } from "../kernel/prepared-source.ts";
import type { JobKey } from "../engines/engine.ts";
import { chainProblems } from "./chains.ts";
import { type Checked, problem, sourcesOf, unknownName, writtenBy } from "./checked.ts";
import type { Draft } from "./draft.ts";
import { machineProblems } from "./machines.ts";
import { collisions, placeKey, selfContained } from "./nesting.ts";
import type { Placements } from "./placements.ts";
import { type Placement, volumeNameProblem } from "./places.ts";
import type { KeyPath, Problem } from "./problem.ts";

/** What makes a configuration unusable: everything that no part of it can know by itself. */
export function contradictions(checked: Checked): readonly Problem[] {
  return [
    ...volumeNames(checked),
    ...misplaced(checked.placements),
    ...[...checked.draft.jobs.keys()].flatMap((job) => [
      ...unknownNames(job, checked.draft),
      ...wrongCopies(job, checked),
      ...wrongSources(job, checked.draft),
      ...lackedKeys(job, checked.draft),
      ...nothingToWaitFor(job, checked),
    ]),
    ...machineProblems(checked),
    ...chainProblems(checked),
    ...collisions(checked),
  ];
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

/** A job that is to start when its volumes are there has to have one. */
function nothingToWaitFor(job: string, { draft, placements }: Checked): readonly Problem[] {
  if (draft.jobs.get(job)?.schedule?.kind !== "available") return [];
  const written = writtenBy(job, draft).map(([, name]) => placements.repositories.get(name));
  const places = [...(placements.sources.get(job) ?? []), ...written];
  const mayBeAway = places.some((placement) => {
    if (placement === undefined || !("place" in placement)) return true;
    return placement.place.volume !== undefined;
  });
  if (mayBeAway) return [];
  return [
    problem(
      ["jobs", job, "schedule"],
      "none of its sources and repositories is on a volume, so there is nothing to wait for",
      'put its repository on a volume, as in at: "usb:photos", or give it a time',
    ),
  ];
}

function unknownNames(job: string, draft: Draft): readonly Problem[] {
  const repositories = [...draft.repositories.keys()];
  const notifiers = [...draft.notifiers.keys()];
  const told = (draft.jobs.get(job)?.notify ?? []).map(
    (name, index) => [["jobs", job, "notify", index], name] as const,
  );
  return [
    ...writtenBy(job, draft)
      .filter(([, name]) => !repositories.includes(name))
      .map(([path, name]) => problem(path, ...unknownName("repository", name, repositories))),
    ...told
      .filter(([, name]) => !notifiers.includes(name))
      .map(([path, name]) => problem(path, ...unknownName("notifier", name, notifiers))),
  ];
}

function wrongCopies(job: string, { draft, placements }: Checked): readonly Problem[] {
  const [first, ...copies] = writtenBy(job, draft);
  if (first?.[0].at(-1) !== "repository") return [];
  const engine = draft.repositories.get(first[1])?.engine;
  const taken = new Map([[placeKey(first[1], placements), "repository"]]);
  return copies.flatMap(([path, name]) => {
    const place = placeKey(name, placements);
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

function wrongSources(job: string, draft: Draft): readonly Problem[] {
  const { sources = [], repository = "" } = draft.jobs.get(job) ?? {};
  const { accepts, engine } = draft.repositories.get(repository) ?? {};
  return sourcesOf(job, draft).flatMap(([path, { kind }]) => {
    if (accepts?.has(kind) === false) {
      return [
        problem(
          path,
          `a source of kind "${kind}" cannot be kept in a ${engine} repository, which takes: ${[...accepts].join(", ")}`,
        ),
      ];
    }
    const single = onlySources[kind];
    if (single === undefined || sources.length === 1) return [];
    const hint = `make a job for each ${single}`;
    return [problem(path, `a ${single} must be the only source of its job`, hint)];
  });
}

// What cannot be joined with anything else into one snapshot.
const onlySources: Readonly<Partial<Record<SourceKind, string>>> = {
  subvolume: "subvolume",
  objects: "store of objects",
};

/** Keys that the engine's tool has no means for would do nothing, and nobody would notice. */
function lackedKeys(job: string, draft: Draft): readonly Problem[] {
  const part = draft.jobs.get(job) ?? {};
  const { engine, lacks = [] } = draft.repositories.get(part.repository ?? "") ?? {};
  const isUsed = (key: JobKey): boolean => {
    const value = part[key];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  };
  return lacks
    .filter(isUsed)
    .map((key) => problem(["jobs", job, key], `${engine} has no means for this`, "leave it out"));
}

/** What is allowed and unwise. Only for a configuration without contradictions. */
export function doubts(checked: Checked): readonly Problem[] {
  const { draft } = checked;
  const jobs = [...draft.jobs];
  const written = new Set(jobs.flatMap(([job]) => writtenBy(job, draft).map(([, name]) => name)));
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
