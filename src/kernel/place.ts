// Knows: that a thing can live on a volume. Must not know: whether the volume is there.

/**
 * Where something is. With a volume, `path` is relative to wherever that volume is attached;
 * without one it is absolute, or in the notation of the engine that understands it.
 */
export interface Place {
  readonly volume?: string;
  readonly path: string;
}
