// Knows: when two places are the same, or one is inside the other. Must not know: how places are written.
import { posix } from "node:path";
import type { Place } from "../kernel/place.ts";

/** Where a volume is, as far as its configuration says. */
export interface VolumeBase {
  /** The other machine that it is on. */
  readonly host?: string | undefined;
  /** Absent: it is wherever its device is mounted, or its entry is not understood. */
  readonly path?: string | undefined;
}

/** Where a place is, in one spelling. */
export interface Location {
  /** Absent: this machine. */
  readonly host?: string;
  /** A volume of which nobody knows the path: `path` then begins at its root. */
  readonly volume?: string;
  readonly path: string;
}

/** The location of a place. */
export function locationOf(
  { volume, path }: Place,
  bases: ReadonlyMap<string, VolumeBase>,
): Location {
  if (volume === undefined) return { path: inOneSpelling(path) };
  const { host, path: base } = bases.get(volume) ?? {};
  const machine = host === undefined ? {} : { host };
  return base === undefined
    ? { ...machine, volume, path: inOneSpelling(`/${path}`) }
    : { ...machine, path: inOneSpelling(`${base}/${path}`) };
}

/** Texts that are no paths of ours, such as `s3:…`, stay as they are, but for slashes at the end. */
function inOneSpelling(path: string): string {
  return path.startsWith("/")
    ? posix.normalize(path).replace(/(.)\/+$/, "$1")
    : path.replace(/\/+$/, "");
}

/** A text that is the same for equal locations only. */
export function locationKey({ host, volume, path }: Location): string {
  return JSON.stringify([host ?? "", volume ?? "", path]);
}

/** Whether a directory is the other one, or holds it. Of services nothing is known. */
export function contains(directory: Location, other: Location): boolean {
  if (directory.host !== other.host || directory.volume !== other.volume) return false;
  const { path } = directory;
  if (!path.startsWith("/")) return false;
  return other.path === path || other.path.startsWith(path.endsWith("/") ? path : `${path}/`);
}
