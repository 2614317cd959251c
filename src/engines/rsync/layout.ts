// Knows: how a mirror and its snapshots lie on a disk, as nbkp laid them out too. Must not know: how they get there.
import { posix } from "node:path";
import type { Layout } from "./options.ts";

/** The paths of one repository. */
export interface Places {
  readonly layout: Layout;
  readonly root: string;
  readonly snapshots: string;
  readonly latest: string;
  /** Where a new link is made before it takes the place of `latest`. */
  readonly nextLatest: string;
  readonly staging: string;
  /** A snapshot that is not complete yet. */
  readonly partial: string;
  /** Snapshots that are being deleted. */
  readonly deleted: string;
  /** What is known of each snapshot. */
  readonly records: string;
  /** What is known of a mirror without snapshots. */
  readonly mirrorRecord: string;
}

export function placesIn(location: string, layout: Layout): Places {
  const root = posix.normalize(location).replace(/(?<=.)\/$/, "");
  const at = (name: string): string => posix.join(root, name);
  return {
    layout,
    root,
    snapshots: at("snapshots"),
    latest: at("latest"),
    nextLatest: at(".holdfast-latest"),
    staging: at("staging"),
    partial: at(".holdfast-partial"),
    deleted: at(".holdfast-deleted"),
    records: at(".holdfast-records"),
    mirrorRecord: at(".holdfast-mirror.json"),
  };
}

/** Where the files of a snapshot are. */
export function folderOf(places: Places, id: string): string {
  return places.layout === "none" ? places.root : posix.join(places.snapshots, id);
}

const hidden = ".holdfast-deleted-";

/** Where a snapshot of a subvolume is while it is being deleted. */
export function hiddenFolderOf(places: Places, id: string): string {
  return posix.join(places.snapshots, `${hidden}${id}`);
}

/** The name of a snapshot made at this moment. */
export function nameOf(moment: Date): string {
  return moment.toISOString();
}

// nbkp writes hyphens for colons where the file system has no colons.
const timestamp = /^(\d{4}-\d\d-\d\d)T(\d\d)[:-](\d\d)[:-](\d\d(?:\.\d{1,6})?)Z$/;

/** When a snapshot of this name was made; nothing when it is no name of a snapshot. */
export function momentOf(name: string): Date | undefined {
  const [, date, hours, minutes, seconds] = timestamp.exec(name) ?? [];
  if (date === undefined) return undefined;
  const moment = new Date(`${date}T${hours}:${minutes}:${seconds}Z`);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}

/** What `latest` is. */
export type Latest =
  | { readonly kind: "missing" }
  /** It leads to /dev/null: there is none yet. */
  | { readonly kind: "none" }
  | { readonly kind: "snapshot"; readonly id: string }
  /** A folder or subvolume: the place that an older nbkp wrote to. */
  | { readonly kind: "folder" }
  | { readonly kind: "broken"; readonly target: string };

/** A snapshot as it lies there. */
export interface Lying {
  readonly id: string;
  readonly time: Date;
  /** Whether it could be changed: false of a read-only snapshot of btrfs, for root too. */
  readonly writable: boolean;
  readonly subvolume: boolean;
}

/** What was seen of a repository with snapshots. */
export interface Standing {
  readonly latest: Latest;
  /** Oldest first. */
  readonly snapshots: readonly Lying[];
  readonly snapshotsFolder: "missing" | "writable" | "read-only";
  /** Where a subvolume is written to, if there is any. */
  readonly staging?: {
    readonly path: string;
    readonly subvolume: boolean;
    readonly writable: boolean;
  };
  /** Entries of `snapshots` that are none. */
  readonly strays: readonly string[];
  /** Names of snapshots whose deletion was interrupted. */
  readonly halfDeleted: readonly string[];
  /** What interrupted runs left, by name. */
  readonly leftovers: readonly string[];
  /** Whether there is a folder for records: not where only nbkp has been. */
  readonly hasRecords: boolean;
  /** Names of files and folders that are neither ours nor nbkp's. */
  readonly foreign: readonly string[];
}

