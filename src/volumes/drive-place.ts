// Knows: what is configured of a drive. Must not know: where it is now.
import type { SecretReference } from "../kernel/secret-reference.ts";
import type { DeviceId } from "./device-id.ts";
import type { Mounting } from "./way.ts";

/** Where the passphrase of an encrypted drive comes from. */
export type Passphrase = SecretReference | { readonly prompt: true };

/** A drive that is known by its own id. */
export interface DrivePlace {
  readonly id: DeviceId;
  /** The id as it is configured. */
  readonly device: string;
  /** The configured host that it is plugged into. Absent: this machine. */
  readonly host?: string;
  /** A directory of it, absolute. Absent: wherever it is mounted. */
  readonly path?: string;
  readonly marker: boolean;
  /** Absent: it is not encrypted, or somebody else unlocks it. */
  readonly passphrase?: Passphrase;
  readonly mount: Mounting;
}
