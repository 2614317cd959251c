// Knows: a directory tree that something else mounts: a drive, a network share, a part of a disk.
// Must not know: how it comes and goes, and how it is configured.
import type { Host } from "../hosts/host.ts";
import { findingOf, unlessUnreachable, volumeAway } from "./away.ts";
import { directoryState, type MarkedPlace } from "./directory-state.ts";
import { isMarked, lookAtMarked, writeMarker } from "./marker.ts";
import type { AttachedVolume, Volume, VolumeAccess, VolumeSpec, VolumeState } from "./volume.ts";

/** A volume on this machine that can be opened, at an absolute path. */
export function localVolume(place: MarkedPlace): VolumeSpec {
  return { ...place, open: (access) => openDirectory(place, access) };
}

/** A directory of any machine, as a volume that is never mounted from here. */
export function openDirectory(place: MarkedPlace, access: VolumeAccess): Volume {
  const { name, host } = access;
  const look = async (signal: AbortSignal): Promise<VolumeState> =>
    directoryState(place, await lookAtMarked(place.path, host, signal));
  const observe = async (signal: AbortSignal): Promise<VolumeState> =>
    await unlessUnreachable(async () => await look(signal));
  return {
    name,
    observe,
    examine: async (signal) => [findingOf(name, await observe(signal))],

    async attach(signal): Promise<AttachedVolume> {
      const state = await observe(signal);
      if (state.kind !== "mounted") throw volumeAway(name, state);
      // Whatever mounted it takes it away again.
      return { path: state.path, did: [], [Symbol.asyncDispose]: async () => {} };
    },

    init: async (signal) => await markDirectory(place, { name, host }, signal),
  };
}

/** Writes the marker into a directory that is there. Throws `volume-away`. */
export async function markDirectory(
  place: MarkedPlace,
  { name, host }: { readonly name: string; readonly host: Host },
  signal: AbortSignal,
): Promise<boolean> {
  const found = await lookAtMarked(place.path, host, signal);
  const state = directoryState({ ...place, marker: false }, found);
  // Never created here: below an absent drive, the directory would take the drive's place.
  if (state.kind !== "mounted") throw volumeAway(name, state);
  if (!place.marker || isMarked(found)) return false;
  await writeMarker(place.path, host, signal);
  return true;
}
