// Knows: what every verb means for dated trees over a store of content. Must not know: what a job is.
import { existsSync, mkdirSync, renameSync } from "node:fs";
import type { Command } from "../../hosts/host.ts";
import { interruption } from "../../hosts/interruption.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Finding } from "../../kernel/finding.ts";
import type { ObjectEntry } from "../../kernel/prepared-source.ts";
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
import { makeSnapshot } from "./backup.ts";
import { checkRepository } from "./check.ts";
import { forgetCommands, initCommands, removeCommand, syncCommand } from "./commands.ts";
import { copySnapshots } from "./copy.ts";
import { entriesIn } from "./entries.ts";
import { explain } from "./errors.ts";
import { examineRepository } from "./examine.ts";
import { findIn } from "./find.ts";
import { isLeaving, leavingPlace, placesIn, snapshotPlace } from "./layout.ts";
import { runningBackup, takeLease, tryLease } from "./lease.ts";
import { type Contents, isThere, type Library, lookInto } from "./listing.ts";
import { freeName } from "./names.ts";
import type { Options } from "./options.ts";
import { previewCommands } from "./preview.ts";
import { collectGarbage, removeDownloads, removeStaleManifests } from "./prune.ts";
import { type Lying, seriesOf, snapshotOf } from "./record.ts";
import { restoreFiles } from "./restore.ts";

// What is made by a file system's clock may seem a little older than it is.
const clockSlackMs = 100;

/** Dated trees of files that are links into a store of their content. */
export class ObjectsRepository implements Repository {
  readonly engine = "objects";
  readonly name: string;
  readonly location: string;
  readonly library: Library;
  readonly #options: Options;
  readonly #access: RepositoryAccess;

  constructor(options: Options, access: RepositoryAccess) {
    this.name = access.name;
    this.location = access.location;
    const places = placesIn(access.location);
    this.library = { places, name: access.name, format: options["name-format"] };
    this.#options = options;
    this.#access = access;
  }

