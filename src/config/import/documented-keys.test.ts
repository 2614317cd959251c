// Every key that the documentation of the five tools knows is met in a fixture, and carried over or reported there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { importConfig } from "./import.ts";

const fixtures = join(import.meta.dirname, "../../../test/fixtures/import");

/** By tool: which fixtures there are, and all keys that its documentation has. `*` is any name or number. */
const documented: Readonly<
  Record<string, { readonly files: readonly string[]; readonly keys: readonly string[] }>
> = {
  "nextcloud-backup-script": {
    files: ["nextcloud-backup-script.toml", "nextcloud-backup-script-first.toml"],
    keys: [
      ...below(
        "general",
        "maintance_cmd log_file log_dir source_dir tmp_dir target_dir num_full_backups num_differential_backups days_between_backups days_between_diff_backups extra_paths",
      ),
      ...below("database", "username password db_name"),
      ...below("docker", "enable nc_container_name db_container_name compose_file"),
      ...below("encryption", "enable password"),
      ...below("encrpytion", "enable password"),
      ...below(
        "remote.*",
        "enable address username target_dir ssh_key run_as num_full_backups num_differential_backups",
      ),
      ...below("notifier", "discord-webhook"),
    ],
  },
  "nextcloud-s3-backup": {
    files: ["nextcloud-s3-backup.yaml"],
    keys: [
      "backup_date_format",
      "excluded_mimetype_ids",
      ...below("mapping*", "storage_id user_name bucket nextcloud_path backup_root_path"),
    ],
  },
  simplebackup: {
    files: ["simplebackup.json"],
    keys: [
      ...below(
        "backupjobs*",
        "jobname sources destination password backup_interval exclude_patterns compression_level use_rclone webdav_user webdav_password",
      ),
      ...below("backupjobs*.retention", "hours days weeks months years"),
    ],
  },
  "btrfs-snapshot-backup": {
    files: ["btrfs-snapshot-backup.toml"],
    keys: [
      ...below("global", "default_verbose dry_run"),
      ...below(
        "backup_pairs*",
        "name original_volume source target retention_days retention_count target_retention_days target_retention_count",
      ),
    ],
  },
  nbkp: {
    files: ["nbkp.yaml", "nbkp-first.yaml"],
    keys: [
      "credential-provider",
      "credential-command",
      ...below(
        "ssh-endpoints.*",
        "host port user key proxy-jump proxy-jumps location locations extends",
      ),
      ...below(
        "ssh-endpoints.*.connection-options",
        "connect-timeout compress server-alive-interval allow-agent look-for-keys banner-timeout auth-timeout channel-timeout strict-host-key-checking known-hosts-file forward-agent disabled-algorithms",
      ),
      ...below("volumes.*", "type path ssh-endpoint ssh-endpoints rsync-server"),
      ...below("volumes.*.mount", "device-uuid strategy encryption.type encryption.passphrase-id"),
      ...below("sync-endpoints.*", "volume subdir"),
      ...below("sync-endpoints.*.btrfs-snapshots", "enabled max-snapshots"),
      ...below("sync-endpoints.*.hard-link-snapshots", "enabled max-snapshots"),
      ...below("syncs.*", "source destination enabled filters filter-file"),
      ...below("syncs.*.rsync-options", "compress checksum default-options-override extra-options"),
      // The first generation.
      ...below("rsync-servers.*", "host port user ssh-key ssh-options connect-timeout"),
      ...below("syncs.*", "source.volume source.subdir destination.volume destination.subdir"),
      ...below("syncs.*.destination.btrfs-snapshots", "enabled max-snapshots"),
      ...below("syncs.*", "rsync-options extra-rsync-options"),
    ],
  },
};

function below(section: string, names: string): readonly string[] {
  return names.split(" ").map((name) => `${section}.${name}`);
}

function isKey(pattern: string, key: string): boolean {
  const form = pattern.replaceAll(".", String.raw`\.`).replaceAll("*", String.raw`[^.]+`);
  return new RegExp(`^${form}$`).test(key);
}

for (const [tool, { files, keys }] of Object.entries(documented)) {
  suite(`of all that ${tool} can be told`, () => {
    const findings = files.flatMap((file) => {
      const text = readFileSync(join(fixtures, file), "utf8");
      return importConfig({
        file,
        text,
        settings: new Map(),
        home: "/home/ann",
        defaultState: "/home/ann/.local/state/holdfast",
        platform: "linux",
      }).findings;
    });

    for (const key of keys) {
      test(`${key} is carried over or reported`, () => {
        const found = findings.filter((finding) => isKey(key, finding.key));

        assert.ok(found.length > 0, "no finding is about it");
        for (const { verdict, to, message = "" } of found) {
          // Somebody who knows the key has written down what becomes of it.
          assert.doesNotMatch(message, /is not a key that is known/);
          assert.ok(verdict === "mapped" ? to !== undefined : message !== "" || to !== undefined);
        }
      });
    }
  });
}
