// Knows: which jobs are running, and which of those that are due may start beside them. Must not know: when to look.
import type { Job } from "../config/config.ts";
import {
  awaitsVolume,
  dueNow,
  isOverdue,
  nextWish,
  noteSchedule,
  retriesExhausted,
} from "../jobs/due.ts";
import { notifyOverdue, notifyRetriesExhausted } from "../jobs/notify.ts";
import { observeVolumes } from "../jobs/observe.ts";
import { configuredJob } from "../jobs/open.ts";
import { verbs, type Program, type Verb } from "../jobs/program.ts";
import type { JobResult } from "../jobs/report.ts";
import { placesOf, runJobs } from "../jobs/run-jobs.ts";
import type { Trigger } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { DaemonOptions } from "./daemon.ts";
import { longestSleepMs } from "./wake.ts";

/** Starts jobs and keeps track of them. */
export interface Dispatcher {
  /** Starts what is due and may start; tells of what is overdue. */
  startDue(program: Program): Promise<void>;
  /** Starts every job now, as far as they do not get in each other's way; the others follow. */
  startAll(program: Program): void;
  /** Milliseconds until something may be due. */
  untilNext(program: Program): number;
  /** The names of the jobs that are running. */
  running(): readonly string[];
  /** Ends what is running, in good order. */
  readonly endAll: () => void;
  /** Resolves when nothing is running. */
  idle(): Promise<void>;
}

interface Start {
  readonly job: Job;
  readonly trigger: Trigger;
}

interface Running {
  readonly uses: ReadonlySet<string>;
  readonly end: Promise<void>;
}

/** A dispatcher without any job running. */
export function newDispatcher(options: DaemonOptions): Dispatcher {
  const running = new Map<string, Running>();
  const wanted = new Map<string, Trigger>();
  const ending = new AbortController();

  const start = (program: Program, { job, trigger }: Start): void => {
    wanted.delete(job.name);
    const uses = placesOf(program, job);
    const end = runOnce(program, { job, trigger }, { ...options, signal: ending.signal })
      .catch((error: unknown) => options.say("error", `${job.name}: ${describeBug(error)}`))
      .finally(() => {
        running.delete(job.name);
        options.waker.wake();
      });
    running.set(job.name, { uses, end });
  };
  const startWhatMay = (program: Program, starts: readonly Start[]): void => {
    for (const each of starts) {
      if (running.size >= program.config.concurrency) return;
      if (running.has(each.job.name)) continue;
      const uses = placesOf(program, each.job);
      if ([...running.values()].some((other) => !other.uses.isDisjointFrom(uses))) continue;
      start(program, each);
    }
  };

  return {
    startAll(program) {
      for (const job of program.config.jobs.values()) wanted.set(job.name, "command");
      startWhatMay(program, askedFor(program, wanted));
    },
    async startDue(program) {
      const jobs = [...program.config.jobs.values()];
      for (const job of jobs) noteSchedule(program, job);
      const due = dueNow(program, jobs).map(({ job, wish }) => ({ job, trigger: wish.trigger }));
      const back = await backAgain(program, jobs, ending.signal);
      startWhatMay(program, [...askedFor(program, wanted), ...due, ...back]);
      for (const job of jobs) {
        if (isOverdue(program, job)) await notifyOverdue(program, job, options);
      }
    },
    untilNext(program) {
      const now = program.now().getTime();
      const idle = [...program.config.jobs.values()].filter(({ name }) => !running.has(name));
      const times = idle.flatMap((job) => nextWish(program, job)?.at.getTime() ?? []);
      // What is due and still waits for a place is started when a run ends, which wakes us.
      const coming = times.filter((time) => time > now);
      return Math.min(longestSleepMs, ...coming.map((time) => time - now));
    },
    running: () => [...running.keys()],
    endAll: () => ending.abort(new HoldfastError("interrupted", "the daemon was stopped")),
    async idle() {
      while (running.size > 0) await Promise.all([...running.values()].map(({ end }) => end));
    },
  };
}

function askedFor(program: Program, wanted: ReadonlyMap<string, Trigger>): readonly Start[] {
  return [...wanted]
    .filter(([name]) => program.config.jobs.has(name))
    .map(([name, trigger]) => ({ job: configuredJob(program, name), trigger }));
}

/** Jobs whose last scheduled run found something away that is there now. */
async function backAgain(
  program: Program,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<readonly Start[]> {
  const starts: Start[] = [];
  for (const job of jobs) {
    if (!awaitsVolume(program, job)) continue;
    const states = await observeVolumes(program, job, signal);
    if ([...states.values()].every(({ present }) => present)) {
      starts.push({ job, trigger: "available" });
    }
  }
  return starts;
}

async function runOnce(
  program: Program,
  { job, trigger }: Start,
  options: Pick<DaemonOptions, "listener" | "signal">,
): Promise<void> {
  const request = {
    jobs: [job.name],
    verbs: new Set<Verb>(verbs),
    trigger,
    labels: [],
    full: false,
  };
  const [result] = await runJobs(program, request, options);
  if (result !== undefined && gaveUp(program, job, result)) {
    await notifyRetriesExhausted(program, { job, result }, options);
  }
}

function gaveUp(program: Program, job: Job, result: JobResult): boolean {
  return result.outcome === "failure" && result.retriable && retriesExhausted(program, job);
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
