// Knows: how time passes on a machine that sleeps and whose clock is set, without waiting for it. Must not know: what runs there.
import { interruption, onAbort } from "../../src/hosts/interruption.ts";
import type { Waker } from "../../src/daemon/wake.ts";
import { longestSleepMs } from "../../src/daemon/wake.ts";

/** From here on the clock goes on without a break, until the next stretch begins. In milliseconds. */
export interface Stretch {
  /** Time that the machine has been awake. */
  readonly awake: number;
  /** What its clock shows. */
  readonly wall: number;
}

interface Timer {
  readonly since: number;
  at: number;
  readonly ring: () => void;
  /** Looks at the clock again every minute, as a real waker does. */
  readonly looks: boolean;
}

/**
 * A machine whose time moves only when it is told to. Timers count the time that it is awake, as those
 * of Linux do, and notice neither sleep nor a clock that is set.
 */
export class SimulatedMachine {
  readonly stretches: Stretch[] = [];
  readonly waker: Waker;
  /** Whether the waker's owner sleeps, and nothing has woken it. */
  asleep = false;
  /** The waker really looks every minute, instead of only when there would be something to see. */
  looksEachMinute = false;
  #awake = 0;
  #wall: number;
  #pending = false;
  readonly #timers = new Set<Timer>();

  constructor(start: Date) {
    this.#wall = start.getTime();
    this.#begin();
    let ring: (() => void) | undefined;
    this.waker = {
      sleep: async (milliseconds, signal) => {
        if (!this.#pending && !signal.aborted) {
          const { promise, resolve } = Promise.withResolvers<void>();
          ring = resolve;
          using _ = onAbort(signal, resolve);
          const most = this.looksEachMinute ? longestSleepMs : Infinity;
          const timer = this.#set(Math.min(milliseconds, most), {
            ring: () => ring?.(),
            looks: true,
          });
          void promise.then(() => {
            this.asleep = false;
          });
          this.asleep = true;
          await promise;
          ring = undefined;
          this.#timers.delete(timer);
        }
        this.#pending = false;
      },
      wake: () => {
        this.#pending = true;
        this.asleep = false;
        ring?.();
      },
    };
  }

  /** The time that the machine has been awake, in milliseconds. */
  get awake(): number {
    return this.#awake;
  }

  readonly now = (): Date => new Date(this.#wall);

  /** Resolves when the machine has been awake for so much longer. */
  readonly pause = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
    if (signal.aborted) throw interruption(signal, "a pause");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = this.#set(milliseconds, { ring: resolve, looks: false });
    using _ = onAbort(signal, () => {
      this.#timers.delete(timer);
      reject(interruption(signal, "a pause"));
    });
    await promise;
  };

  /** Lets time pass while nothing happens: up to the next timer, and not beyond `awake`. */
  advance(awake: number): void {
    const next = Math.min(...[...this.#timers].map(({ at }) => at), awake);
    if (next === Infinity) throw new Error("nothing is waited for, so nothing will ever happen");
    const passed = next - this.#awake;
    this.#awake = next;
    this.#wall += passed;
    for (const timer of this.#timers) {
      if (timer.at > next) continue;
      this.#timers.delete(timer);
      timer.ring();
    }
  }

  /** The machine sleeps for so long, or its clock is set by so much: timers notice neither. */
  shift(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#begin();
    for (const timer of this.#timers) {
      if (!timer.looks) continue;
      const minutes = Math.ceil((this.#awake - timer.since) / longestSleepMs);
      timer.at = Math.min(timer.at, timer.since + Math.max(minutes, 1) * longestSleepMs);
    }
  }

  #begin(): void {
    this.stretches.push({ awake: this.#awake, wall: this.#wall });
  }

  #set(milliseconds: number, what: Pick<Timer, "ring" | "looks">): Timer {
    const timer = { ...what, since: this.#awake, at: this.#awake + Math.max(milliseconds, 1) };
    this.#timers.add(timer);
    return timer;
  }
}
