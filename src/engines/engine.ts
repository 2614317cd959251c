// Knows: what the program may take for granted of any kind of repository. Must not know: any of them.
import * as z from "zod";
import type { Command, Host } from "../hosts/host.ts";
import type { Evidence } from "../kernel/evidence.ts";
import type { Finding } from "../kernel/finding.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { ObjectEntry, PreparedSource, SourceKind } from "../kernel/prepared-source.ts";
import type { ReportProgress } from "../kernel/progress.ts";
import type { ResolveSecret } from "../kernel/secret-reference.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import { Duration } from "../kernel/duration.ts";
import { Retention } from "../policy/retention.ts";

/** Keys that a repository of every engine has. Spread into each engine's own strict schema. */
export const commonRepositoryShape = {
  at: z
    .string()
    .min(1)
    .meta({
      description:
        "Where the repository lives: `VOLUME:PATH` on a configured volume, an absolute path, or the engine's own notation.",
      examples: ["usb:restic", "/srv/backup/documents"],
    }),
  keep: Retention.optional().meta({
    description: "Which snapshots stay here. Wins over `keep` of the job.",
  }),
  "check-every": Duration.optional().meta({
    description: "A run also checks the repository when its last check is older than this.",
    examples: ["7d"],
  }),
  "check-read-data": z
    .string()
    .regex(/^(100|[1-9]?\d)(\.\d+)?%$/)
    .optional()
    .meta({
      description: "How much of the stored data such a check reads back.",
      examples: ["2%"],
    }),
};

/** What these keys parse into. */
type CommonOptions = z.output<z.ZodObject<typeof commonRepositoryShape>>;

/** The part of a specification that follows from the keys that every engine has. */
export function commonSpec(
  options: CommonOptions,
): Pick<RepositorySpec, "at" | "keep" | "checkEveryMs" | "checkReadData"> {
  const { at, keep, "check-every": checkEveryMs, "check-read-data": checkReadData } = options;
  return {
    at,
    ...(keep === undefined ? {} : { keep }),
    ...(checkEveryMs === undefined ? {} : { checkEveryMs }),
    ...(checkReadData === undefined ? {} : { checkReadData }),
  };
}

/** The path of a repository that is written as a path of a machine, not as a place on a volume. */
export function pathIn(at: string): Pick<RepositorySpec, "localPath"> {
  return /^[/~]/.test(at) ? { localPath: at } : {};
}

/** A tool on the host, from which version on, and what for. */
export interface ToolRequirement {
  readonly tool: string;
  /** Arguments with which it prints its version, which is the first `1.2` or `1.2.3` in the output. */
  readonly versionArguments: readonly string[];
  readonly minimum?: string;
  /** Below this version it works, and something speaks against it: a sentence without a final stop. */
  readonly advised?: { readonly version: string; readonly why: string };
  /** Another program of the same name that does not do: what its version output says, and a sentence. */
  readonly unlike?: { readonly says: string; readonly why: string };
  /** Debian's package that brings it, for the hint. */
  readonly package: string;
}

/** What an engine's schema parses into: something that can be opened. */
export interface RepositorySpec {
  readonly engine: string;
  readonly at: string;
  readonly keep?: Retention;
  readonly checkEveryMs?: number;
  /** As configured, such as "2%". */
  readonly checkReadData?: string;
  /** The kinds of source this engine can read. */
  readonly accepts: ReadonlySet<SourceKind>;
  readonly needs: readonly ToolRequirement[];
  /** Whether it can be on a volume of another machine. */
  readonly onOtherHosts: boolean;
  /** Whether it can read sources on another machine than this one. */
  readonly readsOtherHosts: boolean;
  /**
   * Whether bytes can go from one other machine to a second one, through this one: from a source to the
   * repository, and from there to a copy. Absent: one of the two must be this machine, or both the same.
   */
  readonly betweenOtherHosts?: boolean;
  /** Whether it can only keep what is on its own machine. Copies are another matter. Absent: no. */
  readonly besideSource?: boolean;
  /** Whether its snapshots are plain files, so that a job can have the newest of them as a source. */
  readonly browsable: boolean;
  /** Whether its tool keeps checksums, so that a check needs nothing to compare with. Absent: no. */
  readonly provesItself?: boolean;
  /** Keys of a job that its tool has no means for: a configuration that uses them is refused. */
  readonly lacks: readonly JobKey[];
  /** A local path (not a service's address) without a volume, where that is what `at` is. */
  readonly localPath?: string;
  open(access: RepositoryAccess): Repository;
}

