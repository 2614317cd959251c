// Knows: what there is to know of one Nextcloud. Must not know: what it is asked for.
import type { DatabaseSettings } from "../databases/database.ts";
import type { Host } from "../hosts/host.ts";
import type { Secret } from "../kernel/secret.ts";

/** How a Nextcloud is reached. */
export interface NextcloudAccess {
  readonly host: Host;
  /** The words that start occ, such as `docker compose … exec -T --user www-data app php occ`. */
  readonly occ: readonly [string, ...string[]];
  /** The folder of config.php, where it can be reached on that machine. */
  readonly config?: string;
}

/** What a Nextcloud says of itself. */
export interface Instance {
  readonly version: string;
  readonly instanceId: string;
  /** As Nextcloud itself sees it: inside its container, if it is in one. */
  readonly dataDirectory: string;
  readonly database: DatabaseSettings;
  readonly tablePrefix: string;
  readonly inMaintenance: boolean;
  /** Absent: files are in the data directory. */
  readonly objectStore?: ObjectStoreSettings;
}

/** Primary storage in S3, as config.php has it. */
export interface ObjectStoreSettings {
  readonly bucket: string;
  /** What stands before the number of a file in its key: `urn:oid:` where nothing else is said. */
  readonly prefix: string;
  /** In how many buckets files are spread by user. Absent: one. */
  readonly buckets?: number;
  /** Such as `https://s3.example.org:9000`. Absent: AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly pathStyle: boolean;
  readonly accessKey?: string;
  readonly secretKey?: Secret;
}

/** Switches maintenance mode. All retry what may pass, and believe only what Nextcloud then says of itself. */
export interface Maintenance {
  /** Whether it is on: by what Nextcloud says, never by an exit status. */
  isOn(signal: AbortSignal): Promise<boolean>;
  /** Throws `maintenance-failed` when it is still off. */
  switchOn(signal: AbortSignal): Promise<void>;
  /**
   * Undoes `switchOn`, and makes sure that it is off. May be repeated. Throws `maintenance-failed`, also when
   * somebody else had ended it before: what was read in it need not be of one moment.
   */
  switchOff(signal: AbortSignal): Promise<void>;
}
