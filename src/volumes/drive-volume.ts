// Knows: a drive that is plugged in, unlocked and mounted when it is needed. Must not know: how it is configured.
import { attachDrive, type OpenedDrive } from "./attach.ts";
import { unlessUnreachable } from "./away.ts";
import { findDrive } from "./drive.ts";
import type { DrivePlace } from "./drive-place.ts";
import { type DriveFacts, driveState, expectedPath } from "./drive-state.ts";
import { examineDrive } from "./examine.ts";
import { markDirectory } from "./local-volume.ts";
import { markedFrom, markedPaths } from "./marker.ts";
import { ownTerminal } from "./passphrase.ts";
import { survey } from "./survey.ts";
import type { Volume, VolumeAccess, VolumeState } from "./volume.ts";

/** Opens a drive of any machine. Nothing is looked at yet. */
export function openDrive(place: DrivePlace, access: VolumeAccess): Volume {
  const { name, host } = access;
  const drive: OpenedDrive = {
    place,
    access,
    look: async (signal) => await lookAtDrive(place, access, signal),
  };
  const observe = async (signal: AbortSignal): Promise<VolumeState> =>
    await unlessUnreachable(async () => driveState(place, await drive.look(signal)));
  return {
    name,
    observe,
    attach: async (signal) => await attachDrive(drive, signal),
    examine: async (signal) => await examineDrive(drive, await observe(signal), signal),

    async init(signal): Promise<boolean> {
      const unmarked = { ...drive, place: { ...place, marker: false } };
      await using attached = await attachDrive(unmarked, signal);
      const there = { path: attached.path, marker: place.marker };
      return await markDirectory(there, { name, host }, signal);
    },
  };
}

async function lookAtDrive(
  place: DrivePlace,
  { name, host }: VolumeAccess,
  signal: AbortSignal,
): Promise<DriveFacts> {
  const found = await survey(host, signal);
  const drive = findDrive(found, place.id);
  const facts = { name, survey: found, drive, canAsk: ownTerminal() !== undefined };
  const path = expectedPath(place, drive);
  if (path === undefined || drive.kind !== "open") return facts;
  const paths = markedPaths(path);
  const mountPoints = drive.mounts.map(({ target }) => target);
  const states = await host.inspect([...paths, ...mountPoints], signal);
  const marked = markedFrom(states.slice(0, paths.length));
  return { ...facts, at: { path, marked, mountPoints: states.slice(paths.length) } };
}
