// Knows: how the repositories of a job are reached outside of a run: by those who list, check and restore.
import type { Job } from "../config/config.ts";
import type { JobIdentity, Repository } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { VolumeState } from "../volumes/volume.ts";
import type { AttachVolume } from "./attachments.ts";
import { observeVolumes, presentPaths } from "./observe.ts";
import {
  identityOf,
  openRepository,
  placedRepository,
  repositoriesOf,
  type VolumePaths,
} from "./open.ts";
import type { Program } from "./program.ts";

/** A repository of a job, as far as it can be reached. */
export interface Reachable {
  readonly name: string;
  /** Opens it, and attaches its volume where that is needed and allowed. Throws `volume-away`. */
  readonly open: (signal: AbortSignal) => Promise<Repository>;
}

/** The repositories of a job, the one it backs up to first, and what its snapshots are known by. */
export interface Reach {
  readonly identity: JobIdentity;
  readonly repositories: readonly Reachable[];
  /** Where volumes are: those that were there, and those that were attached since. */
  readonly volumes: VolumePaths;
}

/** With what repositories are reached. */
export interface ReachOptions {
  readonly signal: AbortSignal;
  /** Attaches a volume that is plugged in. Without it such a volume counts as away. */
  readonly attach?: AttachVolume;
  /** Without it they can only be looked at. */
  readonly ledger?: Ledger;
}

/** Looks where the repositories of a job are. Nothing is attached before one of them is opened. */
export async function reachRepositories(
  program: Program,
  job: Job,
  options: ReachOptions,
): Promise<Reach> {
  const { signal, attach, ledger } = options;
  const states = await observeVolumes(program, job, signal);
  const volumes = new Map(presentPaths(states));
  const repositories = repositoriesOf(job).map((name): Reachable => {
    const { volume } = placedRepository(program, name).place;
    const open = async (until: AbortSignal): Promise<Repository> => {
      const state = volume === undefined ? undefined : states.get(volume);
      if (volume !== undefined && state !== undefined && !volumes.has(volume)) {
        if (state.kind !== "attachable" || attach === undefined) throw absence(volume, state);
        volumes.set(volume, await attach(volume, until));
      }
      return openRepository(program, name, {
        volumes,
        ...(ledger === undefined ? {} : { ledger }),
      });
    };
    return { name, open };
  });
  return { identity: identityOf(program, job, volumes), repositories, volumes };
}

function absence(volume: string, state: VolumeState): HoldfastError {
  if (state.kind === "away") {
    return new HoldfastError(
      "volume-away",
      state.reason,
      state.hint === undefined ? {} : { hint: state.hint },
    );
  }
  const reason = state.kind === "attachable" ? `: ${state.reason}` : "";
  return new HoldfastError("volume-away", `volume "${volume}" is not in use${reason}`, {
    hint: `attach it first: holdfast volumes attach ${volume}`,
  });
}
