// Knows: how often switching maintenance is tried, and when. Must not know: how it is switched.
import { errorCodes, HoldfastError } from "../kernel/errors.ts";
import { OccFailed } from "./occ-trouble.ts";

/** Waits so many milliseconds; throws `interrupted`. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/** Between the tries, in milliseconds: 37 seconds in all. */
const waits = [250, 500, 1000, 2000, 4000, 5000, 8000, 8000, 8000];

/** One try: whether it worked, or why not. */
export type Try = { readonly done: true } | { readonly done: false; readonly error: HoldfastError };

/**
 * Tries ten times at most, with growing waits. What occ says that cannot pass ends it at once. Throws
 * `maintenance-failed` with the last reason, and `interrupted`.
 */
export async function tryUntil(
  attempt: () => Promise<Try>,
  pause: Pause,
  signal: AbortSignal,
): Promise<void> {
  for (const wait of [...waits, undefined]) {
    const tried = await attemptOnce(attempt);
    if (tried.done) return;
    if (wait === undefined || !mayPass(tried.error)) throw failure(tried.error);
    await pause(wait, signal);
  }
}

async function attemptOnce(attempt: () => Promise<Try>): Promise<Try> {
  try {
    return await attempt();
  } catch (error) {
    // A machine that does not answer may do so again; an abort is obeyed.
    if (!(error instanceof HoldfastError) || error.code === "interrupted") throw error;
    return { done: false, error };
  }
}

function mayPass(error: HoldfastError): boolean {
  return error instanceof OccFailed ? error.mayPass : errorCodes[error.code].retry;
}

function failure(error: HoldfastError): HoldfastError {
  if (error.code === "maintenance-failed" || error.code === "host-unreachable") return error;
  return new HoldfastError("maintenance-failed", error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
