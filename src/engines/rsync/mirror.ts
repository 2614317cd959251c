// Knows: how commands are run for one repository, and what a run of rsync came to. Must not know: verbs.
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Command, CommandResult } from "../../hosts/host.ts";
import type { RepositoryAccess, Work } from "../engine.ts";
import { lookCommand, mirrorRecordCommand } from "./commands.ts";
import {
  explainFailure,
  explainOther,
  missingError,
  unwritableError,
  type Subject,
} from "./errors.ts";
import { placesIn, recordsIn, standingOf, type Places, type Standing } from "./layout.ts";
import type { Options } from "./options.ts";
import {
  parseComplaint,
  parseProgress,
  parseUnsafeLink,
  StatisticsReader,
  type Complaint,
  type Statistics,
} from "./output.ts";
import { parseRecords, type Record } from "./record.ts";
import { transferCommand, type Transfer } from "./transfer.ts";

/** What one run of rsync came to. */
export interface Pass {
  readonly exitStatus: number;
  readonly statistics: Statistics;
  readonly complaints: readonly Complaint[];
  /** How often each kind of complaint was heard: more may have been than are kept. */
  readonly counts: ReadonlyMap<Complaint["kind"], number>;
  readonly unsafeLinks: readonly string[];
  readonly unsafeLinkCount: number;
}

/** What was seen of a repository with snapshots, and what is written down of each. */
export interface Seen extends Standing {
  readonly records: ReadonlyMap<string, Record>;
}

// So many complaints and links are kept; all are counted.
const kept = 100;

// Something was left out, vanished meanwhile, or deletions were held back: the caller decides on it.
const partlyDone = [0, 23, 24, 25];

/** One repository, as commands are run for it. */
export class Mirror {
  readonly options: Options;
  readonly access: RepositoryAccess;
  readonly places: Places;
  readonly subject: Subject;

  constructor(options: Options, access: RepositoryAccess) {
    this.options = options;
    this.access = access;
    this.places = placesIn(access.location, options.snapshots);
    this.subject = { name: access.name, location: access.location };
  }

  /** Runs one command on the repository's machine. */
  async run(command: Command, signal: AbortSignal): Promise<CommandResult> {
    try {
      return await this.access.host.run(command, signal);
    } catch (error) {
      if (error instanceof CommandFailed) throw explainOther(error, this.subject);
      throw error;
    }
  }

  async runAll(commands: readonly Command[], signal: AbortSignal): Promise<void> {
    for (const command of commands) await this.run(command, signal);
  }

  /** What is there of a repository with snapshots. Throws `repository-missing`. */
  async standing(signal: AbortSignal): Promise<Seen> {
    const standing = await this.look(signal);
    if (standing === undefined || !isComplete(standing, this.places)) {
      throw missingError(this.subject);
    }
    return standing;
  }

  /** What is there, if anything is. */
  async look(signal: AbortSignal): Promise<Seen | undefined> {
    const { stdout } = await this.#readOrAbsent(lookCommand(this.places), signal);
    if (stdout === "") return undefined;
    return { ...standingOf(this.places, stdout), records: parseRecords(recordsIn(stdout)) };
  }

  /** What is known of a mirror without snapshots now. Throws `repository-missing`. */
  async mirrorRecord(signal: AbortSignal): Promise<Record | undefined> {
    return (await this.mirrorRecords(signal)).at(-1);
  }

  /**
   * What was ever known of a mirror without snapshots, oldest first: nothing yet of one that was only
   * begun. Throws `repository-missing`.
   */
  async mirrorRecords(signal: AbortSignal): Promise<readonly Record[]> {
    const { exitStatus, stdout } = await this.#readOrAbsent(
      mirrorRecordCommand(this.places),
      signal,
    );
    if (exitStatus === 0) return [...parseRecords(stdout).values()];
    const { root } = this.places;
    // nbkp made it, or somebody did as nbkp wants it.
    const marks = [
      `${root}/.nbkp-dst`,
      ...(root.endsWith("/latest") ? [`${root}/../.nbkp-dst`] : []),
    ];
    const states = await this.access.host.inspect(marks, signal);
    if (states.every(({ kind }) => kind === "missing")) throw missingError(this.subject);
    return [];
  }

  /** Reads what may not be there, and nothing else may be wrong with it. */
  async #readOrAbsent(command: Command, signal: AbortSignal): Promise<CommandResult> {
    const result = await this.run(command, signal);
    const worse = result.stderr
      .split("\n")
      .find((line) => line !== "" && !/(No such file or|Not a) directory$/.test(line));
    if (worse !== undefined) {
      throw explainOther(new CommandFailed(command, result), this.subject);
    }
    return result;
  }

  /** Runs rsync to its end. Throws when something could not be written, or it did not end by itself. */
  async copy(transfer: Transfer, work: Work): Promise<Pass> {
    const { runner, far } = transfer.route;
    if (far !== undefined) await far.reach(work.signal);
    const hearing = new Hearing(work);
    const command = { ...transferCommand(transfer), okExits: partlyDone };
    try {
      const { exitStatus } = await runner.run(command, work.signal, hearing);
      return hearing.pass(exitStatus, this.subject);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw explainFailure(error, this.subject, far);
    }
  }
}

/** Whether all is there that a repository needs. `latest` is mended by the next backup. */
export function isComplete(standing: Standing, { layout }: Places): boolean {
  if (standing.snapshotsFolder === "missing") return false;
  return layout !== "btrfs" || standing.staging !== undefined;
}

/** Listens to rsync. */
class Hearing {
  readonly #work: Work;
  readonly #statistics = new StatisticsReader();
  readonly #complaints: Complaint[] = [];
  readonly #counts = new Map<Complaint["kind"], number>();
  readonly #unwritable: string[] = [];
  readonly #unsafeLinks: string[] = [];
  #unsafeLinkCount = 0;
  readonly atReturns = true;

  constructor(work: Work) {
    this.#work = work;
  }

  readonly stdoutLine = (line: string): void => {
    const progress = parseProgress(line);
    if (progress !== undefined) {
      this.#work.progress(progress);
      return;
    }
    const link = parseUnsafeLink(line);
    if (link === undefined) {
      this.#statistics.hear(line);
      return;
    }
    this.#unsafeLinkCount += 1;
    if (this.#unsafeLinks.length < kept) this.#unsafeLinks.push(link);
  };

  readonly stderrLine = (line: string): void => {
    const complaint = parseComplaint(line);
    if (complaint === undefined) return;
    const { kind, count = 1 } = complaint;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
    // What cannot be written decides about all, however late it is heard.
    if (kind === "unwritable" && this.#unwritable.length < 3) this.#unwritable.push(complaint.text);
    if (this.#complaints.length < kept) this.#complaints.push(complaint);
  };

  pass(exitStatus: number, subject: Subject): Pass {
    const words = this.#unwritable;
    if (words.length > 0 && exitStatus !== 0) throw unwritableError(subject, words.join("\n"));
    const statistics = this.#statistics.statistics();
    if (statistics === undefined) throw new Error("rsync ended without its statistics");
    return {
      exitStatus,
      statistics,
      complaints: this.#complaints,
      counts: this.#counts,
      unsafeLinks: this.#unsafeLinks,
      unsafeLinkCount: this.#unsafeLinkCount,
    };
  }
}
