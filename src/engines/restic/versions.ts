// Knows: from which version on restic can do what. Must not know: what it is used for.

/**
 * From which version on restic has what this engine uses. Without a feature the engine finds
 * another way, unless the configuration asks for it by name.
 */
export const features = {
  /** `copy --from-repo` and compression; nothing older is driven. */
  minimum: "0.14.0",
  readConcurrency: "0.15.0",
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

/** Orders versions such as "0.9.6" and "0.14.0": negative when `a` is the older one. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10) || 0);
}
