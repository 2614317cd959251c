// Knows: when somebody is told that a job is overdue. Must not know: how they are told.
import type { Job } from "../config/config.ts";
import { isOverdue } from "../jobs/due.ts";
import { notifyOverdue } from "../jobs/notify.ts";
import type { Program } from "../jobs/program.ts";
import type { DaemonOptions } from "./daemon.ts";
import { newErrand } from "./errand.ts";
import { inWords } from "./words.ts";

/** So long an overdue job may try to mend it before anybody is told. */
const graceMs = 3_600_000;

/** Nobody is told to the minute that something has not been done for days. */
const lookEveryMs = 600_000;

/** Looks after jobs that have had no success for too long. */
export interface OverdueWatch {
  /** Tells of those that are overdue, once, but for those that are `trying`: running, or about to. */
  look(program: Program, jobs: readonly Job[], trying: ReadonlySet<string>): void;
  idle(): Promise<void>;
}

/**
 * A machine that was off for days is overdue when it wakes, and makes up for it at once: that is told
 * only when it takes longer than an hour.
 */
export function newOverdueWatch(
  options: Pick<DaemonOptions, "say" | "listener" | "signal">,
): OverdueWatch {
  const errand = newErrand((error) => options.say("error", inWords(error)));
  const since = new Map<string, Date>();
  const said = new Set<string>();
  let looked = -Infinity;

  const mayWait = (name: string, now: Date, trying: ReadonlySet<string>): boolean => {
    const first = since.get(name) ?? now;
    since.set(name, first);
    return trying.has(name) && Math.abs(now.getTime() - first.getTime()) < graceMs;
  };
  return {
    look(program, jobs, trying) {
      const now = program.now();
      if (Math.abs(now.getTime() - looked) < lookEveryMs) return;
      looked = now.getTime();
      const overdue = jobs.filter((job) => isOverdue(program, job));
      const names = new Set(overdue.map(({ name }) => name));
      for (const known of [since, said]) {
        for (const name of known.keys()) if (!names.has(name)) known.delete(name);
      }
      const toTell = overdue.filter(({ name }) => !mayWait(name, now, trying));
      for (const { name } of toTell) {
        if (!said.has(name)) options.say("warning", `${name}: overdue`);
        said.add(name);
      }
      if (toTell.length === 0) return;
      errand.begin(async () => {
        for (const job of toTell) {
          const failures = await notifyOverdue(program, job, options);
          for (const failure of failures) options.say("warning", `${job.name}: ${failure}`);
        }
      });
    },
    idle: async () => await errand.idle(),
  };
}
