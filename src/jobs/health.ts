// Knows: what is remembered of checks, and what lifts the mark of damage. Must not know: how a check is made.
import type { CheckLevel } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Program } from "./program.ts";

/** The journal's mark for a repository in which a check found something: what it found first. */
export function unhealthyMark(repository: string): string {
  return `unhealthy:${repository}`;
}

/** Its mark when that check read data back: whoever reads less cannot find it again. */
function unhealthyDataMark(repository: string): string {
  return `unhealthy-data:${repository}`;
}

/**
 * Remembers a check and answers with what is wrong with the repository now. What a check found while
 * it read data back still counts after one that read less than all of it: it could not have been seen.
 */
export function noteCheck(
  { journal, now }: Program,
  repository: string,
  found: { readonly level: CheckLevel; readonly problems: readonly string[] },
): readonly string[] {
  const { level, problems } = found;
  const marks = [unhealthyMark(repository), unhealthyDataMark(repository)] as const;
  journal.noteRepository(repository, { lastCheck: now() });
  const [first] = problems;
  if (first !== undefined) {
    journal.setMark(marks[0], first);
    if (level.readData !== undefined) journal.setMark(marks[1], "yes");
    return problems;
  }
  const earlier = journal.mark(marks[0]);
  if (earlier !== undefined && journal.mark(marks[1]) !== undefined && !readsAll(level)) {
    return [`an earlier check that read data back found: ${earlier} (check --read-data reads all)`];
  }
  for (const mark of marks) journal.setMark(mark, undefined);
  return [];
}

function readsAll({ readData }: CheckLevel): boolean {
  return readData !== undefined && Number.parseFloat(readData) === 100;
}

/** Remembers that a tool found a repository damaged: until a check finds no problem, nothing is forgotten there. */
export function noteDamage({ journal }: Program, repository: string, error: unknown): void {
  if (!(error instanceof HoldfastError) || error.code !== "repository-damaged") return;
  journal.setMark(unhealthyMark(repository), error.message);
}
