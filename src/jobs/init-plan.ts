// Knows: what `init` would make now. Must not know: how any of it is made.
import {
  attempted,
  lostMarker,
  markedBefore,
  markerOf,
  openPair,
  repositoriesOfJobs,
  type ToInit,
  whatIsMade,
} from "./init-things.ts";
import { noLedger, openVolume, placedRepository } from "./open.ts";
import { onlyLooking, type Program } from "./program.ts";
import type { InitReport } from "./report.ts";
import { volumesOfJobs } from "./run-volumes.ts";
import type { VolumeState } from "../volumes/volume.ts";
import { HoldfastError } from "../kernel/errors.ts";

/** Says what `initJobs` would create, with the commands. Changes nothing, and attaches nothing. */
export async function planInit(
  program: Program,
  jobs: readonly string[],
  signal: AbortSignal,
): Promise<readonly InitReport[]> {
  const looking = onlyLooking(program);
  const reports: InitReport[] = [];
  const volumes = new Map<string, string>();
  const attachable = new Set<string>();
  for (const name of volumesOfJobs(program, jobs)) {
    const state = await openVolume(looking, name, noLedger).observe(signal);
    if (state.kind === "attachable") attachable.add(name);
    const path = pathOf(looking, name, state);
    if (path !== undefined) volumes.set(name, path);
    reports.push(await planVolume(looking, { name, state, path }));
  }
  for (const each of repositoriesOfJobs(program, jobs)) {
    reports.push(await planRepository(looking, { ...each, volumes, attachable }, signal));
  }
  return reports;
}

/** Where it is, or will be once it is marked. */
function pathOf(program: Program, name: string, state: VolumeState): string | undefined {
  if (state.kind === "mounted") return state.path;
  const wouldBeMarked =
    state.kind === "away" &&
    state.code === "marker-missing" &&
    program.journal.mark(markedBefore(name)) === undefined;
  return wouldBeMarked ? program.config.volumes.get(name)?.path : undefined;
}

async function planVolume(
  program: Program,
  asked: { readonly name: string; readonly state: VolumeState; readonly path: string | undefined },
): Promise<InitReport> {
  const { name, state, path } = asked;
  return await attempted({ kind: "volume", name }, async () => {
    if (state.kind === "mounted") return { created: false, message: "is marked already" };
    if (state.kind === "attachable") {
      const message = "would be attached, marked if it is not, and put back";
      return { created: false, unknown: true, message };
    }
    if (path === undefined) throw absence(program, name, state);
    const made = markerOf(program, name, path);
    return { created: false, planned: true, message: "would be marked", ...made };
  });
}

function absence(
  program: Program,
  name: string,
  state: Extract<VolumeState, { kind: "away" }>,
): HoldfastError {
  if (program.journal.mark(markedBefore(name)) !== undefined)
    return lostMarker(program, name, state);
  const hint = state.hint === undefined ? {} : { hint: state.hint };
  return new HoldfastError("volume-away", state.reason, hint);
}

async function planRepository(
  program: Program,
  asked: ToInit & {
    readonly volumes: ReadonlyMap<string, string>;
    readonly attachable: ReadonlySet<string>;
  },
  signal: AbortSignal,
): Promise<InitReport> {
  const { name, attachable } = asked;
  const { volume } = placedRepository(program, name).place;
  return await attempted({ kind: "repository", name }, async () => {
    if (volume !== undefined && attachable.has(volume)) {
      const message = `would be created if volume ${volume} holds none`;
      return { created: false, unknown: true, message };
    }
    const opened = openPair(program, asked, asked);
    const { path, commands } = whatIsMade(program, name, opened);
    const where = path === undefined ? {} : { path };
    if (await opened.repository.exists(signal)) {
      return { created: false, message: "exists already", ...where };
    }
    const made = { ...where, ...(commands && { commands }) };
    return { created: false, planned: true, message: "would be created", ...made };
  });
}
