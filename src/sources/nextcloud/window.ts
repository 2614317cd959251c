// Knows: how long an application is in maintenance, and that it comes out of it. Must not know: what is done meanwhile.
import { interruption, onAbort } from "../../hosts/interruption.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Ledger, LedgerEntry, Promised } from "../../kernel/ledger.ts";
import type { Maintenance } from "../../nextcloud/instance.ts";

/** While an application does nothing. */
export interface Quiet {
  /** It was so before, for somebody else. */
  readonly isAnothers: boolean;
  /** Aborts with the run, and when it has lasted too long (`window-exceeded`). */
  readonly signal: AbortSignal;
  /** Aborts when it has lasted too long: what was read since is not of one moment. */
  readonly until: AbortSignal;
  /** How long it lasted because of us, in seconds, once it is over. */
  readonly seconds: number | undefined;
  /** Ends it, once. Throws `maintenance-failed`: then that is owed still. */
  close(): Promise<void>;
  /** Ends it and throws: the given error, or that it could not be ended. */
  failed(error: unknown): Promise<never>;
}

/** Maintenance that was on before, and stays on. Closing it throws `maintenance-failed` when it was ended meanwhile. */
export function alreadyQuiet(maintenance: Maintenance, signal: AbortSignal): Quiet {
  return {
    isAnothers: true,
    signal,
    until: new AbortController().signal,
    seconds: undefined,
    async close() {
      if (await maintenance.isOn(signal)) return;
      throw new HoldfastError("maintenance-failed", "somebody ended maintenance meanwhile", {
        hint: "start the backup again: without maintenance it is switched on by the backup itself",
      });
    },
    failed: async (error) => await Promise.reject(error),
  };
}

/** How a window is opened. */
export interface WindowRequest {
  readonly maintenance: Maintenance;
  readonly ledger: Ledger;
  /** What ends maintenance after a crash. */
  readonly entry: LedgerEntry;
  /** The longest that it may be open, in milliseconds. Absent: as long as it takes. */
  readonly budgetMs?: number;
}

// Ending has time of its own: switching is tried many times, with growing waits.
const patienceMs = 10 * 60_000;

/**
 * Maintenance, from before it is switched on until it is seen to be off. However the work inside ends, and
 * at once when it is aborted or takes too long, maintenance ends.
 */
export class Window implements Quiet {
  readonly isAnothers = false;
  readonly signal: AbortSignal;
  readonly #request: WindowRequest;
  readonly #promised: Promised;
  readonly #started = performance.now();
  readonly #exceeded = new AbortController();
  readonly #watching = new DisposableStack();
  #ending: Promise<void> | undefined;
  #seconds: number | undefined;

  private constructor(request: WindowRequest, signal: AbortSignal) {
    this.#request = request;
    this.signal = AbortSignal.any([signal, this.#exceeded.signal]);
    this.#promised = request.ledger.promise(request.entry);
  }

  /** Switches maintenance on. Throws `maintenance-failed`, `window-exceeded`, `interrupted`; then it is off again. */
  static async open(request: WindowRequest, signal: AbortSignal): Promise<Window> {
    const window = new Window(request, signal);
    window.#limit();
    try {
      await request.maintenance.switchOn(window.signal);
      window.#watch();
      return window;
    } catch (error) {
      return await window.failed(error);
    }
  }

  get until(): AbortSignal {
    return this.#exceeded.signal;
  }

  get seconds(): number | undefined {
    return this.#seconds;
  }

  async close(): Promise<void> {
    this.#ending ??= this.#close();
    await this.#ending;
  }

  async failed(error: unknown): Promise<never> {
    await this.close().catch((worse: unknown) => {
      throw worse instanceof HoldfastError ? withCause(worse, error) : worse;
    });
    throw error;
  }

  /** From now on an abort ends maintenance before whatever works inside has come to its end. */
  #watch(): void {
    if (this.signal.aborted) throw interruption(this.signal, "maintenance");
    const end = (): void => {
      // Whoever works inside hears of it too, closes it as well, and is told what went wrong then.
      void this.close().catch(() => {});
    };
    this.#watching.use(onAbort(this.signal, end));
  }

  #limit(): void {
    const { budgetMs } = this.#request;
    if (budgetMs === undefined) return;
    const timer = setTimeout(() => this.#exceeded.abort(exceeded(budgetMs)), budgetMs);
    this.#watching.defer(() => clearTimeout(timer));
  }

  async #close(): Promise<void> {
    this.#watching.dispose();
    await this.#request.maintenance.switchOff(AbortSignal.timeout(patienceMs));
    this.#seconds = (performance.now() - this.#started) / 1000;
    this.#promised.settle();
  }
}

function exceeded(budgetMs: number): HoldfastError {
  return new HoldfastError(
    "window-exceeded",
    `maintenance was ended because it took longer than ${formatDuration(budgetMs)}`,
    { hint: "raise `window`, or make less to do in it: see the guide on Nextcloud" },
  );
}

function withCause({ code, message, hint }: HoldfastError, cause: unknown): HoldfastError {
  return new HoldfastError(code, message, { cause, ...(hint === undefined ? {} : { hint }) });
}
