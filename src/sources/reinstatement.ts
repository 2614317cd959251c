// Knows: how a restored copy of an application is put back into service, whichever it is. Must not know: any of them, and what restored the copy.
import type { ObjectEntry } from "../kernel/prepared-source.ts";

/** Whose settings an application has afterwards. */
export const settingsChoices = ["merged", "backup", "current"] as const;

/**
 * `merged`: those of the backup, but how it reaches its database, its files and its caches as it does now.
 * `backup`: all of them. `current`: as they are now.
 */
export type SettingsChoice = (typeof settingsChoices)[number];

/** What a person wants of an application that is to be put back. */
export interface ReinstateWish {
  /**
   * A drill: a new database of this name on the same server (SQLite: a new file) is filled from the copy,
   * and nothing else is touched. Absent: the application itself is replaced.
   */
  readonly database?: string;
  /** What was told to speak against it is known. */
  readonly force: boolean;
  readonly settings: SettingsChoice;
  /** Of this moment: safety copies are named after it. */
  readonly time: Date;
}

/** What was restored, on the machine of the source. */
export interface RestoredCopy {
  /** The folder that the whole snapshot was restored into, absolute. What is in it may be moved away. */
  readonly folder: string;
  /** What the snapshot was made of, where its listing says so: engines may have put it at these paths below `folder`. */
  readonly paths?: readonly string[];
  /** What a snapshot of objects holds, under the names that its source gave. May be asked for again. */
  readonly entries?: (signal: AbortSignal) => AsyncIterable<readonly ObjectEntry[]>;
}

/** Until when, and who hears what is being done: short sentences without a final stop. */
export interface ReinstateWork {
  readonly signal: AbortSignal;
  readonly tell: (step: string) => void;
}

/** What was done. */
export interface Reinstated {
  /** What was replaced or filled, as a person calls it. */
  readonly place: string;
  /** Where that is now which was in its place. */
  readonly aside?: string;
  /** Sentences about what is not as one would expect: warnings. */
  readonly notes: readonly string[];
  /** What to do next, as sentences, with the commands to type. */
  readonly next: readonly string[];
}

/** How one application is put back: decided, and not begun. */
export interface Reinstatement {
  /** What is replaced or filled, as a person calls it. */
  readonly place: string;
  /** All that would be done, in order, as sentences without a final stop: what a person is asked to confirm. */
  readonly steps: readonly string[];
  /** What speaks against it and does not hinder it, as sentences. */
  readonly warnings: readonly string[];
  /**
   * A folder on the source's machine that does not exist and can be made: the copy is restored into it, so
   * that it is on the file system where it is needed. Absent: anywhere on this machine will do.
   */
  readonly workspace?: string;
  /** Bytes that are needed where the workspace is, besides the restored copy. */
  readonly extraBytes?: number;
  /**
   * Puts the copy back into service. What does not fit is refused before anything is touched
   * (`target-invalid`); after any other failure or abort, what was there is there again, and the error says
   * so. All is in the ledger before it is done: after a crash `recover` puts back what was there, or there
   * is nothing to put back because all was done. May be called once.
   */
  carryOut(copy: RestoredCopy, work: ReinstateWork): Promise<Reinstated>;
}
