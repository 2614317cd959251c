// Knows: which machines a job's data would have to go between, and whether its engine can carry it. Must not know: how.
import { circles } from "../policy/precedence.ts";
import { type Checked, problem, sourcesOf, unknownName, writtenBy } from "./checked.ts";
import type { RepositorySpec } from "../engines/engine.ts";
import type { Draft, Understood } from "./draft.ts";
import type { KeyPath, Problem } from "./problem.ts";
import type { Placement } from "./places.ts";

/** Hosts that do not exist or are reached through themselves, and data that cannot get where it should. */
export function machineProblems(checked: Checked): readonly Problem[] {
  const { draft } = checked;
  return [
    ...unknownHosts(draft),
    ...jumpCircles(draft),
    ...repositoriesElsewhere(checked),
    ...[...draft.jobs.keys()].flatMap((job) => [
      ...sourcesElsewhere(job, checked),
      ...waysOf(job, checked),
    ]),
  ];
}

function unknownHosts({ hosts, volumes }: Draft): readonly Problem[] {
  const known = [...hosts.keys()];
  return [...volumes].flatMap(([name, { host }]) => {
    if (host === undefined || known.includes(host)) return [];
    const [message, hint = "hosts are described under the key hosts"] = unknownName(
      "host",
      host,
      known,
    );
    return [problem(["volumes", name, "host"], message, message.endsWith("?") ? undefined : hint)];
  });
}

function jumpCircles({ hosts }: Draft): readonly Problem[] {
  const jumps = new Map(
    [...hosts].map(([name, spec]) => [name, (spec.jumps ?? []).filter((jump) => hosts.has(jump))]),
  );
  return circles(jumps).map((circle) => ({
    ...problem(
      ["hosts", circle[0] ?? ""],
      `cannot be reached through itself: ${circle.join(" → ")}`,
      "take one `jump` out of the circle",
    ),
    part: "key",
  }));
}

/** The machine that a place is on: another one by its name, this one as undefined. */
function hostOf(placement: Placement | undefined, { bases }: Checked["placements"]) {
  if (placement === undefined || !("place" in placement)) return undefined;
  const { volume } = placement.place;
  return volume === undefined ? undefined : bases.get(volume)?.host;
}

function inWords(host: string | undefined): string {
  return host === undefined ? "this machine" : `host "${host}"`;
}

function repositoriesElsewhere({ draft, placements }: Checked): readonly Problem[] {
  return [...draft.repositories].flatMap(([name, { engine, onOtherHosts }]) => {
    const host = hostOf(placements.repositories.get(name), placements);
    if (host === undefined || onOtherHosts !== false) return [];
    return [
      problem(
        ["repositories", name, "at"],
        `is on ${inWords(host)}, and a ${engine} repository cannot be on a volume of another machine`,
        `write where it is in ${engine}'s own notation, such as sftp:USER@HOST:/PATH`,
      ),
    ];
  });
}

function sourcesElsewhere(job: string, { draft, placements }: Checked): readonly Problem[] {
  const { readsOtherHosts, engine } =
    draft.repositories.get(draft.jobs.get(job)?.repository ?? "") ?? {};
  const places = placements.sources.get(job) ?? [];
  const [first, ...others] = sourcesOf(job, draft);
  const hostOfFirst = first === undefined ? undefined : hostOf(places[first[2]], placements);
  const apart = others.flatMap(([path, , index]) => {
    const host = hostOf(places[index], placements);
    if (host === hostOfFirst) return [];
    return [
      problem(
        path,
        `is on ${inWords(host)}, and the first source is on ${inWords(hostOfFirst)}`,
        "all sources of a job are on one machine: make a job for each machine",
      ),
    ];
  });
  if (readsOtherHosts !== false || hostOfFirst === undefined || first === undefined) return apart;
  return [
    problem(
      first[0],
      `is on ${inWords(hostOfFirst)}, and ${engine} reads what is on this machine only`,
      "run holdfast over there as well, or keep this in a repository whose engine reaches other machines",
    ),
    ...apart,
  ];
}

/** The ways of a job's data: from the sources to the repository, and from there to each copy. */
function waysOf(job: string, { draft, placements }: Checked): readonly Problem[] {
  const [repository, ...copies] = writtenBy(job, draft);
  const spec = draft.repositories.get(repository?.[1] ?? "");
  const [source] = sourcesOf(job, draft);
  if (repository === undefined || spec?.engine === undefined) return [];
  const hostOfRepository = (name: string) => hostOf(placements.repositories.get(name), placements);
  const to = hostOfRepository(repository[1]);
  const from = source && hostOf(placements.sources.get(job)?.[source[2]], placements);
  const ways = copies.map(([path, name]) => ({ path, from: to, to: hostOfRepository(name) }));
  if (spec.besideSource === true) {
    const apart = source === undefined || from === to ? [] : [besides(repository[0], { from, to })];
    return [...apart, ...tooFar(ways, spec)];
  }
  return tooFar([{ path: repository[0], from, to }, ...ways], spec);
}

interface Way {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

function besides(path: KeyPath, { from, to }: Way): Problem {
  return problem(
    path,
    `is on ${inWords(to)}, and the sources are on ${inWords(from)}: such a repository keeps only what is on its own machine`,
    "keep snapshots where the source is, and bring them to other machines with `copies`",
  );
}

function tooFar(
  ways: readonly (Way & { readonly path: KeyPath })[],
  {
    engine,
    betweenOtherHosts,
  }: Pick<Understood<RepositorySpec, "at">, "engine" | "betweenOtherHosts">,
): readonly Problem[] {
  if (betweenOtherHosts === true) return [];
  return ways
    .filter(({ from, to }) => from !== undefined && to !== undefined && from !== to)
    .map(({ path, from, to }) =>
      problem(
        path,
        `is on ${inWords(to)}, and what goes there is on ${inWords(from)}: ${engine} cannot carry data from one other machine to a second one`,
        "keep it on a volume of this machine first, and let a second job read that: sources: [{ repository: NAME }]",
      ),
    );
}
