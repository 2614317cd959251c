// Knows: how often to look for what jobs wait for. Must not know: what follows when it is there.
import { dirname } from "node:path";
import type { Job } from "../config/config.ts";
import { lookForVolumes, lookNow, waitsForVolumes } from "../jobs/look-for-volumes.ts";
import type { Program } from "../jobs/program.ts";
import { neededVolumes } from "../jobs/sights.ts";
import { newErrand, type Errand } from "./errand.ts";
import type { Waker } from "./wake.ts";

/** Another machine is not asked more often than that, and this one not at every step of what comes and goes. */
const remoteEveryMs = 60_000;
const localEveryMs = 2000;

/** Where a device that is plugged in appears by its id. */
const devices = "/dev/disk/by-uuid";

/** Looks for volumes. */
export interface VolumeWatch {
  /** Begins a look for what these jobs wait for, unless one is under way. */
  look(program: Program, jobs: readonly Job[]): void;
  idle(): Promise<void>;
}

/**
 * Watches for the volumes of jobs that wait for some. Looking may take long where a path hangs or a
 * machine does not answer, so it is done beside the loop, and apart for jobs that wait for other
 * machines; the waker is woken when something has appeared, and is asked to wake when something may have.
 */
export function newVolumeWatch(watching: {
  readonly signal: AbortSignal;
  readonly waker: Waker;
  readonly failed: (error: unknown) => void;
}): VolumeWatch {
  const { signal, waker, failed } = watching;
  const errands = new Map<string, Errand>();
  const seen = new Map<string, { readonly at: number; readonly isThere: boolean }>();

  const seldom = async (program: Program, name: string): Promise<boolean> => {
    const isHere = program.config.volumes.get(name)?.host === undefined;
    const everyMs = isHere ? localEveryMs : remoteEveryMs;
    const now = program.now().getTime();
    const last = seen.get(name);
    if (last !== undefined && Math.abs(now - last.at) < everyMs) return last.isThere;
    const isThere = await lookNow(program, signal)(name);
    seen.set(name, { at: now, isThere });
    return isThere;
  };
  const errandFor = (machines: string): Errand => {
    const errand = errands.get(machines) ?? newErrand(failed);
    errands.set(machines, errand);
    return errand;
  };
  return {
    look(program, jobs) {
      const waiting = jobs.filter((job) => waitsForVolumes(program, job));
      waker.watch?.(foldersOf(program, waiting));
      const look = async (name: string): Promise<boolean> => await seldom(program, name);
      for (const [machines, group] of Map.groupBy(waiting, (job) => machinesOf(program, job))) {
        errandFor(machines).begin(async () => {
          if (await lookForVolumes(program, group, look)) waker.wake();
        });
      }
    },
    idle: async () => {
      await Promise.all(errands.values().map(async (errand) => await errand.idle()));
    },
  };
}

/** The machines on which the volumes of a job are. */
function machinesOf(program: Program, job: Job): string {
  const hosts = neededVolumes(program, job).map(
    (name) => program.config.volumes.get(name)?.host ?? "",
  );
  return [...new Set(hosts)].toSorted().join("\n");
}

/** Where it shows that a volume of this machine comes or goes: beside its mount point, and among the devices. */
function foldersOf(program: Program, jobs: readonly Job[]): ReadonlySet<string> {
  const specs = jobs
    .flatMap((job) => neededVolumes(program, job))
    .flatMap((name) => program.config.volumes.get(name) ?? [])
    .filter(({ host }) => host === undefined);
  const parents = specs.flatMap(({ path }) => (path === undefined ? [] : [dirname(path)]));
  return new Set(specs.length === 0 ? [] : [...parents, devices]);
}
