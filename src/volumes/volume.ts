// Knows: what the program may take for granted of a place that comes and goes. Must not know: what is kept there.
import type { Host } from "../hosts/host.ts";
import type { Ledger } from "../kernel/ledger.ts";

/** What a volume's schema parses into. */
export interface VolumeSpec {
  /** Absolute. */
  readonly path: string;
  /** Whether it counts as there only with its marker. */
  readonly marker: boolean;
  open(access: VolumeAccess): Volume;
}

export interface VolumeAccess {
  readonly name: string;
  readonly host: Host;
  readonly ledger: Ledger;
}

/** Whether it is there. Absence is an answer with a reason, never an error. */
export type VolumeState =
  | { readonly present: true; readonly path: string; readonly freeBytes: number }
  | { readonly present: false; readonly reason: string; readonly hint?: string };

/** A volume that may be used until it is disposed of. */
export interface AttachedVolume extends AsyncDisposable {
  readonly path: string;
}

export interface Volume {
  readonly name: string;
  observe(signal: AbortSignal): Promise<VolumeState>;
  /** Unlocks and mounts it where needed; only what it did itself is undone. Throws `volume-away`. */
  attach(signal: AbortSignal): Promise<AttachedVolume>;
  /** Writes the marker by which it will be recognised. True when it was not there before. */
  init(signal: AbortSignal): Promise<boolean>;
}
