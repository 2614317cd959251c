// Knows: how to write to a pipe or a file without Node's streams, whose loading takes longer than a short answer. Must not know: what is written.
import { fstatSync, writeSync } from "node:fs";
import type { Stream } from "./render.ts";

// Of Linux: /dev/null and its like, which scripts send output to.
const memoryDevices = 1;

/** Whether a descriptor may be a terminal: of that Node knows more than can be found out here. */
export function mayBeTerminal(descriptor: number): boolean {
  try {
    const state = fstatSync(descriptor);
    if (!state.isCharacterDevice()) return false;
    return process.platform !== "linux" || state.rdev >> 8 !== memoryDevices;
  } catch {
    // Closed (`>&-`): what Node makes of that is right.
    return true;
  }
}

/** Writes to a pipe or a file; every write is complete when it returns. */
export class DirectStream implements Stream {
  readonly isTTY = false;
  readonly #descriptor: number;
  readonly #listeners: ((error: Error) => void)[] = [];

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(text: string): void {
    try {
      writeAll(this.#descriptor, Buffer.from(text));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      for (const listener of this.#listeners) listener(error);
    }
  }

  on(_event: "error", listener: (error: Error) => void): void {
    this.#listeners.push(listener);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(descriptor, bytes, written);
    } catch (error) {
      // Another process that has the pipe made it non-blocking, and its reader is slow.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
