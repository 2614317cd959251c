// Knows: how to find out, without changing anything, what a job would meet now. Must not know: what follows from it (plan).
import type { Job } from "../config/config.ts";
import type { RepositoryFacts } from "../journal/journal.ts";
import type { JobIdentity } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import type { PlacedSource, SourceState } from "../sources/source.ts";
import type { VolumeAway, VolumeState } from "../volumes/volume.ts";
import { unhealthyMark } from "./health.ts";
import { pinsFor } from "./holdings.ts";
import {
  identityOf,
  noLedger,
  openRepository,
  openSource,
  openVolume,
  placedRepository,
  volumesOf,
  type VolumePaths,
} from "./open.ts";
import type { Program } from "./program.ts";

/** Everything a plan is made from. Frozen in time: nothing in it is asked for again. */
export interface Observation {
  readonly job: Job;
  readonly now: Date;
  /** Where the volumes that are there were found. */
  readonly volumes: VolumePaths;
  /** Volumes that are plugged in and would be attached, with what they are now. */
  readonly attachable: ReadonlyMap<string, string>;
  readonly sources: readonly ObservedSource[];
  readonly repository: ObservedRepository;
  readonly copies: readonly ObservedRepository[];
  /** Why retention is frozen; empty when it is not. */
  readonly suspicious: readonly string[];
}

export type ObservedSource =
  | {
      readonly label: string;
      readonly state: "away";
      readonly reason: string;
      readonly hint?: string;
    }
  /** Its volume is plugged in; the source is seen when that is attached. */
  | { readonly label: string; readonly state: "attachable" }
  | { readonly label: string; readonly state: "seen"; readonly found: SourceState };

/** A repository as it was met. `unlisted`: its place is there, or can be attached; it was not asked. */
export type ObservedRepository = {
  readonly name: string;
  readonly facts?: RepositoryFacts;
  /** What its last check found wrong. */
  readonly unhealthy?: string;
} & (
  | { readonly state: "away"; readonly reason: string; readonly hint?: string }
  | { readonly state: "missing"; readonly error: HoldfastError }
  | { readonly state: "failed"; readonly error: HoldfastError }
  | { readonly state: "unlisted" }
  | {
      readonly state: "listed";
      readonly identity: JobIdentity;
      /** What a backup would add to: one series for each snapshot it makes. */
      readonly series: readonly string[];
      readonly snapshots: readonly Snapshot[];
      readonly verified: ReadonlyMap<string, Date>;
      /** What has to stay because of other repositories, and why. */
      readonly pins?: ReadonlyMap<string, string>;
    }
);

/** How closely to look: a run asks each repository anyway, so beforehand "places" is enough for it. */
export type Depth = "places" | "snapshots";

/** Looks at all that a job touches. Reads only. Expected absences are values in the answer. */
export async function observeJob(
  program: Program,
  job: Job,
  options: { readonly depth: Depth; readonly signal: AbortSignal },
): Promise<Observation> {
  const { depth, signal } = options;
  const states = await observeVolumes(program, job, signal);
  const volumes = presentPaths(states);
  const lookAtRepository = async (name: string): Promise<ObservedRepository> =>
    await observeRepository(program, { job, name, states, volumes, depth }, signal);

  const [sources, repository, copies] = await Promise.all([
    Promise.all(
      job.sources.map(async (source) => {
        const volume = source.place.volume;
        const state = volume === undefined ? undefined : states.get(volume);
        if (state?.kind === "away") return awaySource(source, state);
        if (state?.kind === "attachable")
          return { label: source.spec.label, state: "attachable" } as const;
        return await observeSource(program, { source, volumes }, signal);
      }),
    ),
    lookAtRepository(job.repository),
    Promise.all(job.copies.map(lookAtRepository)),
  ]);

  return {
    job,
    now: program.now(),
    volumes,
    attachable: attachableAmong(states),
    sources,
    repository,
    copies,
    suspicious: [
      ...new Set(program.journal.unaccepted(job.name).flatMap(({ end }) => end?.suspicious ?? [])),
    ],
  };
}

