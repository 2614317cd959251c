// Knows: how the repositories of a job are reached outside of a run: by those who list, check and restore.
import type { Job } from "../config/config.ts";
import type { JobIdentity, Repository } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { observeVolumes, presentPaths } from "./observe.ts";
import { identityOf, openRepository, placedRepository, repositoriesOf } from "./open.ts";
import type { Program } from "./program.ts";

/** A repository of a job: opened, or away with the reason. */
export type Reached =
  | { readonly name: string; readonly away: false; readonly repository: Repository }
  | { readonly name: string; readonly away: true; readonly error: HoldfastError };

/** The repositories of a job, the one it backs up to first, and what its snapshots are known by. */
export async function reachRepositories(
  program: Program,
  job: Job,
  signal: AbortSignal,
): Promise<{ readonly identity: JobIdentity; readonly repositories: readonly Reached[] }> {
  const states = await observeVolumes(program, job, signal);
  const present = presentPaths(states);
  const identity = identityOf(program, job, present);
  const repositories = repositoriesOf(job).map((name): Reached => {
    const { volume } = placedRepository(program, name).place;
    const state = volume === undefined ? undefined : states.get(volume);
    if (state?.kind !== "away") {
      return { name, away: false, repository: openRepository(program, name, { volumes: present }) };
    }
    const details = state.hint === undefined ? {} : { hint: state.hint };
    return { name, away: true, error: new HoldfastError("volume-away", state.reason, details) };
  });
  return { identity, repositories };
}
