// Knows: what is asked of a store that speaks S3. Must not know: what its objects mean.
import type { Readable } from "node:stream";
import type { ObjectRequest, StoredObject } from "../kernel/prepared-source.ts";

/** An object that is to be stored. */
export interface NewObject {
  readonly key: string;
  readonly size: number;
  /** May be called again, where a store did not take it at first. */
  readonly content: () => Readable;
}

/** One bucket, and how it is reached. Its connections end when it is disposed of. */
export interface Store extends Disposable {
  readonly bucket: string;
  /**
   * Every object whose key begins so, in batches and in the order of the bytes of their keys. All throw
   * `store-unusable` once waiting and asking again has not helped, and `interrupted`.
   */
  list(prefix: string, signal: AbortSignal): AsyncIterable<readonly StoredObject[]>;
  /**
   * The bytes of an object, or some of them. A line that breaks or falls silent on the way is taken up again
   * where it broke. Throws `object-missing`, `object-changed` also while it is read.
   */
  read(request: ObjectRequest, signal: AbortSignal): Promise<Readable>;
  /** Stores an object; large ones in parts. Nothing that is there already is replaced: `false` then. */
  put(object: NewObject, signal: AbortSignal): Promise<boolean>;
}
