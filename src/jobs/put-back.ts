// Knows: how a whole snapshot takes the place of a job's source. Must not know: how any engine does it.
import { HoldfastError } from "../kernel/errors.ts";
import type { PutBackResult, Work } from "../engines/engine.ts";
import type { Ledger } from "../kernel/ledger.ts";
import { usingVolumes, type AttachVolume, type VolumeNews } from "./attachments.ts";
import { chooseSnapshots } from "./choose-snapshots.ts";
import { configuredJob, hostOf, placedRepository } from "./open.ts";
import type { Program } from "./program.ts";
import { repositoryOf } from "./put-back-choice.ts";
import { reachRepositories } from "./reach.ts";
import type { PutBackReport } from "./report.ts";
import { takeLock } from "./repository-locks.ts";

export interface PutBackJobRequest {
  readonly job: string;
  /** An id, the beginning of one, "latest", or a date or time in ISO form (local): the newest not later. */
  readonly snapshot: string;
  /** A repository of the job. Default: its own. */
  readonly from?: string;
  readonly dryRun: boolean;
}

/** What it works with. */
export interface PutBackWork extends Work {
  /** Hears of volumes that are attached for it. */
  readonly tell?: (news: VolumeNews) => void;
}

/**
 * Puts a snapshot in the place of the one source of a job, and keeps what was there beside it. A dry run
 * only says which. Throws `repository-unsupported` where the engine cannot, `snapshot-missing`,
 * `unknown-name`, `volume-away`, `busy`.
 */
export async function putBackJob(
  program: Program,
  request: PutBackJobRequest,
  work: PutBackWork,
): Promise<PutBackReport> {
  if (request.dryRun) return await putBackFrom(program, { request }, work);
  const { journal } = program;
  const purpose = `restore of job ${request.job}`;
  using use = journal.use(`restore:${process.pid}`, purpose);
  const ledger = journal.ledgerOf(use.resource);
  return await usingVolumes(
    program,
    { purpose, tell: work.tell ?? (() => {}) },
    async (attach) => await putBackFrom(program, { request, attach, ledger }, work),
  );
}

async function putBackFrom(
  program: Program,
  asked: {
    readonly request: PutBackJobRequest;
    readonly attach?: AttachVolume;
    readonly ledger?: Ledger;
  },
  work: Work,
): Promise<PutBackReport> {
  const { request } = asked;
  const { signal } = work;
  const started = program.now();
  const job = configuredJob(program, request.job);
  const name = repositoryOf(job, request.from);
  using locks = new DisposableStack();
  if (!request.dryRun) locks.use(takeLock(program, name, `restore of job ${job.name}`));
  const reach = await reachRepositories(program, job, { ...asked, signal });
  const repository = await reach.repositories.find((each) => each.name === name)?.open(signal);
  const [source, ...others] = job.sources;
  const [place, ...further] = reach.identity.paths;
  const onlyOne = others.length === 0 && further.length === 0;
  if (
    repository?.putBack === undefined ||
    source === undefined ||
    !onlyOne ||
    place === undefined
  ) {
    throw cannot(program, name);
  }
  const all = await repository.snapshots(reach.identity, signal);
  const snapshots = chooseSnapshots(all, { ...request, now: program.now() });
  const [snapshot] = snapshots;
  if (snapshot === undefined) throw new Error("chooseSnapshots chose none");
  const host = hostOf(program, source.place);
  const done: PutBackResult = request.dryRun
    ? {}
    : await repository.putBack({ snapshot: snapshot.id, place, host }, work);
  return {
    job: job.name,
    repository: name,
    snapshots: [{ id: snapshot.id, time: snapshot.time }],
    place,
    ...done,
    seconds: (program.now().getTime() - started.getTime()) / 1000,
  };
}

function cannot(program: Program, repository: string): HoldfastError {
  const { engine } = placedRepository(program, repository).spec;
  return new HoldfastError(
    "repository-unsupported",
    `repository "${repository}" is kept by ${engine}, which cannot put a whole snapshot in place`,
    { hint: "restore into a new directory: --target DIRECTORY; then move files yourself" },
  );
}
