// Knows: the shapes in which this room answers. They are published (`--json`): fields may be added, never changed.
import type { Evidence } from "../kernel/evidence.ts";
import type { OutcomeKind } from "../journal/journal.ts";

/** One step of a plan, in words and as the commands it stands for. */
export interface StepReport {
  readonly step: string;
  readonly repository?: string;
  readonly action: "do" | "skip";
  readonly reason: string;
  /** Redacted, one string a command, quoted for a person to read. */
  readonly commands: readonly string[];
}

/** What a run of one job would do now. */
export interface PlanReport {
  readonly job: string;
  readonly action: "run" | "skip" | "fail";
  readonly reason?: string;
  readonly code?: string;
  readonly hint?: string;
  readonly steps: readonly StepReport[];
}

/** How one job of a request ended. */
export interface JobResult {
  readonly job: string;
  readonly run: string;
  readonly outcome: OutcomeKind;
  readonly reason?: string;
  readonly code?: string;
  readonly hint?: string;
  /** Nothing could be tried because a volume or host is away. */
  readonly away: boolean;
  /** Trying again later can help. */
  readonly retriable: boolean;
  readonly exitStatus: number;
  readonly snapshots: readonly { readonly repository: string; readonly id: string }[];
  readonly evidence?: Evidence;
  readonly seconds: number;
}

export interface TimelineEntry {
  readonly id: string;
  readonly job: string;
  readonly repository: string;
  readonly engine: string;
  readonly time: Date;
  readonly kind: "full" | "differential" | "snapshot";
  readonly base?: string;
  readonly labels: readonly string[];
  readonly bytes?: number;
  readonly files?: number;
  readonly verified?: Date;
  /** Why retention keeps it now; empty: the next forget drops it. */
  readonly keep: readonly string[];
  /** With `--find`: the matching paths in it. */
  readonly found?: readonly string[];
}

/** A repository that could not be listed, in a timeline. */
export interface TimelineGap {
  readonly job: string;
  readonly repository: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly exitStatus: number;
  /** Its volume is away: no failure. */
  readonly away: boolean;
}

export interface RepositoryStatus {
  readonly repository: string;
  readonly present: boolean;
  readonly reason?: string;
  readonly newest?: Date;
  readonly count?: number;
}

export interface JobStatus {
  readonly job: string;
  /** "never" before the first run, "running" while one is going on. */
  readonly outcome: OutcomeKind | "never" | "running";
  readonly reason?: string;
  readonly hint?: string;
  readonly started?: Date;
  readonly finished?: Date;
  /** How long an application could not be used because of its last run. */
  readonly maintenanceSeconds?: number;
  readonly lastSuccess?: Date;
  readonly nextDue?: Date;
  /** The volumes whose appearance makes it run, where that is its schedule. */
  readonly waitsFor?: readonly string[];
  readonly overdue: boolean;
  /** Why retention is frozen until `holdfast accept`; empty when it is not. */
  readonly suspicious: readonly string[];
  readonly repositories: readonly RepositoryStatus[];
}

export interface CheckReport {
  readonly job: string;
  readonly repository: string;
  readonly ok: boolean;
  readonly away: boolean;
  readonly problems: readonly string[];
  /** What was not looked at, and why. */
  readonly notes?: readonly string[];
  readonly code?: string;
  readonly hint?: string;
  readonly exitStatus: number;
  readonly seconds: number;
}

export interface RestoreReport {
  readonly job: string;
  readonly repository: string;
  /** More than one where a job makes a snapshot for each of its sources. */
  readonly snapshots: readonly { readonly id: string; readonly time: Date }[];
  readonly target: string;
  readonly files?: number;
  readonly bytes?: number;
  readonly problems: readonly string[];
  readonly seconds: number;
  /** The commands; with --dry-run nothing else happened. */
  readonly commands: readonly string[];
  /** Repositories that come before this one and could not be read. */
  readonly passedOver?: readonly { readonly repository: string; readonly reason: string }[];
}

/** A snapshot that took the place of what it was made of. */
export interface PutBackReport {
  readonly job: string;
  readonly repository: string;
  readonly snapshots: readonly { readonly id: string; readonly time: Date }[];
  /** What was replaced, absolute. */
  readonly place: string;
  /** Where that is now which was there. */
  readonly aside?: string;
  readonly seconds: number;
}

/** An application that was put back into service, or what was decided of it. */
export interface ReinstateReport {
  readonly job: string;
  readonly repository: string;
  readonly snapshots: readonly { readonly id: string; readonly time: Date }[];
  /** The application, as the configuration calls it. */
  readonly source: string;
  /** What is replaced or filled, as a person calls it. */
  readonly place: string;
  /** What is done, in order. */
  readonly steps: readonly string[];
  /** What speaks against it. */
  readonly warnings: readonly string[];
  /** Of a drill: where its files are. */
  readonly target?: string;
  /** Where that is now which was in its place. */
  readonly aside?: string;
  /** What is not as one would expect. */
  readonly notes: readonly string[];
  /** What to do next. */
  readonly next: readonly string[];
  readonly seconds: number;
}

export interface VolumeReport {
  readonly volume: string;
  /** Absent: this machine. */
  readonly host?: string;
  /** Where it is, or would be. Null: unknown until its device is mounted. */
  readonly path: string | null;
  /** The id of the drive, as it is configured. */
  readonly device?: string;
  /** It stays attached until somebody says `volumes detach`. */
  readonly kept?: boolean;
  /** Plugged in, or otherwise within reach. */
  readonly present: boolean;
  readonly mounted: boolean;
  /** Why it is away. */
  readonly code?: string;
  readonly reason?: string;
  readonly hint?: string;
  readonly freeBytes?: number;
}

export interface InitReport {
  readonly kind: "repository" | "volume";
  readonly name: string;
  readonly created: boolean;
  /** Its volume is not there, so nothing was made. */
  readonly away: boolean;
  readonly message: string;
  /** With `--dry-run`: it would be created. */
  readonly planned?: true;
  /** With `--dry-run`: whether it exists is seen only when its volume is attached. */
  readonly unknown?: true;
  /** What was made or is there: a marker, a repository; `HOST:PATH` on another machine. */
  readonly path?: string;
  /** The commands that make it. Redacted, one string a command. */
  readonly commands?: readonly string[];
  readonly hint?: string;
  /** Of what could not be made. */
  readonly code?: string;
  readonly exitStatus?: number;
}

/** One thing that an interrupted run left and that was put back, or a run that was found dead. */
export interface RecoveryReport {
  readonly run: string;
  readonly job: string;
  readonly message: string;
  readonly undone: readonly string[];
  readonly failed: readonly { readonly subject: string; readonly message: string }[];
}
