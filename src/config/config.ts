// Knows: what a loaded configuration is. Must not know: what is done with it.
import type { RepositorySpec } from "../engines/engine.ts";
import type { Selection } from "../engines/engine.ts";
import type { HostSpec } from "../hosts/hosts.ts";
import type { Place } from "../kernel/place.ts";
import type { NotifierSpec } from "../notifiers/notifier.ts";
import type { Retention } from "../policy/retention.ts";
import type { Schedule } from "../policy/schedule.ts";
import type { PlacedSource } from "../sources/source.ts";
import type { VolumeSpec } from "../volumes/volume.ts";

/** A configuration, whole and checked: every reference resolves. Frozen. */
export interface Config {
  /** The file it came from, absolute. */
  readonly file: string;
  /** Directory of the journal. */
  readonly state: string;
  /** How many jobs may work at once, where they are on different volumes. */
  readonly concurrency: number;
  readonly hosts: ReadonlyMap<string, HostSpec>;
  readonly volumes: ReadonlyMap<string, VolumeSpec>;
  readonly repositories: ReadonlyMap<string, PlacedRepository>;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly notifiers: ReadonlyMap<string, NotifierSpec>;
  /** The environment variables that hold secrets of it (`{ env: NAME }`): commands do not inherit them. */
  readonly secretVariables: readonly string[];
  /** Things that are allowed and unwise, such as a password others can read. */
  readonly warnings: readonly ConfigWarning[];
}

export interface PlacedRepository {
  readonly name: string;
  readonly spec: RepositorySpec;
  readonly place: Place;
}

/** One job, with the names of what it refers to. */
export interface Job {
  readonly name: string;
  /** It rests: it is skipped wherever it is asked for, and has no schedule and is never overdue. */
  readonly disabled?: true;
  readonly sources: readonly PlacedSource[];
  /** The repositories of other jobs whose newest snapshot is among its sources, each once. */
  readonly reads: readonly string[];
  readonly repository: string;
  readonly copies: readonly string[];
  readonly selection: Selection;
  readonly schedule?: Schedule;
  readonly keep?: Retention;
  /** Space is reclaimed after a forget when the last prune is older than this. */
  readonly pruneEveryMs: number;
  readonly labels: readonly string[];
  readonly hooks: Hooks;
  readonly notify: readonly string[];
  /** Delays before the daemon tries a failed run again. */
  readonly retryMs: readonly number[];
  /** Without a success for so long the job is overdue. Default: twice its schedule's interval and an hour. */
  readonly overdueAfterMs?: number;
  /** A run that takes longer is ended. */
  readonly timeoutMs?: number;
}

/** Commands around a backup, each an argv, run without a shell. */
export interface Hooks {
  /** Before anything is read. One that fails ends the run; exit status 75 makes it "skipped". */
  readonly before: readonly HookCommand[];
  /** When the backup has ended, however, once `before` was begun; also by `recover` when the run was killed. */
  readonly after: readonly HookCommand[];
  readonly onFailure: readonly HookCommand[];
  readonly timeoutMs: number;
}

export type HookCommand = readonly [string, ...string[]];

export interface ConfigWarning {
  readonly message: string;
  readonly hint?: string;
  readonly line?: number;
  readonly column?: number;
}
