// Knows: how rsync and folders make up the verbs of a repository. Must not know: jobs, schedules.
import { hostname } from "node:os";
import { posix } from "node:path";
import type { Command, Host } from "../../hosts/host.ts";
import type { Finding } from "../../kernel/finding.ts";
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
import { checkMirror } from "./check.ts";
import { copyMaking, copySnapshots, lackingOf } from "./copy.ts";
import { examineMirror } from "./examine.ts";
import { findInSnapshots } from "./find.ts";
import { mergedFiles, type Rules } from "./filters.ts";
import { forgetSnapshots, plannedForgetting, tidy } from "./forget.ts";
import { initialise, isThere } from "./init.ts";
import { initCommands } from "./commands.ts";
import { folderOf, momentOf } from "./layout.ts";
import { makeSnapshot, plannedCommands, type Making } from "./making.ts";
import { Mirror } from "./mirror.ts";
import type { Options } from "./options.ts";
import { seriesOf, snapshotOf } from "./record.ts";
import { plannedRestore, restoreSnapshot } from "./restore.ts";
import { lookAtSources, presumedSources, type Sources } from "./sources.ts";
import { routeBetween } from "./transfer.ts";

/** Opens a mirror. Nothing is run before its first verb. */
export function openMirror(options: Options, access: RepositoryAccess): Repository {
  return new RsyncRepository(options, access);
}

class RsyncRepository implements Repository {
  readonly engine = "rsync";
  readonly name: string;
  readonly location: string;
  readonly mirror: Mirror;

  constructor(options: Options, access: RepositoryAccess) {
    this.name = access.name;
    this.location = access.location;
    this.mirror = new Mirror(options, access);
  }

  async exists(signal: AbortSignal): Promise<boolean> {
    return await isThere(this.mirror, signal);
  }

  async init(signal: AbortSignal): Promise<void> {
    await initialise(this.mirror, signal);
  }

  async backup(request: BackupRequest, work: Work): Promise<BackupResult> {
    const started = performance.now();
    const { signal } = work;
    const paths = pathsOf(request);
    const sources = await lookAtSources(request.sourceHost, paths, signal);
    const making = this.#making(request, sources);
    if (making.rules !== undefined) await refuseClearing(making.route.runner, making.rules, signal);
    const made = await makeSnapshot(this.mirror, making, work);
    const after = await this.snapshots({ name: request.job, paths }, signal);
    const snapshots = after.filter(({ id }) => id === made.id);
    const seconds = (performance.now() - started) / 1000;
    const evidence = { ...made.evidence, seconds, listed: snapshots.length === 1 };
    return { snapshots, after, evidence };
  }

