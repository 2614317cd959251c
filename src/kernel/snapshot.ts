// Knows: what a snapshot is, whichever engine keeps it. Must not know: any engine.

/** One point in time that a repository can restore. */
export interface Snapshot {
  /** The engine's own name for it, unique in its repository and stable. */
  readonly id: string;
  /** When it was made. */
  readonly time: Date;
  readonly kind: "full" | "differential" | "snapshot";
  /** The snapshot that this one needs to be restored. */
  readonly base?: string;
  readonly labels: readonly string[];
  /**
   * Retention decides about the snapshots of one series together: those that follow each other as
   * states of the same thing. Absent: something other than this job made it, so it is listed, but
   * retention never touches it.
   */
  readonly series?: string;
  /** The same for a snapshot and all its copies in other repositories, in the engine's own words. */
  readonly origin?: string;
  readonly host?: string;
  readonly paths?: readonly string[];
  /** Bytes a restore would write, where the repository knows it. */
  readonly bytes?: number;
  readonly files?: number;
}
