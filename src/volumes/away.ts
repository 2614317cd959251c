// Knows: how the absence of a volume is put into words. Must not know: what kind of volume it is.
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import type { VolumeAway, VolumeState } from "./volume.ts";

/** The failure of those who need the volume now. */
export function volumeAway(
  name: string,
  { reason, hint }: Pick<VolumeAway, "reason" | "hint">,
): HoldfastError {
  const message = `volume "${name}" is not there: ${reason}`;
  return new HoldfastError("volume-away", message, hint === undefined ? {} : { hint });
}

/** What an examination says of a state. */
export function findingOf(name: string, state: VolumeState): Finding {
  const subject = `volume ${name}`;
  switch (state.kind) {
    case "mounted":
      return { code: "volume", severity: "ok", subject, message: `is at ${state.path}` };
    case "attachable":
      return { code: "volume", severity: "ok", subject, message: state.reason };
    case "away": {
      const hint = state.hint === undefined ? {} : { hint: state.hint };
      return { code: state.code, severity: "away", subject, message: state.reason, ...hint };
    }
  }
}

/** What observing comes to; a host that does not answer is a reason like any other. */
export async function unlessUnreachable(observe: () => Promise<VolumeState>): Promise<VolumeState> {
  try {
    return await observe();
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "host-unreachable") throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { kind: "away", code: error.code, reason: error.message, ...hint };
  }
}
