// Knows: what the program may take for granted of a place that comes and goes. Must not know: what is kept there.
import type { Host } from "../hosts/host.ts";
import type { Finding } from "../kernel/finding.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { ResolveSecret } from "../kernel/secret-reference.ts";

/** What a volume's schema parses into. */
export interface VolumeSpec {
  /** The configured host that it is on. Absent: this machine. */
  readonly host?: string;
  /** Where it is mounted, absolute. Absent: wherever its device is mounted. */
  readonly path?: string;
  /** The id of its file system or of its encrypted container, where one is configured. */
  readonly device?: string;
  /** Whether it counts as there only with its marker. */
  readonly marker: boolean;
  open(access: VolumeAccess): Volume;
}

export interface VolumeAccess {
  readonly name: string;
  /** The machine that it is on. */
  readonly host: Host;
  readonly ledger: Ledger;
  readonly secret: ResolveSecret;
}

/** Whether it is there. Absence is an answer with a reason, never an error. */
export type VolumeState =
  /** In use by the system: files can be read and written. */
  | { readonly kind: "mounted"; readonly path: string; readonly freeBytes: number }
  /** Plugged in, and `attach` can unlock and mount it. */
  | { readonly kind: "attachable"; readonly reason: string }
  | VolumeAway;

export interface VolumeAway {
  readonly kind: "away";
  /** Stable, as in the findings of `doctor`. */
  readonly code: string;
  /** A sentence without a final stop. */
  readonly reason: string;
  readonly hint?: string;
}

/** A volume that may be used until it is disposed of. */
export interface AttachedVolume extends AsyncDisposable {
  readonly path: string;
  /** What was done for it and will be undone, such as "unlocked" and "mounted". Empty: it was there. */
  readonly did: readonly string[];
}

export interface Volume {
  readonly name: string;
  observe(signal: AbortSignal): Promise<VolumeState>;
  /** Unlocks and mounts it where needed; only what it did itself is undone. Throws `volume-away`. */
  attach(signal: AbortSignal): Promise<AttachedVolume>;
  /** Writes the marker by which it will be recognised. True when it was not there before. */
  init(signal: AbortSignal): Promise<boolean>;
  /** Every precondition of using it, with the command that mends it. Reads only. */
  examine(signal: AbortSignal): Promise<readonly Finding[]>;
}
