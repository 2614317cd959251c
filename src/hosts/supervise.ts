// Knows: when commands that run elsewhere are to end, and in which order. Must not know: how they are reached.
import { HoldfastError } from "../kernel/errors.ts";
import { CommandFailed, programName } from "./command-failed.ts";
import type { Command } from "./host.ts";
import { interruption, onAbort } from "./interruption.ts";

/** Commands that run elsewhere, through processes of this machine. */
export interface Supervision {
  readonly commands: readonly Command[];
  readonly signal: AbortSignal;
  /** Ends them where they run. Resolves when nothing of them is left, or nothing can be done. */
  readonly end: () => Promise<void>;
  /** When their time begins to count: they may have to wait for their turn. Default: at once. */
  readonly begun?: Promise<void>;
}

// Node's timers fire at once when given more (24.8 days).
const longestTimerMs = 2 ** 31 - 1;

/**
 * Runs `work`, and ends the commands where they run when they are aborted, exceed their time, or when
 * `work` fails for another reason than theirs. Only then does the signal abort that `work` is given:
 * were the connection cut first, nobody could end them any more.
 */
export async function supervise<T>(
  { commands, signal, end, begun }: Supervision,
  work: (letGo: AbortSignal) => Promise<T>,
): Promise<T> {
  const subject = commands.map(programName).join(" | ");
  if (signal.aborted) throw interruption(signal, subject);
  const controller = new AbortController();
  let stopping: { readonly reason: HoldfastError; readonly done: Promise<void> } | undefined;
  const stop = (reason: HoldfastError): void => {
    stopping ??= { reason, done: end().finally(() => controller.abort(reason)) };
  };
  using stack = new DisposableStack();
  stack.use(onAbort(signal, () => stop(interruption(signal, subject))));
  const timers = stack.use(new Timers(commands, stop));
  if (begun === undefined) timers.start();
  else void begun.then(() => timers.start());
  try {
    const result = await work(controller.signal);
    if (stopping === undefined) return result;
  } catch (error) {
    if (stopping === undefined) {
      if (!(error instanceof CommandFailed)) await end();
      throw error;
    }
  }
  await stopping.done;
  throw stopping.reason;
}

/** The time limits of commands. */
class Timers implements Disposable {
  readonly #commands: readonly Command[];
  readonly #stop: (reason: HoldfastError) => void;
  #timers: readonly NodeJS.Timeout[] = [];
  #isOver = false;

  constructor(commands: readonly Command[], stop: (reason: HoldfastError) => void) {
    this.#commands = commands;
    this.#stop = stop;
  }

  start(): void {
    if (this.#isOver) return;
    this.#timers = this.#commands.flatMap((command) => {
      const { timeoutMs } = command;
      if (timeoutMs === undefined) return [];
      const shortened = Math.min(timeoutMs, longestTimerMs);
      return [setTimeout(() => this.#stop(timedOut(command)), shortened)];
    });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

function timedOut(command: Command): HoldfastError {
  const message = `${programName(command)} did not end within ${(command.timeoutMs ?? 0) / 1000} s`;
  return new HoldfastError("timed-out", message);
}
