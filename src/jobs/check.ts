// Knows: how the integrity of a job's repositories is checked on demand. Must not know: any engine.
import type { CheckLevel } from "../engines/engine.ts";
import { exitStatusOf, HoldfastError } from "../kernel/errors.ts";
import type { Progress } from "../kernel/progress.ts";
import { noteCheck } from "./health.ts";
import { configuredJob } from "./open.ts";
import type { Program } from "./program.ts";
import { reachRepositories, type Reached } from "./reach.ts";
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
}

/**
 * Checks every repository of these jobs that is there, one after the other. What it finds freezes
 * forgetting in that repository; a check without problems, as deep as that one, lifts that again.
 */
export async function checkJobs(
  program: Program,
  request: CheckRequest,
  options: CheckOptions,
): Promise<readonly CheckReport[]> {
  const reports: CheckReport[] = [];
  for (const name of request.jobs) {
    const job = configuredJob(program, name);
    const { repositories } = await reachRepositories(program, job, options.signal);
    for (const reached of repositories) {
      reports.push(await checkOne(program, { job: name, reached, request }, options));
    }
  }
  return reports;
}

async function checkOne(
  program: Program,
  asked: { readonly job: string; readonly reached: Reached; readonly request: CheckRequest },
  options: CheckOptions,
): Promise<CheckReport> {
  const { job, reached, request } = asked;
  const started = program.now();
  const common = { job, repository: reached.name };
  const seconds = (): number => (program.now().getTime() - started.getTime()) / 1000;
  try {
    if (reached.away) throw reached.error;
    using locks = new DisposableStack();
    locks.use(takeLock(program, reached.name, `check of job ${job}`));
    const level = request.readData === undefined ? {} : { readData: request.readData };
    const problems = await problemsOf(program, { reached, level }, options);
    const ok = problems.length === 0;
    return { ...common, ok, away: false, problems, exitStatus: ok ? 0 : 1, seconds: seconds() };
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

async function problemsOf(
  program: Program,
  asked: {
    readonly reached: Extract<Reached, { away: false }>;
    readonly level: CheckLevel;
  },
  { signal, progress }: CheckOptions,
): Promise<readonly string[]> {
  const { name, repository } = asked.reached;
  const work = { signal, progress: (now: Progress) => progress(name, now) };
  const { problems } = await repository.check(asked.level, work);
  return noteCheck(program, name, { level: asked.level, problems });
}
