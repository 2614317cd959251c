// Knows: how a restored copy takes the place of an application, or fills one to practise on. Must not know: how any application does it.
import { posix } from "node:path";
import type { Repository, Work } from "../engines/engine.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/figures.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import type {
  Reinstated,
  Reinstatement,
  ReinstateWish,
  RestoredCopy,
} from "../sources/reinstatement.ts";
import type { PlacedSource, Source } from "../sources/source.ts";
import { usingVolumes, type AttachVolume, type VolumeNews } from "./attachments.ts";
import { configuredJob, noLedger, openSource } from "./open.ts";
import type { Program } from "./program.ts";
import { chosenSource, repositoryOf, snapshotsOf } from "./put-back-choice.ts";
import { assertFresh, type RestoreJobRequest } from "./restore.ts";
import { reachRepositories, type Reach } from "./reach.ts";
import type { ReinstateReport } from "./report.ts";
import { takeLock } from "./repository-locks.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

/** Which snapshot is to be put back, and how. */
export interface ReinstateJobRequest extends Pick<
  RestoreJobRequest,
  "job" | "snapshot" | "from" | "dryRun"
> {
  /** Which of several applications of the job, as the configuration calls it. */
  readonly source?: string;
  /** A drill: files are restored into this new directory, and stay there. */
  readonly target?: string;
  readonly wish: Omit<ReinstateWish, "time">;
}

/** What is asked to be confirmed, and what a dry run shows. */
export type ReinstatePlan = Pick<
  ReinstateReport,
  "job" | "repository" | "snapshots" | "source" | "place" | "target" | "steps" | "warnings"
>;

/** What it works with. */
export interface ReinstateWork extends Work {
  /** Hears of volumes that are attached for it. */
  readonly news: (news: VolumeNews) => void;
  /** Asked once, before anything is done; not for a drill, which replaces nothing. */
  readonly confirm: (plan: ReinstatePlan) => Promise<boolean>;
  /** Hears what is being done. */
  readonly tell: (step: string) => void;
}

/**
 * Restores a snapshot and puts it into service: in the place of the application, or as a drill beside it.
 * A dry run only decides. Throws `target-invalid` for what does not fit, `interrupted` when it is not
 * confirmed, and what keeps it from being done; then what was there is there still, or again.
 */
export async function reinstateJob(
  program: Program,
  request: ReinstateJobRequest,
  work: ReinstateWork,
): Promise<ReinstateReport> {
  const started = program.now();
  const asked = { program, request, work, started };
  if (request.dryRun) return await decideOnly(asked);
  const { journal } = program;
  const purpose = `restore of job ${request.job}`;
  using use = journal.use(`restore:${process.pid}`, purpose);
  const ledger = journal.ledgerOf(use.resource);
  return await usingVolumes(
    program,
    { purpose, tell: work.news },
    async (attach) => await reinstate(asked, { attach, ledger }),
  );
}

interface Asked {
  readonly program: Program;
  readonly request: ReinstateJobRequest;
  readonly work: ReinstateWork;
  readonly started: Date;
}

/** With what something may be changed. */
interface Means {
  readonly attach: AttachVolume;
  readonly ledger: Ledger;
}

/** All that is known before anything is done. */
interface Decided {
  readonly plan: ReinstatePlan;
  readonly repository: Repository;
  readonly snapshots: readonly Snapshot[];
  readonly reinstatement: Reinstatement;
}

async function decideOnly(asked: Asked): Promise<ReinstateReport> {
  const { plan } = await decide(asked);
  return { ...plan, notes: [], next: [], seconds: secondsSince(asked) };
}

async function reinstate(asked: Asked, means: Means): Promise<ReinstateReport> {
  const { program, request, work } = asked;
  const job = configuredJob(program, request.job);
  using locks = new DisposableStack();
  for (const name of new Set([job.repository, request.from ?? job.repository])) {
    locks.use(takeLock(program, name, `restore of job ${job.name}`));
  }
  const decided = await decide(asked, means);
  if (request.target === undefined && !(await work.confirm(decided.plan))) {
    throw new HoldfastError("interrupted", "it was not confirmed, so nothing was done");
  }
  const { reinstatement, plan } = decided;
  await using workspace = await makeWorkspace(
    program.hosts.here,
    {
      path: request.target ?? reinstatement.workspace,
      kept: request.target !== undefined,
      ledger: means.ledger,
    },
    work.signal,
  );
  const restored = await restoreInto(workspace, decided, asked);
  const done = await reinstatement.carryOut(restored, {
    signal: work.signal,
    tell: work.tell,
  });
  return reportOf(asked, plan, done);
}

function reportOf(asked: Asked, plan: ReinstatePlan, done: Reinstated): ReinstateReport {
  const { aside, notes, next } = done;
  return {
    ...plan,
    ...(aside === undefined ? {} : { aside }),
    notes,
    next,
    seconds: secondsSince(asked),
  };
}

function secondsSince({ program, started }: Asked): number {
  return (program.now().getTime() - started.getTime()) / 1000;
}