  async exists(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) throw interruption(signal, "looking at the repository");
    return await this.#explained(async () => isThere(this.library));
  }

  async init(signal: AbortSignal): Promise<void> {
    if (await this.exists(signal)) {
      throw new HoldfastError(
        "repository-exists",
        `repository "${this.name}" at ${this.location} is there already`,
      );
    }
    for (const command of initCommands(this.library.places)) await this.#run(command, signal);
  }

  async backup(request: BackupRequest, work: Work): Promise<BackupResult> {
    const { source, job, labels } = request;
    const { signal } = work;
    if (source.kind !== "objects")
      throw new Error(`objects was given a source of kind ${source.kind}`);
    const { places, format } = this.library;
    const started = performance.now();
    const contents = await this.#look(signal);
    const now = new Date();
    const name = freeName(format, now, contents.taken);
    const { parallel, bandwidth } = this.#options;
    const earlier = lastOf(contents, { store: source.store, job });
    const evidence = await this.#adding(
      contents,
      signal,
      async (sync) =>
        await makeSnapshot(
          {
            places,
            repository: this.name,
            name,
            source,
            parallel,
            sync,
            about: { job, labels: [...new Set(labels)], time: now.getTime() },
            ...(bandwidth === undefined ? {} : { bandwidth }),
            ...(earlier === undefined ? {} : { earlier }),
          },
          work,
        ),
    );
    const after = await this.snapshots({ name: job, paths: [] }, signal);
    const snapshots = after.filter(({ id }) => id === name);
    const seconds = (performance.now() - started) / 1000;
    return { snapshots, after, evidence: { ...evidence, seconds, listed: snapshots.length === 1 } };
  }

  async copy(
    from: Repository,
    { job, snapshots }: { readonly job: JobIdentity; readonly snapshots: readonly Snapshot[] },
    work: Work,
  ): Promise<CopyResult> {
    if (!(from instanceof ObjectsRepository)) {
      throw new HoldfastError(
        "repository-unsupported",
        `objects cannot copy from repository "${from.name}", which is kept by ${from.engine}`,
        { hint: "copies need a repository of the same engine" },
      );
    }
    const theirs = await from.#look(work.signal);
    const contents = await this.#look(work.signal);
    const ours = contents.snapshots.map((each) => snapshotOf(each, job));
    const wanted = new Set(this.missing(snapshots, ours).map(({ id }) => id));
    const receiving = {
      from: from.library,
      to: this.library,
      snapshots: theirs.snapshots.filter(({ name }) => wanted.has(name)),
      taken: contents.taken,
      host: this.#access.host,
    };
    const { copied, evidence } =
      receiving.snapshots.length === 0
        ? { copied: [], evidence: { added: 0 } }
        : await this.#adding(
            contents,
            work.signal,
            async (sync) => await copySnapshots({ ...receiving, sync }, work),
          );
    const after = await this.snapshots(job, work.signal);
    const listed = copied.every((copy) => after.some(({ id }) => id === copy.id));
    return { copied, after, evidence: { ...evidence, listed } };
  }

  async snapshots(job: JobIdentity, signal: AbortSignal): Promise<readonly Snapshot[]> {
    const { snapshots } = await this.#look(signal);
    return snapshots.map((each) => snapshotOf(each, job));
  }

  series(job: JobIdentity): readonly string[] {
    return [seriesOf(job)];
  }

  missing(theirs: readonly Snapshot[], ours: readonly Snapshot[]): readonly Snapshot[] {
    const held = new Set(ours.map(({ origin }) => origin));
    // Of the predecessor's the name is all there is, and two formats may read it in two ways.
    const foreign = new Set(ours.flatMap(({ id, files }) => (files === undefined ? id : [])));
    return theirs.filter(
      ({ id, origin, files }) => !held.has(origin) && !(files === undefined && foreign.has(id)),
    );
  }

  async find(
    path: string,
    snapshots: readonly Snapshot[],
    signal: AbortSignal,
  ): Promise<readonly Found[]> {
    const { places } = this.library;
    const contents = await this.#look(signal);
    const known = new Set(contents.snapshots.map(({ name }) => name));
    const asked = snapshots.filter(({ id }) => known.has(id));
    return await findIn({ host: this.#access.host, places }, { path, snapshots: asked }, signal);
  }

  async forget(ids: readonly string[], { signal }: Work): Promise<void> {
    const { places } = this.library;
    const { snapshots } = await this.#look(signal);
    const known = new Set(snapshots.map(({ name }) => name));
    for (const id of ids) {
      if (!known.has(id)) continue;
      const gone = leavingPlace(places, id);
      if (existsSync(gone)) await this.#run(removeCommand([gone]), signal);
      for (const command of forgetCommands(places, id)) await this.#run(command, signal);
    }
  }

  async prune({ signal }: Work): Promise<PruneResult> {
    const { places } = this.library;
    const { snapshots } = await this.#look(signal);
    return await this.#explained(async () => {
      // Who has the lease can have left nothing behind yet, and nobody can begin meanwhile.
      const freedBytes = this.#tidy(snapshots);
      const { leftovers } = await this.#look(signal);
      const going = leftovers.filter(isLeaving).map((name) => snapshotPlace(places, name));
      if (going.length > 0) await this.#run(removeCommand(going), signal);
      const running = runningBackup(places);
      const beforeMs = running === undefined ? Date.now() : running.since.getTime() - clockSlackMs;
      const pruning = { host: this.#access.host, places, beforeMs };
      return { freedBytes: freedBytes + (await collectGarbage(pruning, signal)) };
    });
  }

  /** Puts what interrupted backups left out of the way, unless one is running. Takes a moment. */
  #tidy(snapshots: readonly Lying[]): number {
    const { places } = this.library;
    using lease = tryLease(places);
    if (lease === undefined) return 0;
    const { leftovers } = lookInto(this.library);
    for (const name of leftovers.filter((each) => !isLeaving(each))) {
      renameSync(snapshotPlace(places, name), leavingPlace(places, `${Date.now()}-${name}`));
    }
    removeStaleManifests(places, new Set(snapshots.map(({ name }) => name)));
    return removeDownloads(places);
  }

  async check(level: CheckLevel, work: Work): Promise<CheckResult> {
    const { snapshots } = await this.#look(work.signal);
    const { places } = this.library;
    const checking = { host: this.#access.host, places, repository: this.name, snapshots };
    return await this.#explained(async () => await checkRepository(checking, level, work));
  }

  async restore(request: RestoreRequest, work: Work): Promise<RestoreResult> {
    await this.#known(request.snapshot, work.signal);
    const { places } = this.library;
    const restoring = { places, repository: this.name, host: this.#access.here };
    return await restoreFiles(restoring, request, work);
  }

  async *entries(snapshot: string, signal: AbortSignal): AsyncGenerator<readonly ObjectEntry[]> {
    await this.#known(snapshot, signal);
    yield* entriesIn(this.library, snapshot);
  }

  browse({ id }: Snapshot): string {
    return snapshotPlace(this.library.places, id);
  }

  async examine(signal: AbortSignal): Promise<readonly Finding[]> {
    const { host } = this.#access;
    const { places } = this.library;
    return await examineRepository({ host, places, name: this.name }, signal);
  }

  preview(planned: PlannedVerb): readonly Command[] {
    return previewCommands(planned, this.library.places);
  }

  async #look(signal: AbortSignal): Promise<Contents> {
    if (signal.aborted) throw interruption(signal, "looking at the repository");
    return await this.#explained(async () => lookInto(this.library));
  }

  /** Throws `snapshot-missing`. */
  async #known(id: string, signal: AbortSignal): Promise<Lying> {
    const { snapshots } = await this.#look(signal);
    const found = snapshots.find(({ name }) => name === id);
    if (found !== undefined) return found;
    throw new HoldfastError(
      "snapshot-missing",
      `repository "${this.name}" has no snapshot "${id}"`,
      { hint: "list what there is with: holdfast snapshots" },
    );
  }

  /** Adds to the repository while nobody else does, and without what an interrupted backup has left. */
  async #adding<Result>(
    { leftovers }: Contents,
    signal: AbortSignal,
    work: (sync: () => Promise<void>) => Promise<Result>,
  ): Promise<Result> {
    const { places } = this.library;
    return await this.#explained(async () => {
      mkdirSync(places.snapshots, { recursive: true });
      using _ = await takeLease(places, this.name, signal);
      removeDownloads(places);
      if (leftovers.length > 0) {
        const paths = leftovers.map((name) => snapshotPlace(places, name));
        await this.#run(removeCommand(paths), signal);
      }
      return await work(async () => await this.#run(syncCommand(places), signal));
    });
  }

  async #run(command: Command, signal: AbortSignal): Promise<void> {
    await this.#explained(async () => await this.#access.host.run(command, signal));
  }

  async #explained<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw explain(error, this.name);
    }
  }
}

/** The newest snapshot of the same store: of the same job, if there is one. */
function lastOf(
  { snapshots }: Contents,
  { store, job }: { readonly store: string; readonly job: string },
): string | undefined {
  const ofStore = snapshots.filter(({ record }) => record?.store === store);
  const ofJob = ofStore.filter(({ record }) => record?.job === job);
  return (ofJob.at(-1) ?? ofStore.at(-1))?.name;
}
