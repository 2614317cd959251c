// Knows: how tasks are shared out among threads. Must not know: what the tasks are for.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { interruption, onAbort } from "../../hosts/interruption.ts";
import { type Outcomes, type Task, threadCode } from "./thread-code.ts";
import { failedCall } from "./errors.ts";

/** More than that stand in each other's way in one file system. */
const mostThreads = 4;

// They hold one task at a time: without a limit, what is no longer needed would lie around.
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 48 };

interface Waiting {
  readonly resolve: (outcomes: Outcomes) => void;
  readonly reject: (error: unknown) => void;
}

interface Answer {
  readonly number: number;
  readonly outcomes?: Outcomes;
  readonly failure?: { readonly code: string; readonly message: string };
}

/** Threads that work on files, started when they are first needed. Disposing of them ends them at once. */
export class Threads implements AsyncDisposable {
  readonly #repository: string;
  readonly #signal: AbortSignal;
  readonly #listening: Disposable;
  readonly #threads: { readonly worker: Worker; readonly waiting: Map<number, Waiting> }[] = [];
  #number = 0;

  constructor(repository: string, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
    this.#listening = onAbort(signal, () => this.#failAll(interruption(signal, "the backup")));
  }

  /** Does a task in the thread that has least to do. Throws what keeps the whole of it from being done. */
  async run(task: Task): Promise<Outcomes> {
    if (this.#signal.aborted) throw interruption(this.#signal, "the backup");
    const thread = this.#idlest();
    this.#number += 1;
    const number = this.#number;
    return await new Promise((resolve, reject) => {
      thread.waiting.set(number, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      thread.worker.postMessage({ number, task });
    });
  }

  #idlest() {
    const [idlest] = this.#threads.toSorted((a, b) => a.waiting.size - b.waiting.size);
    const most = Math.min(mostThreads, availableParallelism());
    const isBusy = idlest === undefined || idlest.waiting.size > 0;
    return isBusy && this.#threads.length < most ? this.#start() : (idlest ?? this.#start());
  }

  #start() {
    const worker = new Worker(threadCode(), { eval: true, execArgv: [], resourceLimits });
    const waiting = new Map<number, Waiting>();
    worker.on("message", ({ number, outcomes, failure }: Answer) => {
      const asked = waiting.get(number);
      waiting.delete(number);
      if (failure === undefined) asked?.resolve(outcomes ?? []);
      else asked?.reject(failedCall({ ...failure, repository: this.#repository }));
    });
    worker.on("error", (error) => this.#failAll(error));
    const thread = { worker, waiting };
    this.#threads.push(thread);
    return thread;
  }

  #failAll(error: unknown): void {
    for (const { waiting } of this.#threads) {
      const asked = [...waiting.values()];
      waiting.clear();
      for (const { reject } of asked) reject(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening[Symbol.dispose]();
    await Promise.all(this.#threads.map(async ({ worker }) => await worker.terminate()));
  }
}
