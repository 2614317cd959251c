// Knows: what is asked of a store that speaks S3. Must not know: what its objects mean.
import type { Readable } from "node:stream";
import type { ObjectRequest, StoredObject } from "../kernel/prepared-source.ts";

/** One bucket, and how it is reached. */
export interface Store {
  readonly bucket: string;
  /** Every object whose key begins so, in batches and in the order of the bytes of their keys. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<readonly StoredObject[]>;
  /** Throws `object-missing`, `object-changed`, `store-unusable`. */
  read(request: ObjectRequest, signal: AbortSignal): Promise<Readable>;
  /** Stores an object; large ones in parts. Nothing that is there already is replaced: `false` then. */
  put(
    request: { readonly key: string; readonly size: number; readonly content: () => Readable },
    signal: AbortSignal,
  ): Promise<boolean>;
}
