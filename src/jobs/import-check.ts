// Knows: whether repositories that another tool left are there, and what of them goes on. Must not know: any tool, and any engine.
import type { Job } from "../config/config.ts";
import type { SecretPlace } from "../config/import/import.ts";
import type { JobIdentity, Repository } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { ResolveSecret } from "../kernel/secret-reference.ts";
import { Secret } from "../kernel/secret.ts";
import { onlyLooking, type Program } from "./program.ts";
import { reachRepositories } from "./reach.ts";

/** One repository of one job, as it was found. */
export interface ContinuedRepository {
  readonly job: string;
  readonly repository: string;
  /** `begun`: the first run begins anew there. `unknown`: it could not be looked at. */
  readonly state: "continued" | "begun" | "unknown";
  readonly message: string;
  readonly hint?: string;
  /** How many snapshots are there that the job goes on from, and how many of others. */
  readonly snapshots?: number;
  readonly others?: number;
  readonly newest?: { readonly id: string; readonly time: Date };
}

/**
 * Looks at the repositories of all jobs. Changes nothing. Secrets that were found are used from memory, also
 * where they are in no file yet.
 */
export async function checkImport(
  program: Program,
  secrets: readonly SecretPlace[],
  signal: AbortSignal,
): Promise<readonly ContinuedRepository[]> {
  const looking = onlyLooking({ ...program, secret: withFound(program.secret, secrets) });
  const found = await Promise.all(
    [...program.config.jobs.values()].map(async (job) => await checkJob(looking, job, signal)),
  );
  return found.flat();
}

function withFound(resolve: ResolveSecret, secrets: readonly SecretPlace[]): ResolveSecret {
  const known = new Map(secrets.map(({ named, secret }) => [named, secret]));
  return async (reference, signal) => {
    const found = "file" in reference ? known.get(reference.file) : undefined;
    if (found === undefined || found.reveal() === "") return await resolve(reference, signal);
    return new Secret(found.reveal());
  };
}

async function checkJob(
  program: Program,
  job: Job,
  signal: AbortSignal,
): Promise<readonly ContinuedRepository[]> {
  const { identity, repositories } = await reachRepositories(program, job, { signal });
  return await Promise.all(
    repositories.map(async ({ name, open }): Promise<ContinuedRepository> => {
      const of = { job: job.name, repository: name };
      try {
        return { ...of, ...(await lookAt(await open(signal), identity, signal)) };
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
        const { message, hint } = error;
        return { ...of, state: "unknown", message, ...(hint === undefined ? {} : { hint }) };
      }
    }),
  );
}

type Found = Omit<ContinuedRepository, "job" | "repository">;

async function lookAt(
  repository: Repository,
  identity: JobIdentity,
  signal: AbortSignal,
): Promise<Found> {
  const { location } = repository;
  if (!(await repository.exists(signal))) {
    return {
      state: "begun",
      message: `there is no repository at ${location}`,
      hint: "holdfast init creates it",
    };
  }
  const all = await repository.snapshots(identity, signal);
  const ours = all.filter(({ series }) => series !== undefined);
  const newest = ours.at(-1);
  const numbers = { snapshots: ours.length, others: all.length - ours.length };
  if (newest !== undefined) {
    const { id, time } = newest;
    const many = ours.length === 1 ? "1 snapshot" : `${ours.length} snapshots`;
    return {
      state: "continued",
      message: `${many} at ${location}`,
      ...numbers,
      newest: { id, time },
    };
  }
  if (all.length === 0) {
    return { state: "continued", message: `holds no snapshot yet at ${location}`, ...numbers };
  }
  return {
    state: "begun",
    message: `${all.length} snapshots at ${location}, of which none is of this job: host or paths differ`,
    hint: "they stay, and can be restored; nothing of them is forgotten",
    ...numbers,
  };
}
