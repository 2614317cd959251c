// Knows: how a person or the system asks the program to end. Must not know: what it is doing.
import { HoldfastError } from "../kernel/errors.ts";

/** The part of Node's `process` that signals come from. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  exit(status: number): void;
}

/** A wish to end that is heard until it is disposed of. */
export interface Interruption extends Disposable {
  readonly signal: AbortSignal;
}

const heard = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const interruptedStatus = 130;

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP, so that what runs can be ended in good order. A
 * second SIGINT ends the program at once: the kernel then ends its children, and the next start
 * puts back what was left.
 */
export function listenForInterruption(
  source: SignalSource,
  say: (message: string) => void,
): Interruption {
  const controller = new AbortController();
  const listener = (name: NodeJS.Signals): void => {
    if (!controller.signal.aborted) {
      const again = name === "SIGINT" ? "; press Ctrl-C again to end at once" : "";
      say(`${name}: ending in good order${again}`);
      controller.abort(new HoldfastError("interrupted", `interrupted by ${name}`));
    } else if (name === "SIGINT") {
      source.exit(interruptedStatus);
    }
  };
  for (const name of heard) source.on(name, listener);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of heard) source.off(name, listener);
    },
  };
}
