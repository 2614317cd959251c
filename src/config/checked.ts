// Knows: what all checks look at, and how they say what is wrong. Must not know: any check.
import type { SourceSpec } from "../sources/source.ts";
import type { Draft } from "./draft.ts";
import type { Placements } from "./placements.ts";
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

/** Something wrong with a value. */
export function problem(path: KeyPath, message: string, hint?: string): Problem {
  return { path, part: "value", message, ...(hint === undefined ? {} : { hint }) };
}

/** Everything that a job writes to, the repository first, with the key path of the naming. */
export function writtenBy(job: string, draft: Draft): readonly (readonly [KeyPath, string])[] {
  const { repository, copies = [] } = draft.jobs.get(job) ?? {};
  return [
    ...(repository === undefined ? [] : [[["jobs", job, "repository"], repository] as const]),
    ...copies.map((name, index) => [["jobs", job, "copies", index], name] as const),
  ];
}

/** The sources of a job that are understood, with the key path of each. */
export function sourcesOf(
  job: string,
  draft: Draft,
): readonly (readonly [KeyPath, SourceSpec, index: number])[] {
  const { sources = [] } = draft.jobs.get(job) ?? {};
  return sources.flatMap((spec, index) =>
    spec === undefined ? [] : [[["jobs", job, "sources", index], spec, index] as const],
  );
}

/** That a name does not exist: the message, and a hint where nothing is near. */
export function unknownName(
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
