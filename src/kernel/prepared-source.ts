// Knows: what a source hands to an engine. Must not know: how it was made safe to read.

/** The shapes in which a source can be read. An engine says which of them it accepts. */
export type SourceKind = PreparedSource["kind"];

/** Files and folders of one host, safe to read until it is disposed of. */
export interface PreparedPaths extends AsyncDisposable {
  readonly kind: "paths";
  /** Absolute paths, in the order of the configuration. */
  readonly paths: readonly string[];
}

/** One subvolume of a btrfs, of which snapshots can be made until it is disposed of. */
export interface PreparedSubvolume extends AsyncDisposable {
  readonly kind: "subvolume";
  /** Absolute. */
  readonly path: string;
}

/** A source that is safe to read. Disposing of it puts back whatever preparing it changed. */
export type PreparedSource = PreparedPaths | PreparedSubvolume;
