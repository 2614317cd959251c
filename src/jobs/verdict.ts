// Knows: which evidence makes a run believable. Must not know: how the evidence came about.
import type { Evidence } from "../kernel/evidence.ts";
import { formatSize } from "../kernel/size.ts";

/** Whether a run can be believed, and if not, why. */
export type Verdict =
  | { readonly kind: "ok" }
  | { readonly kind: "suspicious"; readonly reasons: readonly string[] };

/** A fall below this share of what there was before needs a person's eye. */
const believableShare = 0.5;

/**
 * Judges what a backup proved, against the last run that was believed or accepted. A source that has
 * become empty, or lost more than half of its files or bytes, more likely means an unmounted disk
 * or a bad day than a tidy user: the snapshot stays, and nothing older is forgotten because of it.
 */
export function judge(evidence: Evidence, earlier: Evidence | undefined): Verdict {
  const emptyBefore = new Set(earlier?.emptySources);
  const newlyEmpty = (evidence.emptySources ?? []).filter((source) => !emptyBefore.has(source));
  const reasons = [
    ...newlyEmpty.map((source) => `${source} is empty`),
    ...(newlyEmpty.length > 0 ? [] : emptiness(evidence, earlier)),
    ...shrinkage("files", [earlier?.files, evidence.files], String),
    ...shrinkage("size", [earlier?.bytes, evidence.bytes], formatSize),
    ...shrinkage("dump of databases", [earlier?.dumpedBytes, evidence.dumpedBytes], formatSize),
  ];
  return reasons.length === 0 ? { kind: "ok" } : { kind: "suspicious", reasons };
}

// What a person has accepted as empty once may stay so.
function emptiness(evidence: Evidence, earlier: Evidence | undefined): readonly string[] {
  if (evidence.files === 0) return earlier?.files === 0 ? [] : ["the snapshot holds no files"];
  if (evidence.bytes === 0) return earlier?.bytes === 0 ? [] : ["the snapshot holds zero bytes"];
  return [];
}

function shrinkage(
  what: string,
  [before, now]: readonly [before: number | undefined, now: number | undefined],
  show: (figure: number) => string,
): readonly string[] {
  if (before === undefined || now === undefined) return [];
  if (now === 0 || now >= before * believableShare) return [];
  return [`${what} fell by more than half, from ${show(before)} to ${show(now)}`];
}
