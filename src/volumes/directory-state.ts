// Knows: whether a directory counts as a volume that is there. Pure. Must not know: how it was looked at.
import type { PathState } from "../hosts/host.ts";
import { isMarked, type Marked, markerName } from "./marker.ts";
import type { VolumeState } from "./volume.ts";

/** A directory that has to be there, and whether a marker proves it. */
export interface MarkedPlace {
  readonly path: string;
  readonly marker: boolean;
}

/** Says whether the volume is there, and why not. */
export function directoryState({ path, marker }: MarkedPlace, found: Marked): VolumeState {
  const { directory } = found;
  switch (directory.kind) {
    case "missing":
      return {
        kind: "away",
        code: "volume-missing",
        reason: `${path} does not exist`,
        hint: "plug it in or mount it",
      };
    case "unreadable":
      return {
        kind: "away",
        code: "volume-unreadable",
        reason: `${path} cannot be read: ${directory.reason}`,
      };
    case "file":
    case "other":
      return { kind: "away", code: "volume-missing", reason: `${path} is not a directory` };
    case "directory":
      if (marker && !isMarked(found)) return unmarked(path, found.markers);
      return { kind: "mounted", path, freeBytes: directory.freeBytes };
  }
}

function unmarked(path: string, markers: readonly PathState[]): VolumeState {
  const unreadable = markers.find((state) => state.kind === "unreadable");
  if (unreadable !== undefined) {
    const reason = `${path} may be marked or not: its marker cannot be read: ${unreadable.reason}`;
    return { kind: "away", code: "marker-unreadable", reason };
  }
  return {
    kind: "away",
    code: "marker-missing",
    reason: `${path} holds no ${markerName}, so it may be the empty folder below a drive that is not mounted`,
    hint: "mount it; if it is mounted, mark it once with: holdfast init",
  };
}