/** Keys of a job that not every tool can follow. */
export type JobKey =
  | "labels"
  | "exclude"
  | "exclude-files"
  | "exclude-if-present"
  | "exclude-larger-than"
  | "exclude-ignore-case"
  | "one-file-system";

/** All that opening a repository takes. Opening itself does nothing yet. */
export interface RepositoryAccess {
  /** The machine that it is on. */
  readonly host: Host;
  /** This machine, for tools that reach the other one by themselves. */
  readonly here: Host;
  /** What must be undone after a crash. While only looking, it refuses. */
  readonly ledger: Ledger;
  /** `at`, with the volume's path filled in. */
  readonly location: string;
  /** The name it has in the configuration, for messages. */
  readonly name: string;
  readonly secret: ResolveSecret;
}

/** How far and until when: handed to every verb that takes long. */
export interface Work {
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
}

/** What is backed up, for every engine. */
export interface BackupRequest {
  readonly job: string;
  readonly source: PreparedSource;
  /** The machine that the source is on. */
  readonly sourceHost: Host;
  readonly selection: Selection;
  readonly labels: readonly string[];
  /** A full snapshot even where a differential would do. */
  readonly full: boolean;
  /** Somebody said that a source which has lost most of its files, or all, is to be followed. */
  readonly allowDeletions: boolean;
}

/** Which files of a source are left out. Patterns are in the notation of the engine's tool. */
export interface Selection {
  readonly exclude: readonly string[];
  readonly excludeFiles: readonly string[];
  readonly excludeIfPresent: readonly string[];
  readonly excludeLargerThanBytes?: number;
  readonly ignoreCase: boolean;
  readonly oneFileSystem: boolean;
}

export interface BackupResult {
  /** One or more, in the order of the sources. */
  readonly snapshots: readonly Snapshot[];
  /**
   * All snapshots, listed anew after the backup, as `snapshots()` would: the proof that the new ones
   * are in it. Retention decides on this list, so that a run asks the repository only once.
   */
  readonly after: readonly Snapshot[];
  /** With `listed`: whether `after` holds all of `snapshots`. */
  readonly evidence: Evidence;
}

export interface CopyResult {
  /** The ids that the further repository now has in addition, as it names them. */
  readonly copied: readonly { readonly from: string; readonly id: string }[];
  /** All snapshots of the further repository, listed anew after the copy. */
  readonly after: readonly Snapshot[];
  readonly evidence: Evidence;
}

export interface PruneResult {
  readonly freedBytes?: number;
}

/** How deep a check goes: structure only, or also this much of the data ("100%", "2.5%"). */
export interface CheckLevel {
  readonly readData?: string;
  /** What the job backs up, where it is there: engines whose tool keeps no checksums compare with it. */
  readonly source?: Compared<PreparedSource>;
  /** Another repository of the job that is there, to compare with. */
  readonly other?: Compared<Repository>;
}

/** Something to compare with, and the machine that it is on. */
export interface Compared<What> {
  readonly what: What;
  readonly host: Host;
}

export interface CheckResult {
  /** Sentences, one for each thing that is wrong. Empty: nothing was found. */
  readonly problems: readonly string[];
  /** Sentences about what was not looked at, and why. */
  readonly notes?: readonly string[];
}

export interface RestoreRequest {
  readonly snapshot: string;
  /** Paths inside the snapshot; empty means everything. */
  readonly include: readonly string[];
  /** An absolute path on this machine. Nothing is written outside it. */
  readonly target: string;
  /** What the snapshot was made of, where its listing says so: what `include` may be written with. */
  readonly paths?: readonly string[];
}

/** A snapshot that takes the place of what it was made of. */
export interface PutBackRequest {
  readonly snapshot: string;
  /** What the job backs up now, absolute, on the machine of `host`. */
  readonly place: string;
  readonly host: Host;
}

export interface PutBackResult {
  /** Where that is now which was in its place. Absent: nothing was. */
  readonly aside?: string;
}

/** What another repository of a job held when it was last seen. */
export interface Holding {
  readonly repository: string;
  /** The `origin` of each of its snapshots. */
  readonly held: ReadonlySet<string>;
  /** And of those that it ever held, or that its own rules would have dropped at once. */
  readonly settled: ReadonlySet<string>;
  /** Whether it receives copies from the other one, or gives them. */
  readonly receives: boolean;
}

export interface RestoreResult {
  readonly files?: number;
  readonly bytes?: number;
  /** Sentences about what could not be restored. */
  readonly problems: readonly string[];
}