/** One entry of a folder. */
interface Entry {
  readonly folder: string;
  readonly name: string;
  /** As `find` calls it: d, f, l, … */
  readonly type: string;
  readonly leadsTo: string;
  readonly inode: string;
  readonly writable: boolean;
}

const fields = 6;

/** The records in what `lookCommand` prints: all that comes after the last entry, or between two. */
export function recordsIn(output: string): string {
  return output
    .split("\0")
    .filter((part) => part.startsWith("{"))
    .map(withoutEntry)
    .join("");
}

/** `find` prints records in one go, but may do so before its last entries: then one of those follows. */
function withoutEntry(part: string): string {
  return part.slice(0, part.lastIndexOf("\n") + 1);
}

function entriesOf(output: string): readonly Entry[] {
  const parts = output
    .split("\0")
    .map((part) => (part.startsWith("{") ? part.slice(part.lastIndexOf("\n") + 1) : part));
  return Array.from({ length: Math.floor(parts.length / fields) }, (_, index) => {
    const [folder = "", name = "", type = "", leadsTo = "", inode = "", writable] = parts.slice(
      index * fields,
      (index + 1) * fields,
    );
    return { folder, name, type, leadsTo, inode, writable: writable === "w" };
  });
}

// The root of every subvolume has this inode.
const isSubvolume = ({ type, inode }: Entry): boolean => type === "d" && inode === "256";
const ours = /^(\.nbkp-|\.holdfast-)|^(latest|snapshots|staging|lost\+found)$/;
const left = /^\.holdfast-(partial|deleted|latest)$/;

/** Reads what `lookCommand` prints. */
export function standingOf(places: Places, output: string): Standing {
  const entries = entriesOf(output);
  const inRoot = entries.filter(({ folder }) => folder === places.root);
  const named = (name: string): Entry | undefined => inRoot.find((entry) => entry.name === name);
  const below = entries.filter(({ folder }) => folder === places.snapshots);
  const snapshots = below.flatMap((entry): readonly Lying[] => {
    const time = entry.type === "d" ? momentOf(entry.name) : undefined;
    if (time === undefined) return [];
    const { name: id, writable } = entry;
    return [{ id, time, writable, subvolume: isSubvolume(entry) }];
  });
  const known = new Set(snapshots.map(({ id }) => id));
  const latest = latestOf(named("latest"), known);
  const staging = named("staging") ?? (latest.kind === "folder" ? named("latest") : undefined);
  const folder = named("snapshots");
  const state = folder?.writable === true ? "writable" : "read-only";
  return {
    latest,
    snapshots: snapshots.toSorted((a, b) => a.time.getTime() - b.time.getTime()),
    snapshotsFolder: folder?.type === "d" ? state : "missing",
    ...(staging?.type === "d" && {
      staging: {
        path: posix.join(places.root, staging.name),
        subvolume: isSubvolume(staging),
        writable: staging.writable,
      },
    }),
    strays: below
      .map(({ name }) => name)
      .filter((name) => !known.has(name) && !name.startsWith(hidden)),
    halfDeleted: below
      .map(({ name }) => name)
      .filter((name) => name.startsWith(hidden))
      .map((name) => name.slice(hidden.length)),
    leftovers: inRoot.map(({ name }) => name).filter((name) => left.test(name)),
    hasRecords: named(posix.basename(places.records))?.type === "d",
    foreign: inRoot.map(({ name }) => name).filter((name) => !ours.test(name)),
  };
}

function latestOf(entry: Entry | undefined, known: ReadonlySet<string>): Latest {
  if (entry === undefined) return { kind: "missing" };
  if (entry.type === "d") return { kind: "folder" };
  if (entry.leadsTo === "/dev/null") return { kind: "none" };
  const [, id] = /^(?:\.\/)?snapshots\/([^/]+)\/?$/.exec(entry.leadsTo) ?? [];
  if (id !== undefined && known.has(id)) return { kind: "snapshot", id };
  return { kind: "broken", target: entry.leadsTo };
}
