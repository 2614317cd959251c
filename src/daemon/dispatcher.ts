// Knows: which jobs are running, and which of those that are due may start beside them. Must not know: when to look.
import type { Job } from "../config/config.ts";
import { nextWish, noteSchedule, type Wish } from "../jobs/due.ts";
import type { Program } from "../jobs/program.ts";
import { upstreamsOf } from "../jobs/order.ts";
import { demandOf } from "../jobs/run-jobs.ts";
import { areInEachOthersWay, type Demand } from "../jobs/side-by-side.ts";
import { canReadAgain } from "../jobs/upstream.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { newBackOff } from "./back-off.ts";
import type { DaemonOptions } from "./daemon.ts";
import { newOverdueWatch, type OverdueWatch } from "./overdue-watch.ts";
import { newRunner, type Runner, type Start } from "./runner.ts";
import { newVolumeWatch, type VolumeWatch } from "./volume-watch.ts";
import { inWords } from "./words.ts";

/** A job that has waited so long for its place gets it next: others may not take a part of it any more. */
const patienceMs = 3_600_000;

/** A job that is expected, and when. */
export interface Expected {
  readonly job: string;
  readonly at: Date;
}

/** What a look at the jobs came to. */
export interface Look {
  /** What comes next, if anything is known to come. */
  readonly next?: Expected;
  /** What went wrong. The other jobs were looked after all the same. */
  readonly problems: readonly unknown[];
}

interface Wishful {
  readonly job: Job;
  readonly wish: Wish;
}

interface Running {
  readonly demand: Demand;
  readonly end: Promise<void>;
}

/** Starts jobs and keeps track of them. */
export class Dispatcher {
  readonly #say: DaemonOptions["say"];
  readonly #wake: () => void;
  readonly #running = new Map<string, Running>();
  /** What somebody asked for, and when that was first seen. */
  readonly #wanted = new Map<string, Date | undefined>();
  readonly #backOff = newBackOff();
  readonly #ending = new AbortController();
  readonly #runner: Runner;
  readonly #volumes: VolumeWatch;
  readonly #overdue: OverdueWatch;

  constructor(options: Pick<DaemonOptions, "listener" | "say" | "signal" | "waker">) {
    const { listener, say, signal, waker } = options;
    this.#say = say;
    this.#wake = waker.wake;
    this.#runner = newRunner({ listener, signal: this.#ending.signal });
    const failed = (error: unknown): void => {
      if (!signal.aborted) say("error", inWords(error));
    };
    this.#volumes = newVolumeWatch({ signal, waker, failed });
    this.#overdue = newOverdueWatch(options);
  }

  /** Has these jobs started once, whatever their schedule, as soon as they get in nobody's way. */
  want(jobs: Iterable<string>): void {
    for (const name of jobs) this.#wanted.set(name, undefined);
  }

