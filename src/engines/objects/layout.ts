// Knows: how content and snapshots lie on a disk, as nextcloud-s3-backup laid them out. Must not know: how they get there.
import { posix } from "node:path";

/** The paths of one repository. */
export interface Places {
  readonly root: string;
  /** All that is not for looking at. */
  readonly store: string;
  /** Content by its SHA-1: two digits, a slash, the others. */
  readonly sha1: string;
  /** The same inodes by the ETag of the object that they came from. */
  readonly etag: string;
  /** What is being fetched. */
  readonly downloading: string;
  /** What is known of each snapshot, beside its files. */
  readonly manifests: string;
  /** Says that a backup is running, and whose. */
  readonly lease: string;
  readonly snapshots: string;
}

export function placesIn(location: string): Places {
  const root = posix.normalize(location).replace(/(?<=.)\/$/, "");
  const store = posix.join(root, ".data");
  const at = (name: string): string => posix.join(store, name);
  return {
    root,
    store,
    sha1: at("sha1"),
    etag: at("etag"),
    downloading: at("downloading"),
    manifests: at("manifests"),
    lease: at("running.json"),
    snapshots: posix.join(root, "snapshots"),
  };
}

/** Where content is below `sha1`, or below `etag` for an ETag. */
export function shelfOf(hash: string): string {
  return `${hash.slice(0, 2)}/${hash.slice(2)}`;
}

/** An ETag that says something about content: an MD5, or that of the MD5s of so many parts. */
export function isTelling(etag: string): boolean {
  return /^[0-9a-f]{32}(-\d{1,5})?$/.test(etag);
}

const making = ".holdfast-new-";
const leaving = ".holdfast-gone-";

/** Where a snapshot is while it is being made. */
export function hiddenPlace(places: Places, name: string): string {
  return posix.join(places.snapshots, `${making}${name}`);
}

/** Where a snapshot is while it is being removed. */
export function leavingPlace(places: Places, name: string): string {
  return posix.join(places.snapshots, `${leaving}${name}`);
}

/** What an interrupted backup or removal left behind. */
export function isLeftover(name: string): boolean {
  return name.startsWith(making) || name.startsWith(leaving);
}

/** What an interrupted removal left behind. */
export function isLeaving(name: string): boolean {
  return name.startsWith(leaving);
}

export function snapshotPlace(places: Places, name: string): string {
  return posix.join(places.snapshots, name);
}

export function manifestPlace(places: Places, name: string): string {
  return posix.join(places.manifests, `${name}.jsonl.zst`);
}

export function recordPlace(places: Places, name: string): string {
  return posix.join(places.manifests, `${name}.json`);
}

/** Why nothing can be put at this path of a snapshot: a sentence. Nothing when it can. */
export function reasonAgainst(path: string): string | undefined {
  if (path === "") return "it has no name";
  if (path.includes("\0")) return "its name holds a zero byte";
  if (path.startsWith("/")) return "its path begins with a slash";
  if (!/(^|\/)\.{0,2}(\/|$)/.test(path)) return undefined;
  return 'its path has a part that is empty, "." or ".."';
}
