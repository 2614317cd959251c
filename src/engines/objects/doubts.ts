// Knows: whom to ask where rows and objects do not fit. Must not know: how they do not, and what becomes of it.
import type { ObjectFile, PreparedObjects } from "../../kernel/prepared-source.ts";

// Each is a question to a database. Where that many are in doubt, it is not because of what just changed.
const mostLooks = 100;

/** Asks an application again, as often as makes sense. */
export class Doubts {
  readonly #source: PreparedObjects;
  readonly #signal: AbortSignal;
  #looks = 0;

  constructor(source: PreparedObjects, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  /** What it says of an object by now; nothing when it cannot be asked, or was asked too often. */
  async lookAgain(key: string): Promise<readonly ObjectFile[] | undefined> {
    this.#looks += 1;
    return this.#looks > mostLooks ? undefined : await this.#source.again?.(key, this.#signal);
  }
}
