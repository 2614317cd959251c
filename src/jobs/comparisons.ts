// Knows: what a repository can be compared with while it is checked. Must not know: how it is checked.
import type { CheckLevel } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { hostOf, openRepository, placedRepository } from "./open.ts";
import { prepareSources, type SourcesToPrepare } from "./prepare.ts";

/** What to compare with. */
export interface Comparisons {
  readonly compared: Pick<CheckLevel, "source" | "other">;
  /** Sentences about what could not be had, and why. */
  readonly notes: readonly string[];
}

const nothing: Comparisons = { compared: {}, notes: [] };

/**
 * Prepares what the job backs up, and opens another of its repositories. What is not there or not ready
 * is left out, with a note: a check is worth something without it as well.
 */
export async function comparisons(
  asked: SourcesToPrepare & {
    /** The name of the repository that is checked. */
    readonly repository: string;
    /** The name of another one that is there. */
    readonly other: string | undefined;
  },
  stack: AsyncDisposableStack,
): Promise<Comparisons> {
  const { program, repository: checked, other, volumes, ledger } = asked;
  if (placedRepository(program, checked).spec.provesItself === true) return nothing;
  const { source, notes } = await preparedSource(asked, stack);
  if (other === undefined) return { compared: source, notes };
  const repository = {
    what: openRepository(program, other, { volumes, ledger }),
    host: hostOf(program, placedRepository(program, other).place),
  };
  return { compared: { ...source, other: repository }, notes };
}

async function preparedSource(
  asked: SourcesToPrepare,
  stack: AsyncDisposableStack,
): Promise<{ readonly source: Pick<CheckLevel, "source">; readonly notes: readonly string[] }> {
  const { job, signal } = asked;
  if (job.hooks.before.length > 0) {
    return without("it is ready only between the hooks of a backup");
  }
  if (job.sources.some(({ spec }) => spec.application === true)) {
    return without("an application is halted for a backup only");
  }
  const prepared = new AsyncDisposableStack();
  try {
    const { source, sourceHost } = await prepareSources(asked, prepared);
    stack.use(prepared);
    return { source: { source: { what: source, host: sourceHost } }, notes: [] };
  } catch (error) {
    await prepared.disposeAsync();
    if (!(error instanceof HoldfastError) || signal.aborted) throw error;
    return without(error.message);
  }
}

function without(reason: string) {
  return { source: {}, notes: [`not compared with what is backed up: ${reason}`] };
}
