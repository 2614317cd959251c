// Knows: how far long work has come. Must not know: who shows it.

/** How far a step has come. Counts are since its start; totals may still grow. */
export interface Progress {
  readonly filesDone?: number;
  readonly filesTotal?: number;
  readonly bytesDone?: number;
  readonly bytesTotal?: number;
  readonly secondsElapsed?: number;
  readonly secondsRemaining?: number;
  /** What is being worked on, for the eye only. */
  readonly current?: string;
}

/** Called any number of times, also never; must not throw and must return at once. */
export type ReportProgress = (progress: Progress) => void;
