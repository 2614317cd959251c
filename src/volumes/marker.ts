// Knows: the file by which a volume is recognised. Must not know: how the volume comes and goes.
import { posix } from "node:path";
import type { Host, PathState } from "../hosts/host.ts";

/** The file by which a volume is recognised: it tells a mounted drive from the empty folder below it. */
export const markerName = ".holdfast-volume";

// nbkp marks its volumes with such a file: what it has marked need not be marked again.
const markerNames = [markerName, ".nbkp-vol"];

/** A directory, and each path in it where a marker may be. */
export interface Marked {
  readonly directory: PathState;
  readonly markers: readonly PathState[];
}

/** The paths to look at for `markedFrom`, in that order. */
export function markedPaths(path: string): readonly string[] {
  return [path, ...markerNames.map((name) => posix.join(path, name))];
}

/** What was found at the paths of `markedPaths`. */
export function markedFrom(states: readonly PathState[]): Marked {
  const [directory = { kind: "missing" }, ...markers] = states;
  return { directory, markers };
}

/** Looks at a directory and its markers in one round trip. */
export async function lookAtMarked(path: string, host: Host, signal: AbortSignal): Promise<Marked> {
  return markedFrom(await host.inspect(markedPaths(path), signal));
}

export function isMarked({ markers }: Marked): boolean {
  return markers.some(({ kind }) => kind !== "missing" && kind !== "unreadable");
}

/** Writes the marker. */
export async function writeMarker(path: string, host: Host, signal: AbortSignal): Promise<void> {
  const argv = ["touch", "--", posix.join(path, markerName)] as const;
  await host.run({ argv, effect: "writes" }, signal);
}
