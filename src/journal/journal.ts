// Knows: what happened and what is promised, on disk. Must not know: why anything is run.
import type { ErrorCode } from "../kernel/errors.ts";
import type { Evidence } from "../kernel/evidence.ts";
import type { Ledger, LedgerEntry } from "../kernel/ledger.ts";

/** How a run ended. */
export type OutcomeKind =
  | "success"
  | "warning"
  | "skipped"
  | "failure"
  | "cancelled"
  | "interrupted";

/** What made a run start. */
export type Trigger = "command" | "schedule" | "catch-up" | "retry" | "available";

/** The end of a run, as it is kept. */
export interface RunEnd {
  readonly outcome: OutcomeKind;
  readonly reason?: string;
  /** Skipped because a volume or host was not there. */
  readonly away?: boolean;
  readonly code?: ErrorCode | "bug";
  readonly hint?: string;
  readonly snapshots: readonly { readonly repository: string; readonly id: string }[];
  readonly evidence?: Evidence;
  /** Why the verdict was "suspicious"; empty when it was not. */
  readonly suspicious: readonly string[];
  /** Only other verbs were asked for, as by `holdfast prune`: its success says nothing about backups. */
  readonly withoutBackup?: boolean;
}

/** One run. Without `end` it is still going on, or its process died. */
export interface RunRecord {
  readonly id: string;
  readonly job: string;
  readonly trigger: Trigger;
  readonly started: Date;
  readonly finished?: Date;
  readonly end?: RunEnd;
}

/** One fact in the life of a run. `data` is what `--json` prints beside the time and the run. */
export interface JournalEvent {
  readonly time: Date;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What was last seen of a repository, so that `status` need not ask it. */
export interface RepositoryFacts {
  readonly seen: Date;
  readonly newest?: Date;
  readonly count: number;
  readonly lastPrune?: Date;
  readonly lastCheck?: Date;
}

/** Who holds a lock. */
export interface LockHolder {
  readonly host: string;
  readonly pid: number;
  readonly since: Date;
  readonly purpose: string;
}

/** A lock that is ours until it is disposed of. */
export interface HeldLock extends Disposable {
  readonly resource: string;
}

export type LockResult =
  | { readonly taken: true; readonly lock: HeldLock }
  | { readonly taken: false; readonly holder: LockHolder };

/** One use of something that several processes may use at once, until it is disposed of. */
export interface HeldUse extends Disposable {
  readonly resource: string;
}

/** An entry of the ledger whose undoing has not been confirmed. */
export interface OpenPromise {
  /** The run that it was made in; of what no run did there is none. */
  readonly run?: string;
  /** What it was made for, where that is something which several may use. */
  readonly resource?: string;
  readonly entry: LedgerEntry;
  settle(): void;
}

/**
 * Runs, events, ledger and locks. `startRun`, `finishRun` and every promise are on disk (fsync) when
 * they return. Throws `journal-unusable` when the file cannot be written, is damaged, or was
 * written by a newer version.
 */
export interface Journal extends Disposable {
  startRun(job: string, trigger: Trigger): RunRecord;
  append(run: string, event: JournalEvent): void;
  finishRun(run: string, end: RunEnd): void;
  /** The ledger of one run. */
  ledger(run: string): Ledger;
  /** The ledger of something that several may use, such as a drive; `run` is the one that changes it now. */
  ledgerOf(resource: string, run?: string): Ledger;

  run(id: string): RunRecord | undefined;
  /** Newest first. */
  runs(query: { readonly job?: string; readonly limit: number }): readonly RunRecord[];
  /** In the order in which they happened. */
  events(run: string): readonly JournalEvent[];
  /** The run of a job that finished last, of those that were to back up and have one of these outcomes. */
  lastRun(job: string, outcomes?: readonly OutcomeKind[]): RunRecord | undefined;

  /** Runs without an end whose process is proven dead, as for a lock. */
  deadRuns(): readonly RunRecord[];
  /**
   * Promises of runs that are finished or proven dead, and of things that nobody uses any more, in the
   * order in which they were made.
   */
  openPromises(): readonly OpenPromise[];
  /** All promises of a thing that are not settled, also while it is in use. */
  promisesOf(resource: string): readonly OpenPromise[];

  /** Says that this process uses something. Others may do so as well. */
  use(resource: string, purpose: string): HeldUse;
  /** Says that something is to stay in use beyond this process: until it is dropped, or the machine starts again. */
  keep(resource: string, purpose: string): void;
  /** Ends what `keep` said. False when nothing was kept. */
  drop(resource: string): boolean;
  /** Who uses something now. A process that is proven dead does not, as for a lock. */
  users(resource: string): readonly LockHolder[];

  /**
   * Takes a lock, or says who has it. A holder that is proven dead loses it: it no longer shows a
   * sign of life that would be seen here, the machine of its name has started again since, or no
   * process here has its number and start. In doubt, as on another machine, it keeps it.
   */
  lock(resource: string, purpose: string): LockResult;

  /** A person has looked at the suspicious runs of a job. */
  accept(job: string): void;
  /** Suspicious runs of a job since it was last accepted, newest first. Not empty: retention is frozen. */
  unaccepted(job: string): readonly RunRecord[];
  /** Evidence that later runs are compared with: of the newest run that was not suspicious, or was accepted. */
  baseline(job: string): Evidence | undefined;

  markVerified(repository: string, snapshots: readonly string[]): void;
  /** When each snapshot was last proven. */
  verified(repository: string): ReadonlyMap<string, Date>;
  /** Drops what is known of all snapshots of a repository but these: the others are gone. */
  forgetVerified(repository: string, listed: readonly string[]): void;

  /** Adds to what is known. A count is a listing, made now unless `seen` says when: it replaces `newest` too. */
  noteRepository(repository: string, facts: Partial<RepositoryFacts>): void;
  /** Undefined until it has been listed. */
  repository(name: string): RepositoryFacts | undefined;

  /** A small fact that outlives the process, by name. `undefined` forgets it. */
  setMark(name: string, value: string | undefined): void;
  mark(name: string): string | undefined;

  /**
   * Deletes runs and events that finished before this time, but what schedules, `status` and verdicts
   * go by: of each job the newest run of each trigger, outcome and code, the retries since its last
   * start that was neither a retry nor by hand, what later runs are compared with, and what is open.
   */
  discardBefore(time: Date): void;
}
