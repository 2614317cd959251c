// Knows: every precondition of attaching a drive, and the command that mends it. Must not know: who asks.
import type { Finding } from "../kernel/finding.ts";
import type { OpenedDrive } from "./attach.ts";
import { findingOf } from "./away.ts";
import type { VolumeState } from "./volume.ts";

/** Everything that is to be said of a drive, the state it is in first. Reads only. */
export async function examineDrive(
  { access }: OpenedDrive,
  state: VolumeState,
  _signal: AbortSignal,
): Promise<readonly Finding[]> {
  return [findingOf(access.name, state)];
}
