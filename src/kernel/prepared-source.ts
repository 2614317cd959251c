// Knows: what a source hands to an engine. Must not know: how it was made safe to read.
import type { Readable } from "node:stream";
import type { Evidence } from "./evidence.ts";

/** The shapes in which a source can be read. An engine says which of them it accepts. */
export type SourceKind = PreparedSource["kind"];

/** What all of them can do. */
interface Prepared extends AsyncDisposable {
  /** Aborts when it is no longer safe to read, with the reason: a backup that still reads has failed. */
  readonly until?: AbortSignal;
  /** What preparing it proved. Asked for after it was disposed of. */
  evidence?(): Evidence;
}

/** Files and folders of one host, safe to read until it is disposed of. */
export interface PreparedPaths extends Prepared {
  readonly kind: "paths";
  /** Absolute paths, in the order of the configuration. */
  readonly paths: readonly string[];
  /**
   * A folder that each of the paths is in, or is. Engines that can, name what they keep as seen from there.
   * Absent: the root of the file system.
   */
  readonly root?: string;
  /**
   * The moment whose state they are in, where that is before they are read: of a snapshot, when making it
   * began. What changed after it is not in them, though its time is older than the reading. Absent: now.
   */
  readonly asOf?: Date;
}

/** One subvolume of a btrfs, of which snapshots can be made until it is disposed of. */
export interface PreparedSubvolume extends Prepared {
  readonly kind: "subvolume";
  /** Absolute. */
  readonly path: string;
}

/** Objects of a store, under the paths by which people know them. */
export interface PreparedObjects extends Prepared {
  readonly kind: "objects";
  /** Which store, such as `s3://bucket`: with the key it says which object is meant. Stable. */
  readonly store: string;
  /**
   * Everything that a snapshot is to hold, in batches: files in the order of the bytes of their keys, and
   * folders in any order; those whose time is to be kept come before the first file. May be asked for once.
   */
  entries(signal: AbortSignal): AsyncIterable<readonly ObjectEntry[]>;
  /** Every object of the store, in batches and in the order of the bytes of their keys. */
  objects(signal: AbortSignal): AsyncIterable<readonly StoredObject[]>;
  /**
   * The bytes of an object, or some of them. Throws `object-missing` when there is none, `object-changed`
   * when it has another ETag than is asked for, and `source-unreadable` when they are not the content of a file
   * (encrypted by the application). `store-unusable`: none can be had.
   */
  read(request: ObjectRequest, signal: AbortSignal): Promise<Readable>;
  /**
   * What the application says of this object by now. Worth asking where an object is missing or not what its
   * entry says: it may have been replaced or removed since. None: nothing holds it any more. Absent: it
   * cannot be asked again.
   */
  again?(key: string, signal: AbortSignal): Promise<readonly ObjectFile[]>;
}

/** One folder or file that a snapshot is to hold. */
export type ObjectEntry =
  | { readonly kind: "folder"; readonly path: string; readonly modified?: number }
  | ObjectFile;

export interface ObjectFile {
  readonly kind: "file";
  /** Relative, with slashes. Nothing is promised about it: it may be hostile. */
  readonly path: string;
  /** The object that holds its content. */
  readonly key: string;
  /** Bytes, as the application believes. */
  readonly size: number;
  /** Lower-case SHA-1 of the content, as the application believes. */
  readonly sha1?: string;
  /** Seconds since 1970. */
  readonly modified?: number;
  /** Why its content cannot be had: a sentence. It is a hole that is reported, and is not fetched. */
  readonly refused?: string;
}

/** One object as the store lists it. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface ObjectRequest {
  readonly key: string;
  /** First and last byte. Absent: all. */
  readonly range?: readonly [first: number, last: number];
  /** Without quotes. */
  readonly etag?: string;
}

/** A source that is safe to read. Disposing of it puts back whatever preparing it changed. */
export type PreparedSource = PreparedPaths | PreparedSubvolume | PreparedObjects;
