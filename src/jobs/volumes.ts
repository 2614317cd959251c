// Knows: how to say which volumes are there. Must not know: what is on them.
import { noLedger, openVolume } from "./open.ts";
import type { Program } from "./program.ts";
import type { VolumeReport } from "./report.ts";

/** All configured volumes, with reasons for those that are away. */
export async function volumeReports(
  program: Program,
  signal: AbortSignal,
): Promise<readonly VolumeReport[]> {
  return await Promise.all(
    [...program.config.volumes].map(async ([name, { path }]) => {
      const state = await openVolume(program, name, noLedger).observe(signal);
      if (state.present) {
        return { volume: name, path: state.path, present: true, freeBytes: state.freeBytes };
      }
      const hint = state.hint === undefined ? {} : { hint: state.hint };
      return { volume: name, path, present: false, reason: state.reason, ...hint };
    }),
  );
}
