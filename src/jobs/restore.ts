// Knows: which snapshot a person means, and that a restore never touches what is there. Must not know: any engine.
import { mkdir, readdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { JobIdentity, Repository, RestoreResult, Work } from "../engines/engine.ts";
import { showCommand } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import { usingVolumes, type AttachVolume, type VolumeNews } from "./attachments.ts";
import { configuredJob } from "./open.ts";
import type { Program } from "./program.ts";
import { reachRepositories, type Reachable } from "./reach.ts";
import type { RestoreReport } from "./report.ts";
import { chooseSnapshots } from "./choose-snapshots.ts";

export interface RestoreJobRequest {
  readonly job: string;
  /** An id, the beginning of one, "latest", or a date or time in ISO form (local): the newest not later. */
  readonly snapshot: string;
  readonly target: string;
  readonly include: readonly string[];
  /** A repository of the job. Default: the first that is there. */
  readonly from?: string;
  readonly dryRun: boolean;
}

/** What a restore works with. */
export interface RestoreWork extends Work {
  /** Hears of volumes that are attached for it. */
  readonly tell?: (news: VolumeNews) => void;
}

/**
 * Restores one point in time of a job into a new or empty directory, and attaches for that what is
 * plugged in; a dry run attaches nothing. Where no repository is named, one that is away or cannot be
 * read is passed over for the next. Throws `target-invalid` when something is there already,
 * `snapshot-missing`, `unknown-name`, `volume-away`.
 */
export async function restoreJob(
  program: Program,
  request: RestoreJobRequest,
  work: RestoreWork,
): Promise<RestoreReport> {
  if (request.dryRun) return await restoreFrom(program, { request }, work);
  const user = { purpose: `restore of job ${request.job}`, tell: work.tell ?? (() => {}) };
  return await usingVolumes(
    program,
    user,
    async (attach) => await restoreFrom(program, { request, attach }, work),
  );
}

async function restoreFrom(
  program: Program,
  asked: { readonly request: RestoreJobRequest; readonly attach?: AttachVolume },
  work: RestoreWork,
): Promise<RestoreReport> {
  const { request } = asked;
  const started = program.now();
  const job = configuredJob(program, request.job);
  const target = resolve(request.target);
  await assertFresh(target);
  const reach = await reachRepositories(program, job, { ...asked, signal: work.signal });
  const candidates = candidatesOf(reach.repositories, request);
  const readable = await firstReadable(candidates, reach.identity, work.signal);
  const { repository, snapshots: all, passedOver } = readable;
  const chosen = chooseSnapshots(all, { ...request, now: program.now() });
  const parts = partsOf(chosen, request.include);
  const snapshots = parts.map(({ snapshot }) => snapshot);

  const requests = parts.map(({ snapshot, include }) => ({
    snapshot: snapshot.id,
    include,
    target,
    ...(snapshot.paths === undefined ? {} : { paths: snapshot.paths }),
  }));
  const commands = requests.flatMap((each) =>
    repository.preview({ verb: "restore", request: each }).map(showCommand),
  );
  const results: RestoreResult[] = [];
  if (!request.dryRun) {
    await mkdir(target, { recursive: true, mode: 0o700 });
    for (const each of requests) results.push(await repository.restore(each, work));
  }
  return {
    job: job.name,
    repository: repository.name,
    snapshots: snapshots.map(({ id, time }) => ({ id, time })),
    target,
    ...sum(results),
    problems: results.flatMap(({ problems }) => problems),
    seconds: (program.now().getTime() - started.getTime()) / 1000,
    commands,
    ...(passedOver.length === 0 ? {} : { passedOver }),
  };
}

/** What is restored out of one of several snapshots. */
interface Part {
  readonly snapshot: Snapshot;
  readonly include: readonly string[];
}

/**
 * Shares the wanted paths out among the snapshots that can hold them: of a job that makes one for each
 * of its sources, most hold none. A path that lies in no source is asked of all, which say that they
 * have not got it.
 */
function partsOf(snapshots: readonly Snapshot[], include: readonly string[]): readonly Part[] {
  if (snapshots.length === 1 || include.length === 0) {
    return snapshots.map((snapshot) => ({ snapshot, include }));
  }
  const homeless = include.filter((path) => !snapshots.some((each) => mayHold(each, path)));
  return snapshots.flatMap((snapshot) => {
    const wanted = include.filter((path) => mayHold(snapshot, path) || homeless.includes(path));
    return wanted.length === 0 ? [] : [{ snapshot, include: wanted }];
  });
}

function mayHold({ paths = [] }: Snapshot, wanted: string): boolean {
  return paths.some((path) => isWithin(wanted, path) || isWithin(path, wanted));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

function sum(results: readonly RestoreResult[]): {
  readonly files?: number;
  readonly bytes?: number;
} {
  const files = total(results.map((result) => result.files));
  const bytes = total(results.map((result) => result.bytes));
  return { ...(files === undefined ? {} : { files }), ...(bytes === undefined ? {} : { bytes }) };
}

/** The sum, unless one part of it is not known. */
function total(figures: readonly (number | undefined)[]): number | undefined {
  return figures.length === 0
    ? undefined
    : figures.reduce((a, b) => (a === undefined || b === undefined ? undefined : a + b));
}

/** A target is new or empty: a restore never mixes with what is there. Throws `target-invalid`. */
export async function assertFresh(target: string): Promise<void> {
  const entries = await entriesOf(target);
  if (entries.length === 0) return;
  throw new HoldfastError("target-invalid", `the target ${target} is not empty`, {
    hint: "name a new directory with --target; compare and move files from there yourself",
  });
}

async function entriesOf(target: string): Promise<readonly string[]> {
  try {
    return await readdir(target, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return [];
    throw new HoldfastError("target-invalid", `the target ${target} cannot be used`, {
      hint: "name a new or empty directory that you may write to with --target",
      cause: error,
    });
  }
}

function candidatesOf(
  repositories: readonly Reachable[],
  { from, job }: RestoreJobRequest,
): readonly Reachable[] {
  const candidates = repositories.filter(({ name }) => from === undefined || name === from);
  if (candidates.length > 0) return candidates;
  const names = repositories.map(({ name }) => name).join(", ");
  throw new HoldfastError("unknown-name", `job "${job}" has no repository "${from}"`, {
    hint: `its repositories are: ${names}`,
  });
}

interface Readable {
  readonly repository: Repository;
  readonly snapshots: readonly Snapshot[];
  readonly passedOver: readonly { readonly repository: string; readonly reason: string }[];
}

/** Throws what keeps the first from being read, when none can be; one that is there counts more than one away. */
async function firstReadable(
  candidates: readonly Reachable[],
  identity: JobIdentity,
  signal: AbortSignal,
): Promise<Readable> {
  const failures: { readonly repository: string; readonly error: HoldfastError }[] = [];
  for (const { name, open } of candidates) {
    try {
      const repository = await open(signal);
      const snapshots = await repository.snapshots(identity, signal);
      const passedOver = failures.map((failure) => ({
        repository: failure.repository,
        reason: failure.error.message,
      }));
      return { repository, snapshots, passedOver };
    } catch (error) {
      if (!(error instanceof HoldfastError) || signal.aborted) throw error;
      failures.push({ repository: name, error });
    }
  }
  const there = failures.find(({ error }) => error.code !== "volume-away");
  throw (there ?? failures[0])?.error ?? new Error("a job has at least one repository");
}
