// Knows: how much may happen at once, and how fast. Must not know: what happens.
import { setTimeout as sleep } from "node:timers/promises";

/** So many may work at once; the others wait for their turn, in order. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** At most so many bytes a second, over all who ask. */
export class Throttle {
  readonly #bytesPerMs: number | undefined;
  #freeAt = 0;

  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerMs = bytesPerSecond === undefined ? undefined : bytesPerSecond / 1000;
  }

  /** Returns when so many bytes may have come. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerMs === undefined) return;
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / this.#bytesPerMs;
    const waitMs = this.#freeAt - now;
    if (waitMs > 1) await sleep(waitMs, undefined, { signal });
  }
}