  #making(request: BackupRequest, sources: Sources): Making {
    const { options, access } = this.mirror;
    const { job, labels, selection, sourceHost, allowDeletions } = request;
    const { paths, contents } = sources;
    const file = options["filter-file"];
    return {
      route: routeBetween({ from: sourceHost, to: access.host, here: access.here }),
      sources,
      rules: {
        filters: options.filters,
        selection,
        paths,
        ...(file === undefined ? {} : { filterFile: file }),
      },
      about: {
        job,
        host: sourceHost.remote === undefined ? hostname() : sourceHost.name,
        paths: [...paths],
        contents,
        labels: [...new Set(labels)],
      },
      trusted: allowDeletions,
    };
  }

  async copy(
    from: Repository,
    request: { readonly job: JobIdentity; readonly snapshots: readonly Snapshot[] },
    work: Work,
  ): Promise<CopyResult> {
    const started = performance.now();
    const ends = { to: this.mirror, from: mirrorOf(from) };
    const before = await this.snapshots(request.job, work.signal);
    const lacking = this.missing(request.snapshots, before);
    const { copied, added } = await copySnapshots(ends, lacking, work);
    const after = copied.length === 0 ? before : await this.snapshots(request.job, work.signal);
    const ids = new Set(after.map(({ id }) => id));
    return {
      copied,
      after,
      evidence: {
        added,
        seconds: (performance.now() - started) / 1000,
        listed: copied.every(({ id }) => ids.has(id)),
      },
    };
  }

  async snapshots(job: JobIdentity, signal: AbortSignal): Promise<readonly Snapshot[]> {
    if (this.mirror.places.layout === "none") {
      const record = await this.mirror.mirrorRecord(signal);
      const time = record?.complete === true ? momentOf(record.id) : undefined;
      return record === undefined || time === undefined
        ? []
        : [snapshotOf({ id: record.id, time }, record, job)];
    }
    const { snapshots, records } = await this.mirror.standing(signal);
    return snapshots.map((lying) => snapshotOf(lying, records.get(lying.id), job));
  }

  series(job: JobIdentity): readonly string[] {
    return [seriesOf(job)];
  }

  missing(theirs: readonly Snapshot[], ours: readonly Snapshot[]): readonly Snapshot[] {
    return lackingOf(this.mirror, theirs, ours);
  }

  async find(
    path: string,
    snapshots: readonly Snapshot[],
    signal: AbortSignal,
  ): Promise<readonly Found[]> {
    return await findInSnapshots(this.mirror, { pattern: path, snapshots }, signal);
  }

  async forget(ids: readonly string[], work: Work): Promise<void> {
    await forgetSnapshots(this.mirror, ids, work.signal);
  }

  async prune(work: Work): Promise<PruneResult> {
    await tidy(this.mirror, work.signal);
    return {};
  }

  async check(level: CheckLevel, work: Work): Promise<CheckResult> {
    const { other } = level;
    const theirs = other?.what instanceof RsyncRepository ? other.what.mirror : undefined;
    return await checkMirror(this.mirror, { level, other: theirs }, work);
  }

  async restore(request: RestoreRequest, work: Work): Promise<RestoreResult> {
    return await restoreSnapshot(this.mirror, request, work);
  }

  browse({ id }: Snapshot): string {
    return folderOf(this.mirror.places, id);
  }

  async examine(signal: AbortSignal): Promise<readonly Finding[]> {
    return await examineMirror(this.mirror, signal);
  }

  preview(planned: PlannedVerb): readonly Command[] {
    const { mirror } = this;
    switch (planned.verb) {
      case "init":
        return initCommands(mirror.places);
      case "backup": {
        const sources = presumedSources(pathsOf(planned.request));
        return plannedCommands(mirror, this.#making(planned.request, sources));
      }
      case "copy": {
        const ends = { to: mirror, from: mirrorOf(planned.from) };
        return this.missing(planned.snapshots, []).flatMap((snapshot) =>
          plannedCommands(mirror, copyMaking(ends, snapshot, undefined)),
        );
      }
      case "forget":
        return plannedForgetting(mirror.places, planned.ids);
      case "prune":
      case "check":
        // Nothing is changed, unless something was left behind.
        return [];
      case "restore":
        return [plannedRestore(mirror, planned.request)];
    }
  }
}

function pathsOf({ source }: BackupRequest): readonly string[] {
  if (source.kind !== "paths") throw new Error(`rsync was given a source of kind ${source.kind}`);
  return source.paths.map((path) => posix.normalize(path).replace(/(?<=.)\/$/, ""));
}

/** The same kind of repository, of which snapshots can be copied. */
function mirrorOf(repository: Repository): Mirror {
  if (repository instanceof RsyncRepository) return repository.mirror;
  throw new HoldfastError(
    "repository-unsupported",
    `rsync cannot copy from repository "${repository.name}", which is kept by ${repository.engine}`,
    { hint: "copies need a repository of the same engine" },
  );
}

/** A file of rules that begins by clearing the list would clear what protects the repository. */
async function refuseClearing(runner: Host, rules: Rules, signal: AbortSignal): Promise<void> {
  const files = [...mergedFiles(rules), ...(rules.selection?.excludeFiles ?? [])];
  for (const file of files) {
    const { exitStatus } = await runner.run(
      {
        argv: ["grep", "-qE", String.raw`^[[:space:]]*(!|clear)[[:space:]]*$`, "--", file],
        effect: "reads",
        okExits: [0, 1],
      },
      signal,
    );
    if (exitStatus !== 0) continue;
    throw new HoldfastError(
      "config-invalid",
      `${file} clears the list of rules, and with it those that protect the repository`,
      { hint: 'remove the line "!" from it' },
    );
  }
}
