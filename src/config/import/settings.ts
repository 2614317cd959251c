// Knows: the names of the tools that can be imported from, and the options of their command lines that no file has. Must not know: what is made of them.

// Loaded with the command line, before any configuration is: this file imports nothing.
/** What `--from` takes: the names of all readers. */
export const toolNames = [
  "nextcloud-backup-script",
  "nextcloud-s3-backup",
  "simplebackup",
  "btrfs-snapshot-backup",
  "nbkp",
  "autorestic",
  "resticprofile",
  "btrbk",
  "rsnapshot",
] as const;

/** An option that a tool was started with. */
export interface ToolSetting {
  /** Without its dashes. */
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

/** Options of nextcloud-s3-backup; the other tools have all that matters in their files. */
export const toolSettings: readonly ToolSetting[] = [
  { name: "s3-endpoint-url", value: "<url>", description: "as nextcloud-s3-backup was given it" },
  { name: "s3-region-name", value: "<region>", description: "as nextcloud-s3-backup was given it" },
  { name: "s3-access-key", value: "<key>", description: "as nextcloud-s3-backup was given it" },
  {
    name: "s3-secret-key",
    value: "<key>",
    description: "the same; others of this machine can see it while the import runs",
  },
  {
    name: "s3-max-bandwidth",
    value: "<MB/s>",
    description: "as nextcloud-s3-backup was given it",
  },
  {
    name: "s3-max-concurrency",
    value: "<number>",
    description: "as nextcloud-s3-backup was given it",
  },
  { name: "pg-dsn", value: "<dsn>", description: "as nextcloud-s3-backup was given it" },
  { name: "pg-schema", value: "<schema>", description: "as nextcloud-s3-backup was given it" },
];
