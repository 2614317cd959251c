// Knows: the loop: wake, see which jobs are due, run them, drain at the end. Must not know: what a run does.
import { HoldfastError } from "../kernel/errors.ts";
import type { Listener } from "../jobs/event.ts";
import type { Program } from "../jobs/program.ts";
import { recover } from "../jobs/recover.ts";
import { newDispatcher, type Dispatcher } from "./dispatcher.ts";
import { fingerprint, watchFile } from "./reload.ts";
import type { ServiceState } from "./systemd.ts";
import type { Waker } from "./wake.ts";

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

/**
 * Runs jobs when they are due until the signal aborts. Jobs that are due together run side by side
 * where they write to different places; a job that waits for its retry keeps nobody waiting. Throws
 * `busy` when another daemon uses the same journal.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { load, signal, say, waker, service } = options;
  let program = await load();
  using watching = new DisposableStack();
  watching.use(takeDaemonLock(program));
  watching.use(watchFile(program.config.file, waker.wake));
  await sayRecovered(program, options);

  const dispatcher = newDispatcher(options);
  const reload = newReloader(options, await fingerprint(program.config.file));
  await service.ready(`${program.config.jobs.size} jobs`);
  say("info", `looking after ${program.config.jobs.size} jobs of ${program.config.file}`);
  if (options.runNow) dispatcher.startAll(program);
  while (!signal.aborted) {
    program = await reload(program);
    await dispatcher.startDue(program);
    await service.alive();
    await waker.sleep(dispatcher.untilNext(program), signal);
  }
  await service.stopping();
  await drain(dispatcher, options);
}

function takeDaemonLock(program: Program): Disposable {
  const result = program.journal.lock("daemon", "daemon");
  if (result.taken) return result.lock;
  const { pid, host } = result.holder;
  throw new HoldfastError("busy", `a daemon is running already: process ${pid} on ${host}`, {
    hint: "stop that one first, or give this one another `state` directory",
  });
}

async function sayRecovered(program: Program, { signal, say }: DaemonOptions): Promise<void> {
  for (const { message, undone, failed } of await recover(program, signal)) {
    const parts = [
      message,
      ...undone.map((subject) => `put back: ${subject}`),
      ...failed.map(({ subject, message: why }) => `could not put back ${subject}: ${why}`),
    ];
    say("warning", parts.join("; "));
  }
}

/** Loads the configuration again whenever its file has changed; a broken one is said and not used. */
function newReloader(
  { load, say }: DaemonOptions,
  first: string,
): (program: Program) => Promise<Program> {
  let seen = first;
  return async (program) => {
    const now = await fingerprint(program.config.file);
    if (now === seen) return program;
    seen = now;
    try {
      const renewed = await load(program);
      say("info", `read ${program.config.file} again: ${renewed.config.jobs.size} jobs`);
      return renewed;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      say("error", `keeping the configuration as it was: ${error.message}`);
      return program;
    }
  };
}

/** Lets running jobs finish within their time, then ends them in good order. */
async function drain(dispatcher: Dispatcher, { drainMs, say }: DaemonOptions): Promise<void> {
  const running = dispatcher.running();
  if (running.length === 0) return;
  say("info", `waiting for ${running.join(", ")}`);
  const timer = setTimeout(dispatcher.endAll, drainMs);
  await dispatcher.idle();
  clearTimeout(timer);
}