/** Looks, and decides. Nothing is changed but that volumes are attached where that is allowed. */
async function decide(asked: Asked, means?: Means): Promise<Decided> {
  const { program, request, work, started } = asked;
  const { signal } = work;
  const job = configuredJob(program, request.job);
  const placed = chosenSource(program, job, request);
  if (request.target !== undefined) await assertFresh(request.target);
  const reach = await reachRepositories(program, job, { ...means, signal });
  const name = repositoryOf(job, request.from);
  const repository = await reach.repositories.find((each) => each.name === name)?.open(signal);
  if (repository === undefined) throw new Error(`repository ${name} is out of reach`);
  const source = await sourceIn(asked, placed, { reach, ...means });
  const snapshots = await snapshotsOf(
    { repository, source, reach },
    { ...request, now: program.now() },
    signal,
  );
  const reinstatement = await source.reinstate?.({ ...request.wish, time: started }, signal);
  if (reinstatement === undefined) throw new Error(`${placed.spec.label} cannot be put back`);
  await refuseFull(asked, { reinstatement, snapshots });
  const which = snapshots.map(({ id, time }) => localText(id, time)).join(", ");
  const plan = {
    job: job.name,
    repository: name,
    snapshots: snapshots.map(({ id, time }) => ({ id, time })),
    source: placed.spec.label,
    place: reinstatement.place,
    ...(request.target === undefined ? {} : { target: request.target }),
    steps: [restoreStep(which, { name, request, reinstatement }), ...reinstatement.steps],
    warnings: reinstatement.warnings,
  };
  return { plan, repository, snapshots, reinstatement };
}

function localText(id: string, time: Date): string {
  return `${id.slice(0, 40)} of ${time.toISOString()}`;
}

function restoreStep(
  which: string,
  of: {
    readonly name: string;
    readonly request: ReinstateJobRequest;
    readonly reinstatement: Reinstatement;
  },
): string {
  const { name, request, reinstatement } = of;
  const where = request.target ?? reinstatement.workspace ?? "a private folder";
  return `restore snapshot ${which} from ${name} into ${where}; this takes as long as reading and writing it does`;
}

async function sourceIn(
  { program, work }: Asked,
  placed: PlacedSource,
  { reach, attach, ledger }: { readonly reach: Reach } & Partial<Means>,
): Promise<Source> {
  const volumes = new Map(reach.volumes);
  const { volume } = placed.place;
  if (volume !== undefined && !volumes.has(volume) && attach !== undefined) {
    volumes.set(volume, await attach(volume, work.signal));
  }
  return openSource(program, placed, { volumes, ledger: ledger ?? noLedger });
}

/** Throws where there is no room for the copy, as far as it is known how large it is. */
async function refuseFull(
  { program, request, work }: Asked,
  { reinstatement, snapshots }: Pick<Decided, "reinstatement" | "snapshots">,
): Promise<void> {
  const path = request.target ?? reinstatement.workspace;
  if (path === undefined) return;
  const folder = posix.dirname(path);
  const [state] = await program.hosts.here.inspect([folder], work.signal);
  if (state === undefined || !("freeBytes" in state)) return;
  const known = snapshots.flatMap(({ bytes }) => bytes ?? []);
  const needed = known.reduce((sum, each) => sum + each, reinstatement.extraBytes ?? 0);
  if (state.freeBytes >= needed) return;
  throw new HoldfastError(
    "target-invalid",
    `${folder} has ${formatSize(state.freeBytes)} free, and about ${formatSize(needed)} are needed`,
    { hint: "make room there first: nothing was done" },
  );
}

async function restoreInto(
  { path: folder }: Workspace,
  { repository, snapshots }: Decided,
  { work }: Asked,
): Promise<RestoredCopy> {
  const [first, ...others] = snapshots;
  work.tell(`restoring into ${folder}`);
  for (const { id, paths } of snapshots) {
    const request = { snapshot: id, include: [], target: folder };
    const result = await repository.restore(
      { ...request, ...(paths === undefined ? {} : { paths }) },
      work,
    );
    const [problem, ...further] = result.problems;
    if (problem === undefined) continue;
    const more = further.length === 0 ? "" : ` (and ${further.length} more)`;
    throw new HoldfastError(
      "command-failed",
      `the snapshot was not restored whole: ${problem}${more}`,
      {
        hint: "nothing was replaced; restore what can be had with --target DIRECTORY",
      },
    );
  }
  const paths = snapshots.flatMap((each) => each.paths ?? []);
  return {
    folder,
    ...(paths.length === 0 ? {} : { paths }),
    ...entriesOf(repository, first === undefined || others.length > 0 ? undefined : first.id),
  };
}

/** What a snapshot of objects holds, where its engine keeps that. */
function entriesOf(
  repository: Repository,
  snapshot: string | undefined,
): Pick<RestoredCopy, "entries"> {
  if (snapshot === undefined || repository.entries === undefined) return {};
  const entries = repository.entries.bind(repository, snapshot);
  return { entries: (signal) => entries(signal) };
}
