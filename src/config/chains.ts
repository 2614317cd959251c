// Knows: which jobs read what other jobs keep, and whether that can work. Must not know: when they run.
import { circles } from "../policy/precedence.ts";
import { type Checked, problem, sourcesOf, unknownName, writtenBy } from "./checked.ts";
import type { Draft } from "./draft.ts";
import type { KeyPath, Problem } from "./problem.ts";

/** What is wrong with `sources: [{ repository: NAME }]`. */
export function chainProblems({ draft }: Checked): readonly Problem[] {
  const writers = new Map(
    [...draft.jobs.keys()].flatMap((job) => writtenBy(job, draft).map(([, name]) => [name, job])),
  );
  return [
    ...[...draft.jobs.keys()].flatMap((job) =>
      readBy(job, draft).flatMap(([path, name]) => wrongRead({ job, path, name }, draft, writers)),
    ),
    ...readCircles(draft, writers),
  ];
}

/** The repositories that a job reads, with the key path of each. */
function readBy(job: string, draft: Draft): readonly (readonly [KeyPath, string])[] {
  return sourcesOf(job, draft).flatMap(([path, { repository, at }]) =>
    repository === true ? [[path, at] as const] : [],
  );
}

type Writers = ReadonlyMap<string, string>;

interface Read {
  readonly job: string;
  readonly path: KeyPath;
  readonly name: string;
}

function wrongRead({ job, path, name }: Read, draft: Draft, writers: Writers): readonly Problem[] {
  const spec = draft.repositories.get(name);
  if (spec === undefined) {
    return [problem(path, ...unknownName("repository", name, [...draft.repositories.keys()]))];
  }
  if (writers.get(name) === job) {
    return [problem(path, `job "${job}" writes to the repository "${name}" itself`)];
  }
  if (spec.browsable === false) {
    return [
      problem(
        path,
        `the snapshots of a ${spec.engine} repository are no plain files: no job can read them`,
        `to have them in a second ${spec.engine} repository, name that in the \`copies\` of the job that makes them`,
      ),
    ];
  }
  if (writers.has(name)) return [];
  return [
    problem(
      path,
      `no job writes to the repository "${name}", so it has nothing new to read`,
      "name it as `repository` or in `copies` of the job that fills it",
    ),
  ];
}

/** Jobs that would wait for each other for ever. */
function readCircles(draft: Draft, writers: Writers): readonly Problem[] {
  const needs = new Map(
    [...draft.jobs.keys()].map((job) => [
      job,
      readBy(job, draft).flatMap(([, name]) => {
        const writer = writers.get(name);
        return writer === undefined || writer === job ? [] : [writer];
      }),
    ]),
  );
  return circles(needs).map((circle) => {
    const [job = "", next] = circle;
    const read = readBy(job, draft).find(([, name]) => writers.get(name) === next);
    return problem(
      read?.[0] ?? ["jobs", job, "sources"],
      `the jobs read each other in a circle: ${circle.join(" → ")}`,
      "each of them waits for the next one: let one of them read something else",
    );
  });
}
