// Knows: what an abort means to whoever is waiting. Must not know: who aborted.
import { HoldfastError } from "../kernel/errors.ts";

/**
 * The error that an abort becomes. A reason that is itself a `HoldfastError` (the time limit of a
 * whole run, say) stays what it is; `AbortSignal.timeout` becomes `timed-out`; anything else
 * `interrupted`.
 */
export function interruption(signal: AbortSignal, subject: string): HoldfastError {
  const reason: unknown = signal.reason;
  if (reason instanceof HoldfastError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return new HoldfastError("timed-out", `${subject} did not end in time`, { cause: reason });
  }
  return new HoldfastError("interrupted", `${subject} was interrupted`, { cause: reason });
}

/** Calls back once when the signal aborts; disposing of it stops listening. */
export function onAbort(signal: AbortSignal, callback: () => void): Disposable {
  signal.addEventListener("abort", callback, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", callback) };
}
