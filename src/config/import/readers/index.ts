// Knows: which configurations of other tools can be read. Must not know: what is in them.
import type { Reader } from "../reader.ts";
import { autorestic } from "./autorestic.ts";
import { btrbk } from "./btrbk.ts";
import { btrfsSnapshotBackup } from "./btrfs-snapshot-backup.ts";
import { nbkp } from "./nbkp.ts";
import { nextcloudBackupScript } from "./nextcloud-backup-script.ts";
import { nextcloudS3Backup } from "./nextcloud-s3-backup.ts";
import { resticprofile } from "./resticprofile.ts";
import { rsnapshot } from "./rsnapshot.ts";
import { simpleBackup } from "./simplebackup.ts";

/** Every tool whose configuration can be read. A further one is a file beside this one and a word here. */
export const readers: readonly Reader[] = [
  nextcloudBackupScript,
  nextcloudS3Backup,
  simpleBackup,
  btrfsSnapshotBackup,
  nbkp,
  autorestic,
  resticprofile,
  btrbk,
  rsnapshot,
];
