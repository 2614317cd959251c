// Knows: what has to exist before the first run. Must not know: how any of it is made.
import { HoldfastError } from "../kernel/errors.ts";
import type { Ledger } from "../kernel/ledger.ts";
import { resourceOf, SharedVolumes, takeVolumeTurn } from "./attachments.ts";
import {
  attempted,
  lostMarker,
  markedBefore,
  markerOf,
  openPair,
  repositoriesOfJobs,
  type OpenedPair,
  type ToInit,
  whatIsMade,
} from "./init-things.ts";
import { openVolume, type VolumePaths } from "./open.ts";
import type { Program } from "./program.ts";
import type { InitReport } from "./report.ts";
import { waitForLock } from "./repository-locks.ts";
import { volumesOfJobs } from "./run-volumes.ts";

/** A repository that is made is meant to stay: there is nothing to undo, so nothing to promise. */
const permanent: Ledger = {
  promise() {
    return { settle() {} };
  },
};

const us = { purpose: "holdfast init", tell: () => {} };

/**
 * Creates the markers and repositories of these jobs that do not exist yet, and leaves alone what
 * does. Volumes that can be attached are, and are put back. A further repository is made so that it
 * shares data with the first one: not before that one is there. What is away, or on a machine that
 * does not answer, is left for later; what fails keeps nothing else from being made.
 */
export async function initJobs(
  program: Program,
  jobs: readonly string[],
  signal: AbortSignal,
): Promise<readonly InitReport[]> {
  const names = volumesOfJobs(program, jobs);
  const reports: InitReport[] = [];
  for (const name of names) reports.push(await initVolume(program, name, signal));

  const there = reports.flatMap((report) => (isThere(report) ? [report.name] : []));
  await using shared = new SharedVolumes(program, new Map([[us.purpose, there]]));
  const volumes = new Map<string, string>();
  for (const name of there) {
    const report = await attempted({ kind: "volume", name }, async () => {
      volumes.set(name, await shared.attach(name, us, signal));
      return { created: false, message: "is attached" };
    });
    if (!isThere(report)) reports.push(report);
  }
  for (const each of repositoriesOfJobs(program, jobs)) {
    reports.push(await initRepository(program, { ...each, volumes }, signal));
  }
  const [stuck] = await shared.finish(us.purpose, us);
  if (stuck !== undefined) throw stuck;
  return reports;
}

function isThere({ away, code }: InitReport): boolean {
  return !away && code === undefined;
}

async function initVolume(
  program: Program,
  name: string,
  signal: AbortSignal,
): Promise<InitReport> {
  const { journal } = program;
  return await attempted({ kind: "volume", name }, async () => {
    const resource = resourceOf(program, name);
    using _ = await takeVolumeTurn(program, resource, signal);
    const volume = openVolume(program, name, journal.ledgerOf(resource));
    const before = await volume.observe(signal);
    if (before.kind === "away" && journal.mark(markedBefore(name)) !== undefined) {
      throw lostMarker(program, name, before);
    }
    const created = await volume.init(signal);
    journal.setMark(markedBefore(name), "yes");
    if (!created) return { created, message: "is marked already" };
    const after = await volume.observe(signal);
    const path = after.kind === "mounted" ? after.path : program.config.volumes.get(name)?.path;
    const made = path === undefined ? {} : markerOf(program, name, path);
    return { created, message: "marked", ...made };
  });
}

async function initRepository(
  program: Program,
  asked: ToInit & { readonly volumes: VolumePaths },
  signal: AbortSignal,
): Promise<InitReport> {
  const { name } = asked;
  return await attempted({ kind: "repository", name }, async () => {
    const opened = openPair(program, asked, { volumes: asked.volumes, ledger: permanent });
    const { path, commands } = whatIsMade(program, name, opened);
    const where = path === undefined ? {} : { path };
    if (!(await wasMade(program, { name, ...opened }, signal))) {
      return { created: false, message: "exists already", ...where };
    }
    return { created: true, message: "created", ...where, ...(commands && { commands }) };
  });
}

/** Whether it had to be made. One process at a time makes it: two restic at once damage it. */
async function wasMade(
  program: Program,
  { name, repository, from }: OpenedPair & { readonly name: string },
  signal: AbortSignal,
): Promise<boolean> {
  if (await repository.exists(signal)) return false;
  using _ = await waitForLock(program, { repository: name, purpose: us.purpose }, signal);
  try {
    if (await repository.exists(signal)) return false;
    await repository.init(signal, from);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "repository-exists") return false;
    throw error;
  }
}
