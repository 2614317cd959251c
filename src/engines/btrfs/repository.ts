// Knows: how btrfs's commands make up the verbs of a repository. Must not know: jobs, schedules.
import { posix } from "node:path";
import type { Command } from "../../hosts/host.ts";
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
  Holding,
  JobIdentity,
  PlannedVerb,
  PruneResult,
  PutBackRequest,
  PutBackResult,
  Repository,
  RepositoryAccess,
  RestoreRequest,
  RestoreResult,
  Work,
} from "../engine.ts";
import { makeSnapshot } from "./backup.ts";
import { checkSide, type OtherSide } from "./check.ts";
import { makeFolderCommand, reclaimCommand, snapshotPath } from "./commands.ts";
import { copySnapshots } from "./copy.ts";
import { explainFailure, saysNotPermitted } from "./errors.ts";
import { examineSide } from "./examine.ts";
import { findIn } from "./find.ts";
import { forgetSnapshots } from "./forget.ts";
import type { Options } from "./options.ts";
import { pinsOf } from "./pins.ts";
import { previewOf } from "./preview.ts";
import { putBack } from "./put-back.ts";
import { restoreFiles } from "./restore.ts";
import { Side } from "./side.ts";
import { keptIn, linkOf, seriesName, snapshotOf } from "./snapshots.ts";

/** Opens a folder of snapshots. Nothing is run before its first verb. */
export function openBtrfs(options: Options, access: RepositoryAccess): Repository {
  return new BtrfsRepository(options, access);
}

class BtrfsRepository implements Repository {
  readonly engine = "btrfs";
  readonly name: string;
  readonly location: string;
  readonly side: Side;

  constructor(options: Options, access: RepositoryAccess) {
    this.name = access.name;
    this.location = access.location;
    this.side = new Side(options, access);
  }

  async exists(signal: AbortSignal): Promise<boolean> {
    try {
      await this.side.mustExist(signal);
    } catch (error) {
      if (error instanceof HoldfastError && error.code === "repository-missing") return false;
      throw error;
    }
    if (await this.side.isOnBtrfs(this.location, signal)) return true;
    throw this.#notOnBtrfs(this.location);
  }

  async init(signal: AbortSignal): Promise<void> {
    if (await this.exists(signal)) {
      throw new HoldfastError(
        "repository-exists",
        `repository "${this.name}" exists already at ${this.location}`,
        { hint: "use it as it is, or name another place" },
      );
    }
    const above = await this.#nearestFolder(signal);
    if (!(await this.side.isOnBtrfs(above, signal))) throw this.#notOnBtrfs(above);
    await this.side.run(makeFolderCommand(this.location), signal);
  }

