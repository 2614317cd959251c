// Knows: a directory tree on this machine that may be away: a drive that something else mounts, a
// network share. Must not know: how it comes and goes, and how it is configured.
import { join } from "node:path";
import type { Host, PathState } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import type { AttachedVolume, Volume, VolumeAccess, VolumeSpec, VolumeState } from "./volume.ts";

/** The file by which a volume is recognised: it tells a mounted drive from the empty folder below it. */
export const markerName = ".holdfast-volume";

// nbkp marks its volumes with such a file: what it has marked need not be marked again.
const markerNames = [markerName, ".nbkp-vol"];

/** Where a local volume is, and whether a marker proves it. */
export interface LocalPlace {
  /** Absolute. */
  readonly path: string;
  readonly marker: boolean;
}

/** A volume on this machine that can be opened. */
export function localVolume(place: LocalPlace): VolumeSpec {
  return { ...place, open: (access) => openLocal(place, access) };
}

function openLocal(place: LocalPlace, { name, host }: VolumeAccess): Volume {
  const observe = async (signal: AbortSignal): Promise<VolumeState> =>
    stateOf(place, await look(place, host, signal));
  return {
    name,
    observe,
    examine: async (signal) => [findingOf(name, await observe(signal))],

    async attach(signal): Promise<AttachedVolume> {
      const state = stateOf(place, await look(place, host, signal));
      if (state.kind !== "mounted") throw away(name, state);
      // Whatever mounted it takes it away again.
      return { path: state.path, did: [], [Symbol.asyncDispose]: async () => {} };
    },

    async init(signal): Promise<boolean> {
      const found = await look(place, host, signal);
      const state = stateOf({ ...place, marker: false }, found);
      // Never created here: below an absent drive, the directory would take the drive's place.
      if (state.kind !== "mounted") throw away(name, state);
      if (!place.marker || isMarked(found)) return false;
      const path = join(place.path, markerName);
      await host.run({ argv: ["touch", "--", path], effect: "writes" }, signal);
      return true;
    },
  };
}

/** What is at the volume's path, and at each path where a marker may be. */
interface Found {
  readonly directory: PathState;
  readonly markers: readonly PathState[];
}

async function look({ path }: LocalPlace, host: Host, signal: AbortSignal): Promise<Found> {
  const paths = [path, ...markerNames.map((name) => join(path, name))];
  const [directory = { kind: "missing" }, ...markers] = await host.inspect(paths, signal);
  return { directory, markers };
}

function isMarked({ markers }: Found): boolean {
  return markers.some(({ kind }) => kind !== "missing" && kind !== "unreadable");
}

function stateOf({ path, marker }: LocalPlace, found: Found): VolumeState {
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
      if (marker && !isMarked(found)) return unmarked(path, found);
      return { kind: "mounted", path, freeBytes: directory.freeBytes };
  }
}

function unmarked(path: string, { markers }: Found): VolumeState {
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

function findingOf(name: string, state: VolumeState): Finding {
  const subject = `volume ${name}`;
  switch (state.kind) {
    case "mounted":
      return { code: "volume", severity: "ok", subject, message: `is at ${state.path}` };
    case "attachable":
      return { code: "volume", severity: "ok", subject, message: state.reason };
    case "away": {
      const hint = state.hint === undefined ? {} : { hint: state.hint };
      return { code: state.code, severity: "away", subject, message: state.reason, ...hint };
    }
  }
}

function away(name: string, state: Exclude<VolumeState, { kind: "mounted" }>): HoldfastError {
  const details = "hint" in state && state.hint !== undefined ? { hint: state.hint } : {};
  const message = `volume "${name}" is not there: ${state.reason}`;
  return new HoldfastError("volume-away", message, details);
}
