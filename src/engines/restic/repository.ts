// Knows: how restic's commands make up the verbs of a repository. Must not know: jobs, schedules.
import type { Command } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type {
  BackupRequest,
  BackupResult,
  CheckLevel,
  CheckResult,
  CopyResult,
  Found,
  JobIdentity,
  PlannedVerb,
  PruneResult,
  Repository,
  RepositoryAccess,
  RestoreRequest,
  RestoreResult,
  Work,
} from "../engine.ts";
import { save, scopesOf } from "./backup.ts";
import { checkRepository } from "./check.ts";
import {
  backupCommand,
  checkCommand,
  copyCommands,
  findCommand,
  forgetCommands,
  initCommand,
  probeCommand,
  pruneCommand,
  restoreCommand,
  snapshotsCommand,
} from "./commands.ts";
import { copySnapshots, pairCopies, withoutCopy } from "./copy.ts";
import { joinPreviews, previewEnvironment } from "./environment.ts";
import { setAsideKeys } from "./interrupted-init.ts";
import { localPathOf, type Options } from "./options.ts";
import {
  parseCount,
  parseFindings,
  parseFreed,
  parseSnapshots,
  parseUnremoved,
  type ResticSnapshot,
} from "./output.ts";
import { Restic } from "./restic.ts";
import { restoreSnapshot } from "./restore.ts";
import { labelsOf, seriesOf, seriesOfSnapshot, type Habits } from "./series.ts";

/** Opens a restic repository. Nothing is run before its first verb. */
export function openRestic(options: Options, access: RepositoryAccess): Repository {
  return new ResticRepository(options, access);
}

// Beyond so many it is cheaper to search all and to leave out the rest.
const snapshotsToName = 500;

// "latest" and the beginning of an id would be understood by restic too, and mean something else
// tomorrow.
const wholeId = /^[0-9a-f]{64}$/;

class ResticRepository implements Repository {
  readonly engine = "restic";
  readonly name: string;
  readonly location: string;
  readonly #access: RepositoryAccess;
  readonly #options: Options;
  readonly restic: Restic;
  readonly #habits: Habits;

