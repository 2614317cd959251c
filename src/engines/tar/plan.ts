// Knows: whether the next archive is a full or a differential one. Pure. Must not know: how either is made.
import { type Archive, type Contents, newestBase } from "./store.ts";

/** What the next archive is, and what is to be said of it. */
export interface ArchivePlan {
  readonly kind: "full" | "differential";
  readonly base?: Archive;
  /** Why it is a full one although nobody would expect that. */
  readonly note?: string;
}

/**
 * Full when one is asked for, when there is none to begin with, or when the newest is as old as
 * `full-every`. Decided by the times in manifests and names; what copies and restores do to a file's own
 * time has no say.
 */
export function planArchive(
  contents: Contents,
  asked: { readonly now: Date; readonly fullEveryMs: number; readonly full: boolean },
): ArchivePlan {
  const full = contents.archives.findLast(({ kind }) => kind === "full");
  if (asked.full || full === undefined) return { kind: "full" };
  const base = newestBase(contents);
  if (base === undefined) {
    return {
      kind: "full",
      note: `a full archive was made because ${full.id} has no .snar file beside it`,
    };
  }
  const age = asked.now.getTime() - base.time.getTime();
  if (age < 0) {
    return {
      kind: "full",
      note: `a full archive was made because ${full.id} is from the future: was the clock set back?`,
    };
  }
  // A run that begins a moment earlier than the one a week ago counts as a week later.
  const tolerance = Math.min(asked.fullEveryMs / 20, 3_600_000);
  if (age >= asked.fullEveryMs - tolerance) return { kind: "full" };
  return { kind: "differential", base };
}
