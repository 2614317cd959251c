// Knows: what has to exist before the first run. Must not know: how any of it is made.
import type { Ledger } from "../kernel/ledger.ts";
import { HoldfastError } from "../kernel/errors.ts";
import {
  openRepository,
  openVolume,
  configuredJob,
  placedRepository,
  repositoriesOf,
  volumesOf,
} from "./open.ts";
import { observeVolumes, presentPaths } from "./observe.ts";
import type { Program } from "./program.ts";
import type { InitReport } from "./report.ts";
import type { Volume } from "../volumes/volume.ts";

/** What is initialised is meant to stay: there is nothing to undo, so nothing to promise. */
const permanent: Ledger = {
  promise() {
    return { settle() {} };
  },
};

/**
 * Creates the markers and repositories of these jobs that do not exist yet, and leaves alone what
 * does. A further repository is made so that it shares data with the first one: not before that one
 * is there. What is on a volume that is away is left for later. Throws for the first thing that could not be made.
 */
export async function initJobs(
  program: Program,
  jobs: readonly string[],
  signal: AbortSignal,
): Promise<readonly InitReport[]> {
  const reports: InitReport[] = [];
  for (const volume of volumesOfJobs(program, jobs)) {
    reports.push(await initVolume(program, volume, signal));
  }
  for (const name of jobs) reports.push(...(await initRepositories(program, name, signal)));
  return reports;
}

function volumesOfJobs(program: Program, jobs: readonly string[]): readonly string[] {
  return volumesOf(
    jobs.flatMap((name) => {
      const job = configuredJob(program, name);
      const repositories = repositoriesOf(job).map((each) => placedRepository(program, each));
      return [...job.sources, ...repositories].map(({ place }) => place);
    }),
  );
}

async function initVolume(
  program: Program,
  name: string,
  signal: AbortSignal,
): Promise<InitReport> {
  return await attempted({ kind: "volume", name }, async () => {
    const volume = openVolume(program, name, permanent);
    const known = `volume-marked:${name}`;
    if (program.journal.mark(known) !== undefined) await mustBeMarked(volume, signal);
    const created = await volume.init(signal);
    program.journal.setMark(known, "yes");
    return { created, message: created ? "marked" : "is marked already" };
  });
}

/**
 * A volume gets its marker once. What has lost it is most likely the folder below a drive that is not
 * mounted: marked as well, it would be taken for the drive from then on.
 */
async function mustBeMarked(volume: Volume, signal: AbortSignal): Promise<void> {
  const state = await volume.observe(signal);
  if (state.kind === "mounted") return;
  const sentence = `it was marked before, but ${state.reason}`;
  throw new HoldfastError("volume-away", `${sentence}. For a new drive, create that file on it`);
}

async function initRepositories(
  program: Program,
  jobName: string,
  signal: AbortSignal,
): Promise<readonly InitReport[]> {
  const job = configuredJob(program, jobName);
  const volumes = presentPaths(await observeVolumes(program, job, signal));
  const reports: InitReport[] = [];
  for (const name of repositoriesOf(job)) {
    const from = name === job.repository ? undefined : job.repository;
    const report = await attempted({ kind: "repository", name }, async () => {
      const created = await initRepository(program, { name, volumes, from }, signal);
      return { created, message: created ? "created" : "exists already" };
    });
    reports.push(report);
  }
  return reports;
}

/** What is away now is said and left for another time. */
async function attempted(
  what: Pick<InitReport, "kind" | "name">,
  make: () => Promise<Pick<InitReport, "created" | "message">>,
): Promise<InitReport> {
  const subject = `${what.kind} ${what.name}`;
  try {
    const { created, message } = await make();
    return { ...what, created, away: false, message: `${subject} ${message}` };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "volume-away") throw error;
    const message = `${subject} is left for later: ${error.message}`;
    return { ...what, created: false, away: true, message };
  }
}

async function initRepository(
  program: Program,
  asked: {
    readonly name: string;
    readonly volumes: ReadonlyMap<string, string>;
    /** The name of the repository that it will receive copies of. */
    readonly from: string | undefined;
  },
  signal: AbortSignal,
): Promise<boolean> {
  const repository = openRepository(program, asked.name, { ...asked, ledger: permanent });
  if (await repository.exists(signal)) return false;
  // Made without the first one it would store anew what it has: that cannot be mended later.
  const from = asked.from === undefined ? undefined : openRepository(program, asked.from, asked);
  try {
    await repository.init(signal, from);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "repository-exists") return false;
    throw error;
  }
}
