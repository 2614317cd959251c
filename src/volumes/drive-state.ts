// Knows: whether a drive counts as there, and why not. Pure. Must not know: how it was looked at.
import type { PathState } from "../hosts/host.ts";
import type { Mount } from "./block-devices.ts";
import { writtenId } from "./device-id.ts";
import { directoryState } from "./directory-state.ts";
import { type Drive, mountAt, mountsOf, widestMount } from "./drive.ts";
import type { DrivePlace } from "./drive-place.ts";
import type { Marked } from "./marker.ts";
import type { Survey } from "./survey.ts";
import type { VolumeAway, VolumeState } from "./volume.ts";

/** All that was seen of a drive. */
export interface DriveFacts {
  /** What the volume is called. */
  readonly name: string;
  readonly survey: Survey;
  readonly drive: Drive;
  /** A person can be asked for the passphrase, if that is what is configured. */
  readonly canAsk: boolean;
  /** What is at the path where it should be, when it is mounted. */
  readonly at?: {
    readonly path: string;
    readonly marked: Marked;
    /** What is at each of the drive's mount points. */
    readonly mountPoints: readonly PathState[];
  };
}

/** Where a mounted drive is looked for: at its configured path, else where it is mounted. */
export function expectedPath({ path }: DrivePlace, drive: Drive): string | undefined {
  if (drive.kind !== "open" || drive.mounts.length === 0) return undefined;
  return path ?? widestMount(drive.mounts)?.target;
}

/** Says whether the drive is mounted, can be, or is away. */
export function driveState(place: DrivePlace, facts: DriveFacts): VolumeState {
  const { drive } = facts;
  switch (drive.kind) {
    case "absent":
      return absent(place, facts);
    case "ambiguous":
      return {
        kind: "away",
        code: "device-ambiguous",
        reason: `${drive.paths.join(" and ")} both carry ${writtenId(place.id)}`,
        hint: "unplug the copy, or give it an id of its own",
      };
    case "locked":
      return locked(place, facts);
    case "open":
      return drive.mounts.length === 0 ? unmounted(place, facts) : mounted(place, facts);
  }
}

function absent({ path, id }: DrivePlace, { survey }: DriveFacts): VolumeAway {
  const there = path === undefined ? undefined : survey.mounts.findLast((m) => m.target === path);
  const gone =
    there?.source.startsWith("/dev/") === true &&
    !survey.devices.some((device) => mountsOf([there], [device]).length > 0);
  return {
    kind: "away",
    code: "device-not-present",
    reason: gone
      ? `the drive was pulled out while it was mounted at ${path}`
      : `no drive with ${writtenId(id)} is plugged in`,
    hint: gone ? "holdfast recover, or: umount it" : "plug it in; lsblk -f lists what is there",
  };
}

function locked({ passphrase, mount }: DrivePlace, { canAsk, name }: DriveFacts): VolumeState {
  if (mount === "never" || passphrase === undefined) {
    return {
      kind: "away",
      code: "device-locked",
      reason: "it is plugged in, encrypted and locked",
      hint:
        mount === "never"
          ? "unlock and mount it: `mount: never` leaves that to you"
          : "unlock it, or configure `unlock` to have it unlocked when it is needed",
    };
  }
  if ("prompt" in passphrase && !canAsk) {
    return {
      kind: "away",
      code: "passphrase-unavailable",
      reason: "it is locked, and there is no terminal to ask for its passphrase",
      hint: `unlock it beforehand, with: holdfast volumes attach ${name}`,
    };
  }
  return { kind: "attachable", reason: "is plugged in and locked; it is unlocked when needed" };
}

function unmounted({ path, mount }: DrivePlace, { survey }: DriveFacts): VolumeState {
  if (mount === "never") {
    return {
      kind: "away",
      code: "volume-not-mounted",
      reason: "it is plugged in and not mounted",
      hint: "mount it: `mount: never` leaves that to you",
    };
  }
  const other = survey.mounts.findLast(({ target }) => target === path);
  if (other !== undefined) return mismatch(other);
  return { kind: "attachable", reason: "is plugged in; it is mounted when needed" };
}

function mismatch({ target, source }: Mount): VolumeAway {
  return {
    kind: "away",
    code: "volume-mismatch",
    reason: `another file system, ${source}, is mounted at ${target}`,
    hint: "unmount that, or correct `path` or `device`",
  };
}

function mounted(place: DrivePlace, { survey, drive, at }: DriveFacts): VolumeState {
  if (at === undefined || drive.kind !== "open")
    throw new Error("a mounted drive was not looked at");
  const { directory } = at.marked;
  if (directory.kind === "directory" || directory.kind === "missing") {
    const real = directory.kind === "directory" ? (directory.leadsTo ?? at.path) : at.path;
    const covering = mountAt(survey.mounts, real);
    const isOurs = covering !== undefined && drive.mounts.includes(covering);
    // A link in the middle of the path may lead there too.
    const same = at.mountPoints.some(
      (point) =>
        point.kind === "directory" &&
        directory.kind === "directory" &&
        point.device === directory.device,
    );
    if (!isOurs && !same) return elsewhere(at.path, drive.mounts, covering);
  }
  return directoryState({ path: at.path, marker: place.marker }, at.marked);
}

function elsewhere(
  path: string,
  mounts: readonly Mount[],
  covering: Mount | undefined,
): VolumeAway {
  if (covering?.target === path) return mismatch(covering);
  const where = mounts.map(({ target }) => target).join(" and ");
  return {
    kind: "away",
    code: "fstab-mismatch",
    reason: `it is mounted at ${where}, and not at ${path}`,
    hint: "correct `path`, leave it out, or give /etc/fstab a line for it; see: holdfast doctor",
  };
}
