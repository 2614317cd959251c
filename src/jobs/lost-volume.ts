// Knows: how a failure is told whose true cause is that a drive went away. Must not know: steps.
import { HoldfastError } from "../kernel/errors.ts";
import { noLedger, openVolume, type VolumePaths } from "./open.ts";
import type { Program } from "./program.ts";

/**
 * What a step failed for: the failure itself, or `volume-lost` when a volume that was in use is not there
 * any more. What a tool says of a drive that was pulled out is true, and leads nobody to the drive.
 */
export async function causeOf(
  thrown: unknown,
  {
    program,
    volumes,
    signal,
  }: {
    readonly program: Program;
    readonly volumes: VolumePaths;
    readonly signal: AbortSignal;
  },
): Promise<unknown> {
  // What could not be put back after a failure is worse than the failure: somebody waits for it.
  const error: unknown = thrown instanceof SuppressedError ? thrown.error : thrown;
  if (!(error instanceof HoldfastError) || signal.aborted) return error;
  // Then its drives are out of reach too, and none of them has to be plugged in.
  if (error.code === "host-unreachable") return error;
  for (const [name, path] of volumes) {
    const state = await openVolume(program, name, noLedger).observe(signal);
    if (state.kind === "mounted" && state.path === path) continue;
    const reason = state.kind === "mounted" ? `it is at ${state.path} now` : state.reason;
    return new HoldfastError("volume-lost", `volume "${name}" went away meanwhile: ${reason}`, {
      hint: "plug it in again; the next run goes on from what is whole",
      cause: error,
    });
  }
  return error;
}