  /** The folder in which the first one that is missing would be made. */
  async #nearestFolder(signal: AbortSignal): Promise<string> {
    const above: string[] = [];
    for (let path = this.location; path !== posix.dirname(path);) {
      path = posix.dirname(path);
      above.push(path);
    }
    const states = await this.side.host.inspect(above, signal);
    return above.find((_, index) => states[index]?.kind !== "missing") ?? "/";
  }

  #notOnBtrfs(path: string): HoldfastError {
    return new HoldfastError(
      "repository-unsupported",
      `repository "${this.name}" is to be at ${this.location}, and ${path} is not on a btrfs`,
      { hint: "is its disk mounted? A btrfs repository is a folder on a btrfs" },
    );
  }

  async backup(request: BackupRequest, work: Work): Promise<BackupResult> {
    const { id, view, notes } = await makeSnapshot(this.side, request, work.signal);
    const { source } = request;
    const paths = source.kind === "subvolume" ? [source.path] : [];
    const after = keptIn(view).map((kept) => snapshotOf(kept, { name: request.job, paths }));
    const snapshots = after.filter((snapshot) => snapshot.id === id);
    const said = notes.length === 0 ? {} : { notes };
    return { snapshots, after, evidence: { listed: snapshots.length === 1, ...said } };
  }

  async copy(
    from: Repository,
    request: { readonly job: JobIdentity; readonly snapshots: readonly Snapshot[] },
    work: Work,
  ): Promise<CopyResult> {
    const started = performance.now();
    const wanted = new Set(request.snapshots.map(({ id }) => id));
    const order = { from: sideOf(from), to: this.side, wanted };
    const { copied, notes, bytes } = await copySnapshots(order, work);
    const after = await this.snapshots(request.job, work.signal);
    const ids = new Set(after.map(({ id }) => id));
    return {
      copied,
      after,
      evidence: {
        added: bytes,
        seconds: (performance.now() - started) / 1000,
        listed: copied.every(({ id }) => ids.has(id)),
        ...(notes.length === 0 ? {} : { notes }),
      },
    };
  }

  async snapshots(job: JobIdentity, signal: AbortSignal): Promise<readonly Snapshot[]> {
    return keptIn(await this.side.look(signal)).map((kept) => snapshotOf(kept, job));
  }

  series(): readonly string[] {
    return [seriesName];
  }

  missing(theirs: readonly Snapshot[], ours: readonly Snapshot[]): readonly Snapshot[] {
    const held = new Set(ours.map(({ id, origin }) => origin ?? id));
    return theirs.filter(({ id, origin }) => !held.has(origin ?? id));
  }

  pins(snapshots: readonly Snapshot[], others: readonly Holding[]): ReadonlyMap<string, string> {
    return pinsOf(snapshots, { others, forgetUncopied: this.side.options["forget-uncopied"] });
  }

  async find(
    path: string,
    snapshots: readonly Snapshot[],
    signal: AbortSignal,
  ): Promise<readonly Found[]> {
    await this.side.mustExist(signal);
    return await findIn(this.side, { path, snapshots }, signal);
  }

  async forget(ids: readonly string[], work: Work): Promise<void> {
    await forgetSnapshots(this.side, ids, work.signal);
  }

  async prune(work: Work): Promise<PruneResult> {
    const free = async (): Promise<number> => {
      const [state] = await this.side.host.inspect([this.location], work.signal);
      return state?.kind === "directory" ? state.freeBytes : 0;
    };
    await this.side.mustExist(work.signal);
    const before = await free();
    try {
      const command = reclaimCommand(this.side.setting, this.location);
      await this.side.host.run(command, work.signal);
    } catch (error) {
      // The kernel frees the space all the same; only waiting for that takes root.
      if (!saysNotPermitted(error)) throw explainFailure(error, this.side);
      return {};
    }
    const freedBytes = (await free()) - before;
    return freedBytes > 0 ? { freedBytes } : {};
  }

  async check(level: CheckLevel, work: Work): Promise<CheckResult> {
    return await checkSide(this.side, { level, other: await otherSide(level, work) }, work);
  }

  async restore(request: RestoreRequest, work: Work): Promise<RestoreResult> {
    await this.#mustHave(request.snapshot, work.signal);
    return await restoreFiles(this.side, request, work);
  }

  async putBack(request: PutBackRequest, work: Work): Promise<PutBackResult> {
    await this.#mustHave(request.snapshot, work.signal);
    return await putBack(this.side, request, work);
  }

  async #mustHave(id: string, signal: AbortSignal): Promise<void> {
    const kept = keptIn(await this.side.look(signal));
    if (kept.some(({ entry }) => entry.name === id)) return;
    throw new HoldfastError("snapshot-missing", `repository "${this.name}" has no snapshot ${id}`, {
      hint: "see what it has with: holdfast snapshots",
    });
  }

  browse({ id }: Snapshot): string {
    return snapshotPath(this.location, id);
  }

  async examine(signal: AbortSignal, sources: readonly string[]): Promise<readonly Finding[]> {
    return await examineSide(this.side, sources, signal);
  }

  preview(planned: PlannedVerb): readonly Command[] {
    const from = planned.verb === "copy" ? sideOf(planned.from) : undefined;
    return previewOf(this.side, planned, from);
  }
}

/** btrfs, as it is run for another repository. */
function sideOf(repository: Repository): Side {
  if (repository instanceof BtrfsRepository) return repository.side;
  throw new HoldfastError(
    "repository-unsupported",
    `btrfs cannot receive from repository "${repository.name}", which is kept by ${repository.engine}`,
    { hint: "copies need a repository of the same engine" },
  );
}

/** What another repository holds, to compare with. */
async function otherSide({ other }: CheckLevel, work: Work): Promise<OtherSide | undefined> {
  if (other === undefined || !(other.what instanceof BtrfsRepository)) return undefined;
  const { side } = other.what;
  const links = keptIn(await side.look(work.signal)).flatMap(linkOf);
  return {
    name: side.name,
    host: other.host,
    location: side.location,
    names: new Map(links.map(({ origin, name }) => [origin, name])),
  };
}
