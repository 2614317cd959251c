// Knows: how to say which volumes are there. Must not know: what is on them.
import type { VolumeState } from "../volumes/volume.ts";
import { resourceOf } from "./attachments.ts";
import { keeping } from "./kept-volumes.ts";
import { noLedger, openVolume } from "./open.ts";
import type { Program } from "./program.ts";
import type { VolumeReport } from "./report.ts";

/** All configured volumes, with reasons for those that are away. */
export async function volumeReports(
  program: Program,
  signal: AbortSignal,
): Promise<readonly VolumeReport[]> {
  return await Promise.all(
    [...program.config.volumes].map(async ([name, { path, host, device }]) => {
      const state = await openVolume(program, name, noLedger).observe(signal);
      const place = {
        path: path ?? null,
        ...(host === undefined ? {} : { host }),
        ...(device === undefined ? {} : { device }),
      };
      const resource = resourceOf(program, name);
      const kept = program.journal.users(resource).some(({ purpose }) => purpose === keeping);
      return { volume: name, ...place, ...reportOf(state), ...(kept ? { kept } : {}) };
    }),
  );
}

function reportOf(state: VolumeState): Omit<VolumeReport, "volume" | "path"> & { path?: string } {
  switch (state.kind) {
    case "mounted":
      return { path: state.path, present: true, mounted: true, freeBytes: state.freeBytes };
    case "attachable":
      return { present: true, mounted: false, reason: state.reason };
    case "away": {
      const hint = state.hint === undefined ? {} : { hint: state.hint };
      return { present: false, mounted: false, reason: state.reason, code: state.code, ...hint };
    }
  }
}
