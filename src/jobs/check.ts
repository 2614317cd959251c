// Knows: how the integrity of a job's repositories is checked on demand. Must not know: any engine.
import type { Job } from "../config/config.ts";
import type { Repository } from "../engines/engine.ts";
import { exitStatusOf, HoldfastError } from "../kernel/errors.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { Progress } from "../kernel/progress.ts";
import { usingVolumes, type VolumeNews } from "./attachments.ts";
import { comparisons } from "./comparisons.ts";
import { noteCheck } from "./health.ts";
import { configuredJob, isThere, repositoriesOf } from "./open.ts";
import type { Program } from "./program.ts";
import { reachRepositories, type Reach, type Reachable } from "./reach.ts";
import type { CheckReport } from "./report.ts";
import { takeLock } from "./repository-locks.ts";

export interface CheckRequest {
  readonly jobs: readonly string[];
  /** How much of the data is read back, such as "5%" or "100%". */
  readonly readData?: string;
}

export interface CheckOptions {
  readonly signal: AbortSignal;
  readonly progress: (repository: string, progress: Progress) => void;
  /** Hears of volumes that are attached for it. */
  readonly tell?: (news: VolumeNews) => void;
}

/**
 * Checks every repository of these jobs that is there, one after the other, and attaches for that what
 * is plugged in. What it finds freezes forgetting in that repository; a check without problems, as
 * deep as that one, lifts that again.
 */
export async function checkJobs(
  program: Program,
  request: CheckRequest,
  options: CheckOptions,
): Promise<readonly CheckReport[]> {
  const { signal, tell = () => {} } = options;
  const { journal } = program;
  // No run keeps what is changed to make sources ready: it is owed by whoever checks.
  using use = journal.use(`check:${process.pid}`, "check");
  const ledger = journal.ledgerOf(use.resource);
  return await usingVolumes(program, { purpose: "check", tell }, async (attach) => {
    const reports: CheckReport[] = [];
    for (const name of request.jobs) {
      const job = configuredJob(program, name);
      const reach = await reachRepositories(program, job, { signal, attach, ledger });
      for (const reached of reach.repositories) {
        const asked = { job, reach, reached, request, ledger };
        reports.push(await checkOne(program, asked, options));
      }
    }
    return reports;
  });
}

interface OneCheck {
  readonly job: Job;
  readonly reach: Reach;
  readonly reached: Reachable;
  readonly request: CheckRequest;
  readonly ledger: Ledger;
}

async function checkOne(
  program: Program,
  asked: OneCheck,
  options: CheckOptions,
): Promise<CheckReport> {
  const { job, reached } = asked;
  const started = program.now();
  const common = { job: job.name, repository: reached.name };
  const seconds = (): number => (program.now().getTime() - started.getTime()) / 1000;
  try {
    const repository = await reached.open(options.signal);
    using _ = takeLock(program, reached.name, `check of job ${job.name}`);
    const { problems, notes } = await look(program, { ...asked, repository }, options);
    const ok = problems.length === 0;
    const remarks = notes.length === 0 ? {} : { notes };
    const exitStatus = ok ? 0 : 1;
    return { ...common, ok, away: false, problems, ...remarks, exitStatus, seconds: seconds() };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    const { code, message, hint } = error;
    const away = code === "volume-away";
    const why = { problems: [message], code, ...(hint === undefined ? {} : { hint }) };
    return {
      ...common,
      ok: false,
      away,
      ...why,
      exitStatus: exitStatusOf(error),
      seconds: seconds(),
    };
  }
}

async function look(
  program: Program,
  asked: OneCheck & { readonly repository: Repository },
  { signal, progress }: CheckOptions,
): Promise<{ readonly problems: readonly string[]; readonly notes: readonly string[] }> {
  const { job, reach, reached, request, ledger, repository } = asked;
  const { name } = reached;
  await using prepared = new AsyncDisposableStack();
  const { volumes } = reach;
  const other = repositoriesOf(job).find(
    (each) => each !== name && isThere(program, each, volumes),
  );
  const question = { program, job, repository: name, other, volumes, ledger, signal };
  const { compared, notes } = await comparisons(question, prepared);
  const readData = request.readData === undefined ? {} : { readData: request.readData };
  const level = { ...readData, ...compared };
  const work = { signal, progress: (now: Progress) => progress(name, now) };
  const found = await repository.check(level, work);
  const problems = noteCheck(program, name, { level, problems: found.problems });
  return { problems, notes: [...notes, ...(found.notes ?? [])] };
}
