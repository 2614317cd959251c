// Knows: from which version on restic can do what. Must not know: what it is used for.

/**
 * From which version on restic has what this engine uses, as its changelogs say. What is not named
 * here works alike from `minimum` on.
 */
const features = {
  /** Compression, and `--from-repo` of `copy` and `init`. Nothing older is driven. */
  minimum: "0.14.0",
  readConcurrency: "0.15.0",
  /** The levels `fastest` and `better`. */
  moreCompressionLevels: "0.19.0",
} as const satisfies Record<string, string>;

/** What asks for features: the part of the options that does. */
interface Wishes {
  readonly compression?: string | undefined;
  readonly "read-concurrency"?: number | undefined;
}

/** The oldest restic that can do all that these options ask for. */
export function minimumVersion(options: Wishes): string {
  const { compression } = options;
  if (compression === "fastest" || compression === "better") return features.moreCompressionLevels;
  if (options["read-concurrency"] !== undefined) return features.readConcurrency;
  return features.minimum;
}