  /** Starts what is due and may start; tells of what is overdue. */
  startDue(program: Program): Look {
    const problems: unknown[] = [];
    const attempt = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        problems.push(error);
      }
    };
    const now = program.now();
    const wishes: Wishful[] = [];
    // A job that nothing can be decided about is left out of everything.
    const jobs: Job[] = [];
    const back: Start[] = [];
    attempt(() => this.#runner.settle(program));
    for (const job of program.config.jobs.values()) {
      attempt(() => {
        wishes.push(...wishOf(program, job));
        jobs.push(job);
      });
    }
    attempt(() => back.push(...this.#back(program, jobs)));
    const resting = jobs.filter(({ name }) => !this.#running.has(name));
    attempt(() => this.#volumes.look(program, resting));

    const due = wishes.filter(({ wish }) => wish.at <= now).map(startOf);
    const waiting = this.#askedFirst(program, [...due, ...back].toSorted(byAge)).filter(
      ({ job }) => this.#backOff.until(job.name, now) === undefined,
    );
    attempt(() => this.#startWhatMay(program, waiting));
    const trying = new Set([...this.#running.keys(), ...waiting.map(({ job }) => job.name)]);
    attempt(() => this.#overdue.look(program, jobs, trying));
    const next = this.#next(wishes, now);
    return { ...(next === undefined ? {} : { next }), problems };
  }

  /** The names of the jobs that are running. */
  running(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** Ends what is running, in good order. */
  endAll(): void {
    this.#ending.abort(new HoldfastError("interrupted", "the daemon was stopped"));
  }

  /** Resolves when nothing is being done any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.all([...this.#running.values()].map(({ end }) => end));
    }
    await Promise.all([this.#volumes.idle(), this.#overdue.idle()]);
  }

  #back(program: Program, jobs: readonly Job[]): readonly Start[] {
    const since = program.now();
    const trigger = "available";
    return jobs.filter((job) => canReadAgain(program, job)).map((job) => ({ job, trigger, since }));
  }

  /** What somebody asked for comes first. A job that is due as well thereby has its scheduled run. */
  #askedFirst(program: Program, starts: readonly Start[]): readonly Start[] {
    const asked = [...this.#wanted].flatMap(([name, seen]): readonly Start[] => {
      const job = program.config.jobs.get(name);
      if (job === undefined) return [];
      const since = seen ?? program.now();
      this.#wanted.set(name, since);
      return [starts.find((start) => start.job === job) ?? { job, trigger: "command", since }];
    });
    return [...asked, ...starts.filter(({ job }) => !this.#wanted.has(job.name))];
  }

  #startWhatMay(program: Program, starts: readonly Start[]): void {
    const taken = [...this.#running.values()].map(({ demand }) => demand);
    for (const start of starts) {
      const { job, since } = start;
      if (this.#running.size >= program.config.concurrency) return;
      if (this.#running.has(job.name)) continue;
      if (this.#waitsForOthers(program, start, starts)) continue;
      const demand = demandOf(program, job);
      if (taken.every((other) => !areInEachOthersWay(demand, other))) {
        this.#wanted.delete(job.name);
        this.#running.set(job.name, { demand, end: this.#run(program, start) });
        taken.push(demand);
      } else if (program.now().getTime() - since.getTime() > patienceMs) {
        taken.push(demand);
      }
    }
  }

  /**
   * Whether it reads what another job makes that is under way, or has waited as long to start. One that
   * is due again before this one had its turn lets it go first.
   */
  #waitsForOthers({ config }: Program, { job, since }: Start, starts: readonly Start[]): boolean {
    return upstreamsOf(config.jobs, job).some(
      (upstream) =>
        this.#running.has(upstream.job) ||
        starts.some((other) => other.job.name === upstream.job && other.since <= since),
    );
  }

  /** Never rejects. */
  async #run(program: Program, start: Start): Promise<void> {
    const { job } = start;
    try {
      await this.#runner.run(program, start);
      this.#backOff.ended(job.name);
    } catch (error) {
      this.#backOff.brokeOff(job.name, program.now());
      this.#say("error", `${job.name}: ${inWords(error)}`);
    }
    this.#running.delete(job.name);
    this.#wake();
  }

  /** What is due already waits for a place and is started when a run ends, unless it is held back. */
  #next(wishes: readonly Wishful[], now: Date): Expected | undefined {
    return wishes
      .filter(({ job }) => !this.#running.has(job.name))
      .map(({ job, wish }) => ({
        job: job.name,
        at: this.#backOff.until(job.name, now) ?? wish.at,
      }))
      .filter(({ at }) => at > now)
      .toSorted((a, b) => a.at.getTime() - b.at.getTime())[0];
  }
}

function wishOf(program: Program, job: Job): readonly Wishful[] {
  noteSchedule(program, job);
  const wish = nextWish(program, job);
  return wish === undefined ? [] : [{ job, wish }];
}

function startOf({ job, wish }: Wishful): Start {
  return { job, trigger: wish.trigger, since: wish.at };
}

function byAge(a: Start, b: Start): number {
  return a.since.getTime() - b.since.getTime();
}
