// Knows: how a place in the configuration becomes something opened. Must not know: what is done with it.
import { join } from "node:path";
import type { Job, PlacedRepository } from "../config/config.ts";
import type { JobIdentity, Repository } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { Place } from "../kernel/place.ts";
import type { PlacedSource, Source } from "../sources/source.ts";
import type { Host } from "../hosts/host.ts";
import type { Volume } from "../volumes/volume.ts";
import type { Program } from "./program.ts";

/** Where volumes are attached right now, by name. */
export type VolumePaths = ReadonlyMap<string, string>;

/** A ledger for those who only look: nothing that observes may change anything. */
export const noLedger: Ledger = {
  promise(entry) {
    throw new Error(`a change was announced while only looking: ${entry.kind} ${entry.subject}`);
  },
};

export function openVolume(program: Program, name: string, ledger: Ledger): Volume {
  const spec = program.config.volumes.get(name);
  if (spec === undefined) throw new Error(`volume ${name} is not configured`);
  const { hosts, secret } = program;
  return spec.open({ name, host: hosts.get(spec.host), ledger, secret });
}

/** The machine that a place is on. */
export function hostOf({ config, hosts }: Program, { volume }: Place): Host {
  return hosts.get(volume === undefined ? undefined : config.volumes.get(volume)?.host);
}

/** The configured repository. The name is known to exist: the configuration was checked. */
export function placedRepository(program: Program, name: string): PlacedRepository {
  const placed = program.config.repositories.get(name);
  if (placed === undefined) throw new Error(`repository ${name} is not configured`);
  return placed;
}

/**
 * Opens a repository whose volume, if it has one, is at its place in `volumes`. Without a ledger it can
 * only be looked at.
 */
export function openRepository(
  program: Program,
  name: string,
  { volumes, ledger = noLedger }: { readonly volumes: VolumePaths; readonly ledger?: Ledger },
): Repository {
  const { spec, place } = placedRepository(program, name);
  return spec.open({
    host: hostOf(program, place),
    here: program.hosts.here,
    ledger,
    location: resolvePlace(place, volumes),
    name,
    secret: program.secret,
  });
}

export function openSource(
  program: Program,
  source: PlacedSource,
  context: { readonly volumes: VolumePaths; readonly ledger: Ledger },
): Source {
  const { spec, place } = source;
  const { volumes, ledger } = context;
  return spec.open({
    host: hostOf(program, place),
    location: resolvePlace(place, volumes),
    ledger,
    secret: program.secret,
    newestSnapshot: async (signal) =>
      spec.repository === true
        ? await newestOf(program, { name: spec.at, volumes }, signal)
        : undefined,
  });
}

/** Where the newest snapshot of a repository can be read, on the repository's machine. */
async function newestOf(
  program: Program,
  of: { readonly name: string; readonly volumes: VolumePaths },
  signal: AbortSignal,
): Promise<string | undefined> {
  const repository = openRepository(program, of.name, of);
  // The series of its own job do not matter here: whoever made it, it is the newest.
  const snapshots = await repository.snapshots({ name: of.name, paths: [] }, signal);
  const newest = snapshots.at(-1);
  return newest === undefined ? undefined : repository.browse?.(newest);
}

/** Fills in where the volume is. Throws `volume-away` when it is nowhere. */
function resolvePlace(place: Place, volumes: VolumePaths): string {
  if (place.volume === undefined) return place.path;
  const base = volumes.get(place.volume);
  if (base === undefined) {
    throw new HoldfastError("volume-away", `volume "${place.volume}" is not there`, {
      hint: "see what is there with: holdfast volumes",
    });
  }
  return join(base, place.path);
}

/** Whether the volume of a repository, if it has one, is among these. */
export function isThere(program: Program, repository: string, volumes: VolumePaths): boolean {
  const { volume } = placedRepository(program, repository).place;
  return volume === undefined || volumes.has(volume);
}

/** The job's own configuration. The name is known to exist. */
export function configuredJob(program: Program, name: string): Job {
  const job = program.config.jobs.get(name);
  if (job === undefined) throw new Error(`job ${name} is not configured`);
  return job;
}

/** All repositories of a job, the one it backs up to first. */
export function repositoriesOf(job: Job): readonly string[] {
  return [job.repository, ...job.copies];
}

/** The volumes that these places are on, each once. */
export function volumesOf(places: readonly Place[]): readonly string[] {
  return [...new Set(places.flatMap(({ volume }) => (volume === undefined ? [] : [volume])))];
}

/**
 * What the job's snapshots are known by. Where a source would be counts even while its volume is away
 * or not in use: with some of its paths only, a job would take what another program made of those for
 * its own, and forget it.
 */
export function identityOf(program: Program, job: Job, volumes: VolumePaths): JobIdentity {
  const context = {
    volumes: new Map([...placesOfVolumes(program), ...volumes]),
    ledger: noLedger,
  };
  return {
    name: job.name,
    paths: job.sources.flatMap((source) => openSource(program, source, context).paths),
  };
}

/** Where each volume is when it is in use, for those who need no more than a name for it. */
export function placesOfVolumes({ config }: Program): VolumePaths {
  // Of one that is wherever its device is mounted nothing is known: no path of another program is that.
  return new Map(
    [...config.volumes].map(([name, { path = `volume:${name}` }]) => [name, path] as const),
  );
}
