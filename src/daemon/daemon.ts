// Knows: the loop: wake, see which jobs are due, run them, drain at the end. Must not know: what a run does.
import { HoldfastError } from "../kernel/errors.ts";
import { localTime } from "../kernel/figures.ts";
import type { Listener } from "../jobs/event.ts";
import type { Program } from "../jobs/program.ts";
import { recover } from "../jobs/recover.ts";
import { neededVolumes } from "../jobs/sights.ts";
import { Dispatcher, type Look } from "./dispatcher.ts";
import { fingerprint, newReloader, watchFile } from "./reload.ts";
import type { ServiceState } from "./systemd.ts";
import { newTidying } from "./tidying.ts";
import { newTroubles } from "./troubles.ts";
import { longestSleepMs, type Waker } from "./wake.ts";
import { counted, inWords } from "./words.ts";

/** How loud a message is. */
export type Loudness = "info" | "warning" | "error";

export interface DaemonOptions {
  /**
   * Loads the configuration as it is now. From the second time on it is given the program that it
   * replaces, whose journal it goes on using. Throws `config-invalid` and the like.
   */
  readonly load: (previous?: Program) => Promise<Program>;
  /** Aborts when the daemon is to end: what runs may then finish within `drainMs`. */
  readonly signal: AbortSignal;
  /** How long running jobs may go on after that, in milliseconds; then they are ended. */
  readonly drainMs: number;
  /** Start every job once now, whatever its schedule. */
  readonly runNow: boolean;
  readonly say: (loudness: Loudness, message: string) => void;
  readonly listener: Listener;
  readonly waker: Waker;
  readonly service: ServiceState;
}

/** The status while what interrupted runs left is put back. */
const starting = "starting";

/**
 * Runs jobs when they are due until the signal aborts. Jobs that are due together run side by side
 * where they write to different places; a job that waits for its retry keeps nobody waiting. Throws
 * `busy` when another daemon uses the same journal, and `journal-unusable` when it cannot work without
 * one any longer; what runs is brought to its end before.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { load, signal, say, waker, service, runNow } = options;
  const program = await load();
  const { file, jobs } = program.config;
  using watching = new DisposableStack();
  watching.use(takeDaemonLock(program));
  const reload = newReloader(options, await fingerprint(file));
  watching.use(watchFile(file, waker.wake));

  await service.ready(starting);
  say("info", `looking after ${counted(jobs.size, "job")} of ${file}`);
  const dispatcher = new Dispatcher(options);
  try {
    await attend(putBack(program, options), starting, options);
    if (!signal.aborted && runNow) dispatcher.want(jobs.keys());
    await lookAfter(program, { dispatcher, reload, options });
  } finally {
    await service.stopping();
    await drain(dispatcher, options);
  }
}

function takeDaemonLock(program: Program): Disposable {
  const result = program.journal.lock("daemon", "daemon");
  if (result.taken) return result.lock;
  const { pid, host } = result.holder;
  throw new HoldfastError("busy", `a daemon is running already: process ${pid} on ${host}`, {
    hint: "stop that one first, or give this one another `state` directory",
  });
}

async function putBack(program: Program, { signal, say }: DaemonOptions): Promise<void> {
  try {
    for (const { message, undone, failed } of await recover(program, signal)) {
      const parts = [
        message,
        ...undone.map((subject) => `put back: ${subject}`),
        ...failed.map(({ subject, message: why }) => `could not put back ${subject}: ${why}`),
      ];
      say("warning", parts.join("; "));
    }
  } catch (error) {
    // Every run tries it again, and says why when it cannot.
    if (!signal.aborted) say("error", inWords(error));
  }
}

async function lookAfter(
  first: Program,
  means: {
    readonly dispatcher: Dispatcher;
    readonly reload: (program: Program) => Promise<Program>;
    readonly options: DaemonOptions;
  },
): Promise<void> {
  const { dispatcher, reload, options } = means;
  const { signal, say, waker, service } = options;
  const troubles = newTroubles(say);
  const tidy = newTidying();
  let announced: Program | undefined;
  for (let program = first; !signal.aborted;) {
    program = await reload(program);
    const look = lookOnce(program, dispatcher, tidy);
    troubles.note(look.problems, program.now());
    const status = statusOf(program, dispatcher, look);
    if (program !== announced) say("info", status);
    announced = program;
    await service.alive(status);
    await waker.sleep(Math.min(untilNext(program, look), service.aliveWithinMs), signal);
  }
}

/** Milliseconds until something may be due, or until a problem may be over. */
function untilNext(program: Program, { next, problems }: Look): number {
  if (problems.length > 0) return longestSleepMs;
  return next === undefined ? Infinity : Math.max(0, next.at.getTime() - program.now().getTime());
}

/** A bug in looking must not end the daemon: the next look may go well, and others wait for their runs. */
function lookOnce(
  program: Program,
  dispatcher: Dispatcher,
  tidy: (program: Program) => void,
): Look {
  try {
    const look = dispatcher.startDue(program);
    tidy(program);
    return look;
  } catch (error) {
    return { problems: [error] };
  }
}

function statusOf(program: Program, dispatcher: Dispatcher, { next }: Look): string {
  const running = dispatcher.running();
  if (running.length > 0) return `running ${running.join(", ")}`;
  if (next !== undefined) return `next: ${next.job} ${localTime(next.at)}`;
  const jobs = [...program.config.jobs.values()];
  const waiting = jobs.filter(({ schedule }) => schedule?.kind === "available");
  const volumes = new Set(waiting.flatMap((job) => neededVolumes(program, job)));
  return volumes.size > 0 ? `waiting for ${[...volumes].join(", ")}` : "no job has a schedule";
}

/** Waits for something that may take long, and goes on telling systemd that all is well. */
async function attend(
  work: Promise<void>,
  status: string,
  { service, waker }: Pick<DaemonOptions, "service" | "waker">,
): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  void work.then(end, end);
  while (!over.signal.aborted) {
    await service.alive(status);
    await waker.sleep(service.aliveWithinMs, over.signal);
  }
  await work;
}

/** Lets running jobs finish within their time, then ends them in good order. */
async function drain(dispatcher: Dispatcher, options: DaemonOptions): Promise<void> {
  const { drainMs, say } = options;
  const running = dispatcher.running();
  if (running.length > 0) say("info", `waiting for ${running.join(", ")}`);
  const timer = setTimeout(() => {
    const late = dispatcher.running();
    if (late.length > 0) say("warning", `ending ${late.join(", ")}`);
    dispatcher.endAll();
  }, drainMs);
  await attend(dispatcher.idle(), "ending", options);
  clearTimeout(timer);
}