  constructor(options: Options, access: RepositoryAccess) {
    this.name = access.name;
    this.location = access.location;
    this.#access = access;
    this.#options = options;
    this.restic = new Restic(options, access);
    this.#habits = {
      machine: this.restic.setting.machine,
      perSource: options["snapshot-per-source"],
      tags: options.tags,
    };
  }

  async exists(signal: AbortSignal): Promise<boolean> {
    try {
      await this.restic.run(probeCommand(this.restic.setting), { signal });
      return true;
    } catch (error) {
      if (error instanceof HoldfastError && error.code === "repository-missing") return false;
      throw error;
    }
  }

  async init(signal: AbortSignal, from?: Repository): Promise<void> {
    const other = from === undefined ? undefined : resticOf(from);
    const path = localPathOf(this.location);
    if (path !== undefined) await setAsideKeys(this.#access.host, path, signal);
    const command = initCommand(this.restic.setting, other?.setting);
    await this.restic.run(command, { signal, ...(other === undefined ? {} : { from: other }) });
    // A key that an interrupted init left on a server would make the new repository unreadable.
    await this.restic.run(probeCommand(this.restic.setting), { signal });
  }

  async backup(request: BackupRequest, work: Work): Promise<BackupResult> {
    const scopes = scopesOf(request, this.#habits.perSource);
    const { ids, evidence } = await save(this.restic, scopes, work);
    const job = { name: request.job, paths: scopes.flatMap(({ paths }) => paths) };
    const after = await this.snapshots(job, work.signal);
    const made = ids.map((id) => after.findLast((snapshot) => snapshot.id.startsWith(id)));
    const snapshots = made.filter((snapshot) => snapshot !== undefined);
    return { snapshots, after, evidence: { ...evidence, listed: snapshots.length === ids.length } };
  }

  async copy(
    from: Repository,
    request: { readonly job: JobIdentity; readonly snapshots: readonly Snapshot[] },
    work: Work,
  ): Promise<CopyResult> {
    const started = performance.now();
    const wanted = request.snapshots.filter(({ id }) => wholeId.test(id));
    const ids = wanted.map(({ id }) => id);
    const saved = await copySnapshots(this.restic, resticOf(from), { ids, work });
    const after = await this.snapshots(request.job, work.signal);
    return {
      copied: pairCopies(wanted, after, saved),
      after,
      evidence: {
        seconds: (performance.now() - started) / 1000,
        listed: withoutCopy(wanted, after).length === 0,
      },
    };
  }

  async snapshots(job: JobIdentity, signal: AbortSignal): Promise<readonly Snapshot[]> {
    const output = await this.restic.read(snapshotsCommand(this.restic.setting), signal);
    return parseSnapshots(output)
      .map((listed) => this.#snapshot(listed, job))
      .toSorted((a, b) => a.time.getTime() - b.time.getTime());
  }

  series(job: JobIdentity): readonly string[] {
    return seriesOf(job, this.#habits);
  }

  missing(theirs: readonly Snapshot[], ours: readonly Snapshot[]): readonly Snapshot[] {
    return withoutCopy(theirs, ours);
  }

  async find(
    path: string,
    snapshots: readonly Snapshot[],
    signal: AbortSignal,
  ): Promise<readonly Found[]> {
    const newestFirst = snapshots.toSorted((a, b) => b.time.getTime() - a.time.getTime());
    const ids = newestFirst.map(({ id }) => id).filter((id) => wholeId.test(id));
    if (ids.length === 0) return [];
    const named = ids.length > snapshotsToName ? [] : ids;
    const command = findCommand(this.restic.setting, path, named);
    const findings = parseFindings(await this.restic.read(command, signal));
    const bySnapshot = new Map(findings.map(({ snapshot, matches }) => [snapshot, matches]));
    return ids.flatMap((id) =>
      (bySnapshot.get(id) ?? []).map((match) => ({
        snapshot: id,
        path: match.path,
        ...(match.size === undefined ? {} : { bytes: match.size }),
        ...(match.mtime === undefined ? {} : { modified: match.mtime }),
      })),
    );
  }

  async forget(ids: readonly string[], work: Work): Promise<void> {
    const known = ids.filter((id) => wholeId.test(id));
    const unremoved: string[] = [];
    for (const command of forgetCommands(this.restic.setting, known)) {
      await this.restic.run(command, {
        signal: work.signal,
        stderrLine(line) {
          const id = parseUnremoved(line);
          if (id !== undefined) unremoved.push(id);
        },
      });
    }
    if (unremoved.length === 0) return;
    throw new HoldfastError(
      "command-failed",
      `${unremoved.length} of ${known.length} snapshots could not be removed from repository "${this.name}"`,
      { hint: "see whether it is append-only, or its files may not be deleted by this user" },
    );
  }

  async prune(work: Work): Promise<PruneResult> {
    let freedBytes: number | undefined;
    await this.restic.run(pruneCommand(this.restic.setting), {
      signal: work.signal,
      stdoutLine(line) {
        freedBytes ??= parseFreed(line);
        const current = parseCount(line);
        if (current !== undefined) work.progress({ current });
      },
    });
    return freedBytes === undefined ? {} : { freedBytes };
  }

  async check(level: CheckLevel, work: Work): Promise<CheckResult> {
    return await checkRepository(this.restic, level, work);
  }

  async restore(request: RestoreRequest, work: Work): Promise<RestoreResult> {
    if (!wholeId.test(request.snapshot)) {
      throw new HoldfastError(
        "snapshot-missing",
        `repository "${this.name}" has no snapshot ${request.snapshot}`,
        { hint: "see what it has with: holdfast snapshots" },
      );
    }
    return await restoreSnapshot(this.restic, this.#access.host, { request, work });
  }

  preview(planned: PlannedVerb): readonly Command[] {
    const from = "from" in planned && planned.from !== undefined ? planned.from : undefined;
    const other = from === undefined ? undefined : resticOf(from);
    const env =
      other === undefined
        ? previewEnvironment(this.#options)
        : joinPreviews(this.#options, other.setting.options);
    return this.#planned(planned, other).map((command) => ({ ...command, env }));
  }

  #planned(planned: PlannedVerb, from: Restic | undefined): readonly Command[] {
    const { setting } = this.restic;
    switch (planned.verb) {
      case "init":
        return [initCommand(setting, from?.setting)];
      case "backup":
        return scopesOf(planned.request, this.#habits.perSource).map((scope) =>
          backupCommand(setting, scope),
        );
      case "copy": {
        const ids = planned.snapshots.map(({ id }) => id).filter((id) => wholeId.test(id));
        return from === undefined ? [] : copyCommands(setting, from.setting, ids);
      }
      case "forget":
        return forgetCommands(
          setting,
          planned.ids.filter((id) => wholeId.test(id)),
        );
      case "prune":
        return [pruneCommand(setting)];
      case "check":
        return [checkCommand(setting, planned.level)];
      case "restore":
        return [restoreCommand(setting, planned.request)];
    }
  }

  #snapshot(listed: ResticSnapshot, job: JobIdentity): Snapshot {
    const { id, time, hostname: host, paths, tags, original, tree, summary } = listed;
    const series = seriesOfSnapshot({ tags, host, paths }, job, this.#habits);
    return {
      id,
      time,
      kind: "snapshot",
      labels: labelsOf(tags),
      host,
      paths,
      // The tree, because a rewritten snapshot names the same original and is another state.
      origin: `${original ?? id}:${tree}`,
      ...(series === undefined ? {} : { series }),
      ...(summary === undefined
        ? {}
        : { bytes: summary.total_bytes_processed, files: summary.total_files_processed }),
    };
  }
}

/** restic, as it is run for another repository. */
function resticOf(repository: Repository): Restic {
  if (repository instanceof ResticRepository) return repository.restic;
  throw new HoldfastError(
    "repository-unsupported",
    `restic cannot copy from repository "${repository.name}", which is kept by ${repository.engine}`,
    { hint: "copies need a repository of the same engine" },
  );
}
