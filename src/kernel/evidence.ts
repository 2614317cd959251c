// Knows: what a backup can prove about itself. Must not know: whether that is enough (jobs/verdict).

/** What a backup proved. Figures that the engine cannot know are absent, never guessed. */
export interface Evidence {
  /** Files read or found unchanged: all that the snapshots hold. */
  readonly files?: number;
  /** Bytes of these files. */
  readonly bytes?: number;
  /** Bytes newly stored in the repository. */
  readonly added?: number;
  readonly seconds?: number;
  /** Files that could not be read, named up to a bound. */
  readonly unreadable?: readonly string[];
  /** How many could not be read: may be more than are named. */
  readonly unreadableCount?: number;
  /** What was met and does no harm, as sentences: files that vanished while they were read, links left out. */
  readonly notes?: readonly string[];
  /** How long an application could not be used because of this backup. */
  readonly maintenanceSeconds?: number;
  /** Bytes of the dumps of databases, uncompressed, each proven by its end marker. */
  readonly dumpedBytes?: number;
  /** Sources that turned out to be empty. */
  readonly emptySources?: readonly string[];
  /** The repository listed the new snapshots when asked again after the backup. */
  readonly listed?: boolean;
}
