// Knows: how to be the end of a program's output in a test.
import type { Stream } from "../../src/cli/render.ts";

/** A stream that keeps what is written to it. */
export class CapturedStream implements Stream {
  readonly isTTY: boolean;
  readonly columns: number;
  text = "";
  readonly #listeners: ((error: Error) => void)[] = [];

  constructor({ isTTY = false, columns = 80 }: { isTTY?: boolean; columns?: number } = {}) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }

  on(_event: "error", listener: (error: Error) => void): void {
    this.#listeners.push(listener);
  }

  /** Behaves as when a write has failed. */
  fail(error: Error): void {
    for (const listener of this.#listeners) listener(error);
  }
}
