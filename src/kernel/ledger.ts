// Knows: how a change of the outside world is promised to be undone. Must not know: who keeps it.

/** What has to be done to put something back: data, so that a later process can do it too. */
export interface LedgerEntry {
  /** Which undoing this is: the name under which its room registered a function that does it. */
  readonly kind: string;
  /** What a person calls the thing that was changed. */
  readonly subject: string;
  /** All that the undoing needs to know. Never a secret. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** A promise that is kept: `settle` it when the change is undone. */
export interface Promised {
  /** Says that the change is undone. May be repeated. */
  settle(): void;
}

/** Lists what was changed outside and how to undo it. */
export interface Ledger {
  /** Is on disk (fsync) when it returns: call it *before* the change. */
  promise(entry: LedgerEntry): Promised;
}

/** Undoes one entry; must succeed when there is nothing left to undo. */
export type Undo = (entry: LedgerEntry, signal: AbortSignal) => Promise<void>;