/** A verb with all it needs, as far as it is known before it happens. */
export type PlannedVerb =
  | { readonly verb: "init"; readonly from?: Repository }
  | { readonly verb: "backup"; readonly request: BackupRequest }
  | {
      readonly verb: "copy";
      readonly from: Repository;
      readonly snapshots: readonly Snapshot[];
      /** What both sides have. */
      readonly common?: readonly Snapshot[];
    }
  | { readonly verb: "forget"; readonly ids: readonly string[] }
  | { readonly verb: "prune" }
  | { readonly verb: "check"; readonly level: CheckLevel }
  | { readonly verb: "restore"; readonly request: RestoreRequest };

/**
 * One repository, opened. Every verb may be repeated after a crash. All throw `HoldfastError`:
 * `repository-missing`, `repository-locked`, `repository-full`, `repository-damaged`,
 * `password-wrong`, `host-unreachable`, `tool-missing`, `tool-too-old`, `interrupted`,
 * `command-failed`.
 */
export interface Repository {
  readonly name: string;
  readonly engine: string;
  readonly location: string;
  /** Whether there is a repository. Absence is a value; being unable to tell is an error. */
  exists(signal: AbortSignal): Promise<boolean>;
  /**
   * Creates it; throws `repository-exists` when it is there. With `from`, so that copies from there
   * share data with what this repository holds.
   */
  init(signal: AbortSignal, from?: Repository): Promise<void>;
  backup(request: BackupRequest, work: Work): Promise<BackupResult>;
  /** Receives those of these snapshots of `from` that it lacks, oldest first. */
  copy(
    from: Repository,
    request: { readonly job: JobIdentity; readonly snapshots: readonly Snapshot[] },
    work: Work,
  ): Promise<CopyResult>;
  /**
   * All complete snapshots, oldest first. `series` is set on those that `job` made, or that
   * continue what it makes (same host and paths, left by another program).
   */
  snapshots(job: JobIdentity, signal: AbortSignal): Promise<readonly Snapshot[]>;
  /** The series that a backup of this job adds to, one for each snapshot it makes. Pure. */
  series(job: JobIdentity): readonly string[];
  /** Of these snapshots, those that this copy does not hold yet. Pure. */
  missing(theirs: readonly Snapshot[], ours: readonly Snapshot[]): readonly Snapshot[];
  /** Which of these snapshots hold a path (with `*` as in the engine's tool), newest first. */
  find(
    path: string,
    snapshots: readonly Snapshot[],
    signal: AbortSignal,
  ): Promise<readonly Found[]>;
  /** Drops snapshots. An unknown id is no error. Their space comes back with `prune`. */
  forget(ids: readonly string[], work: Work): Promise<void>;
  prune(work: Work): Promise<PruneResult>;
  /** Throws only when the check itself could not be done. */
  check(level: CheckLevel, work: Work): Promise<CheckResult>;
  /** Throws `snapshot-missing`. */
  restore(request: RestoreRequest, work: Work): Promise<RestoreResult>;
  /**
   * Which of its snapshots the rules must not drop because of the job's other repositories, and why: by
   * id. Absent: its copies do not depend on what it keeps. Pure.
   */
  pins?(snapshots: readonly Snapshot[], others: readonly Holding[]): ReadonlyMap<string, string>;
  /**
   * Puts a whole snapshot in the place of what it was made of, in one moment, and keeps what was there
   * beside it. Throws `snapshot-missing`. Absent: it can only write files into a target.
   */
  putBack?(request: PutBackRequest, work: Work): Promise<PutBackResult>;
  /** What a snapshot of objects holds, as its source named it. Only of engines that accept objects. */
  entries?(snapshot: string, signal: AbortSignal): AsyncIterable<readonly ObjectEntry[]>;
  /** Where the files of a snapshot are, absolute, on the repository's machine. Only of browsable ones. Pure. */
  browse?(snapshot: Snapshot): string;
  /**
   * Preconditions that are the engine's own, with the command that mends each. Reads only. `sources`: where those are
   * that jobs back up into it, as far as they are there and it is no copy.
   */
  examine?(signal: AbortSignal, sources: readonly string[]): Promise<readonly Finding[]>;
  /** The commands that a verb would run now. Pure; it is what a dry run prints. */
  preview(planned: PlannedVerb): readonly Command[];
}

/** What a job's snapshots are known by. */
export interface JobIdentity {
  readonly name: string;
  /** The absolute paths it backs up now, when it is a job of paths. */
  readonly paths: readonly string[];
}

/** One path in one snapshot. */
export interface Found {
  readonly snapshot: string;
  readonly path: string;
  readonly bytes?: number;
  readonly modified?: Date;
}
