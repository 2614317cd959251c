// Knows: how restic makes snapshots of paths, and what that proves. Must not know: whether the proof is enough.
import type { Evidence } from "../../kernel/evidence.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { ReportProgress } from "../../kernel/progress.ts";
import type { BackupRequest, Work } from "../engine.ts";
import { backupCommand, type BackupScope } from "./commands.ts";
import { parseBackupLine, parseFailedItem, type BackupSummary } from "./output.ts";
import type { Restic } from "./restic.ts";

/** What was saved, before the repository was asked about it. */
export interface Saved {
  /** The ids, in the order of the sources; before restic 0.15 only their beginnings. */
  readonly ids: readonly string[];
  readonly evidence: Evidence;
}

/** What one run of restic has to save: everything at once, or one source. */
export function scopesOf(request: BackupRequest, perSource: boolean): readonly BackupScope[] {
  const { job, source, selection, labels, full } = request;
  if (source.kind !== "paths") throw new Error(`restic was given a source of kind ${source.kind}`);
  const { paths } = source;
  const groups = perSource ? paths.map((path) => [path]) : [paths];
  return groups.map((group) => ({ job, paths: group, selection, labels, full }));
}

/** Makes one snapshot for each scope. Throws when one of them made none. */
export async function save(
  restic: Restic,
  scopes: readonly BackupScope[],
  work: Work,
): Promise<Saved> {
  const tally = new Tally(work.progress);
  for (const scope of scopes) {
    tally.begin();
    const { exitStatus } = await restic.run(backupCommand(restic.setting, scope), {
      signal: work.signal,
      stdoutLine: (line) => tally.hear(line),
      stderrLine: (line) => tally.hearError(line),
    });
    tally.end(exitStatus, restic.named.name);
  }
  return tally.saved();
}

// So many unreadable files are named; all are counted.
const namedUnreadable = 100;

/** Adds up what the runs of restic say. */
class Tally {
  readonly #report: ReportProgress;
  readonly #summaries: (BackupSummary & { readonly snapshot_id: string })[] = [];
  readonly #unreadable: string[] = [];
  #unreadableCount = 0;
  #countBefore = 0;
  #summary: BackupSummary | undefined;
  #damage: string | undefined;

  constructor(report: ReportProgress) {
    this.#report = report;
  }

  begin(): void {
    this.#summary = undefined;
    this.#countBefore = this.#unreadableCount;
  }

  hear(line: string): void {
    const said = parseBackupLine(line);
    if (said === undefined) return;
    if ("summary" in said) {
      this.#summary = said.summary;
      return;
    }
    const done = this.#total();
    const { filesDone = 0, filesTotal = 0, bytesDone = 0, bytesTotal = 0 } = said.progress;
    this.#report({
      ...said.progress,
      filesDone: done.files + filesDone,
      filesTotal: done.files + filesTotal,
      bytesDone: done.bytes + bytesDone,
      bytesTotal: done.bytes + bytesTotal,
      secondsElapsed: done.seconds + (said.progress.secondsElapsed ?? 0),
    });
  }

  hearError(line: string): void {
    const failed = parseFailedItem(line);
    // What the scanner meets is met again, and counted, when the file is to be read.
    if (failed === undefined || failed.during === "scan") return;
    if (/repository could be damaged/.test(failed.message)) {
      this.#damage ??= failed.message;
      return;
    }
    this.#unreadableCount += 1;
    if (this.#unreadable.length < namedUnreadable) this.#unreadable.push(failed.item);
  }

  end(exitStatus: number, repository: string): void {
    const summary = this.#summary;
    if (this.#damage !== undefined) {
      throw new HoldfastError(
        "repository-damaged",
        `repository "${repository}" is damaged: ${this.#damage}`,
        { hint: "see what is wrong with: holdfast check --read-data" },
      );
    }
    if (summary?.snapshot_id === undefined) {
      throw new HoldfastError(
        "evidence-missing",
        `restic ended without saying that it made a snapshot in repository "${repository}"`,
        { hint: "see what the repository has with: holdfast snapshots" },
      );
    }
    this.#summaries.push({ ...summary, snapshot_id: summary.snapshot_id });
    // It says that something could not be read even where it does not say what.
    if (exitStatus === 3 && this.#unreadableCount === this.#countBefore) this.#unreadableCount += 1;
  }

  saved(): Saved {
    const { files, bytes, added, seconds } = this.#total();
    const count = this.#unreadableCount;
    return {
      ids: this.#summaries.map((summary) => summary.snapshot_id),
      evidence: {
        files,
        bytes,
        added,
        seconds,
        ...(count === 0 ? {} : { unreadable: this.#unreadable, unreadableCount: count }),
      },
    };
  }

  #total() {
    const sum = (figure: (summary: BackupSummary) => number): number =>
      this.#summaries.reduce((total, summary) => total + figure(summary), 0);
    return {
      files: sum((summary) => summary.total_files_processed),
      bytes: sum((summary) => summary.total_bytes_processed),
      added: sum((summary) => summary.data_added_packed ?? summary.data_added),
      seconds: sum((summary) => summary.total_duration),
    };
  }
}