/** What all the volumes of a job are like now, each asked once. */
export async function observeVolumes(
  program: Program,
  job: Job,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, VolumeState>> {
  const repositories = [job.repository, ...job.copies].map((name) =>
    placedRepository(program, name),
  );
  const names = volumesOf([...job.sources, ...repositories].map(({ place }) => place));
  return new Map(
    await Promise.all(
      names.map(
        async (name) => [name, await openVolume(program, name, noLedger).observe(signal)] as const,
      ),
    ),
  );
}

/** Where the present ones among these volumes are. */
export function presentPaths(states: ReadonlyMap<string, VolumeState>): VolumePaths {
  return new Map(
    [...states].flatMap(([name, state]) =>
      state.kind === "mounted" ? [[name, state.path] as const] : [],
    ),
  );
}

function attachableAmong(states: ReadonlyMap<string, VolumeState>): ReadonlyMap<string, string> {
  return new Map(
    [...states].flatMap(([name, state]) =>
      state.kind === "attachable" ? [[name, state.reason] as const] : [],
    ),
  );
}

function awaySource(source: PlacedSource, state: VolumeAway): ObservedSource {
  return {
    label: source.spec.label,
    state: "away",
    reason: state.reason,
    ...(state.hint === undefined ? {} : { hint: state.hint }),
  };
}

async function observeSource(
  program: Program,
  options: { readonly source: PlacedSource; readonly volumes: VolumePaths },
  signal: AbortSignal,
): Promise<ObservedSource> {
  const { source, volumes } = options;
  const found = await openSource(program, source, { volumes, ledger: noLedger }).observe(signal);
  return { label: source.spec.label, state: "seen", found };
}

interface RepositoryToObserve {
  readonly job: Job;
  readonly name: string;
  readonly states: ReadonlyMap<string, VolumeState>;
  readonly volumes: VolumePaths;
  readonly depth: Depth;
}

async function observeRepository(
  program: Program,
  asked: RepositoryToObserve,
  signal: AbortSignal,
): Promise<ObservedRepository> {
  const { job, name, states, volumes, depth } = asked;
  const facts = program.journal.repository(name);
  const unhealthy = program.journal.mark(unhealthyMark(name));
  const common = {
    name,
    ...(facts === undefined ? {} : { facts }),
    ...(unhealthy === undefined ? {} : { unhealthy }),
  };
  const volume = placedRepository(program, name).place.volume;
  const state = volume === undefined ? undefined : states.get(volume);
  if (state?.kind === "away") {
    const { reason, hint } = state;
    return { ...common, state: "away", reason, ...(hint === undefined ? {} : { hint }) };
  }
  if (depth === "places" || state?.kind === "attachable") return { ...common, state: "unlisted" };

  return { ...common, ...(await listed(program, { job, name, volumes }, signal)) };
}

type Listed = Extract<ObservedRepository, { state: "missing" | "failed" | "listed" }>;

/** What a repository answers when it is asked for its snapshots. */
async function listed(
  program: Program,
  { job, name, volumes }: Pick<RepositoryToObserve, "job" | "name" | "volumes">,
  signal: AbortSignal,
): Promise<DistributedOmit<Listed, "name" | "facts" | "unhealthy">> {
  const repository = openRepository(program, name, { volumes });
  const identity = identityOf(program, job, volumes);
  try {
    const snapshots = await repository.snapshots(identity, signal);
    const verified = program.journal.verified(name);
    const series = repository.series(identity);
    const pins = pinsFor(program, { job, repository }, snapshots);
    return { state: "listed", identity, series, snapshots, verified, pins };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    return { state: error.code === "repository-missing" ? "missing" : "failed", error };
  }
}

type DistributedOmit<Type, Key extends PropertyKey> = Type extends unknown
  ? Omit<Type, Key>
  : never;
