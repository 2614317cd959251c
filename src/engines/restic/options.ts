// Knows: what a configuration may say about a restic repository. Must not know: how restic is run.
import * as z from "zod";
import { Secret } from "../../kernel/secret.ts";
import { SecretReference } from "../../kernel/secret-reference.ts";
import { Size } from "../../kernel/size.ts";
import { commonRepositoryShape } from "../engine.ts";

/** The tag that makes snapshots of a job ours. Users cannot set tags that begin so. */
export const jobTagPrefix = "holdfast:";

// These are set by this engine itself, from keys of their own; a second voice would contradict it.
const reservedVariable = /^RESTIC_(REPOSITORY|PASSWORD|FROM_|HOST$|CACHE_DIR$|PROGRESS_FPS$)/;

// Text under such a name is taken for a secret even when it is written out.
const secretName = /SECRET|PASSWORD|PASSPHRASE|TOKEN|CREDENTIAL|KEY/i;

// ssh takes a host or user that begins with a dash for an option, and options can run programs.
const optionAsHost = /^sftp:(\/\/)?([^/@]*@)?-|^sftp:(\/\/)?-/;

// So does rclone, which is given the remote as restic finds it.
const optionAsRemote = /^rclone:-/;

const credentialsInAddress = /^[a-z0-9]+:.*:\/\/[^/@]*:[^/@]*@/;

const service = /^(sftp|rest|s3|b2|azure|gs|swift|rclone):/;

const Location = commonRepositoryShape.at
  .refine((at) => !at.startsWith("-"), { error: "a repository cannot begin with a dash" })
  .refine((at) => !optionAsHost.test(at), { error: "an ssh host cannot begin with a dash" })
  .refine((at) => !optionAsRemote.test(at), { error: "a remote cannot begin with a dash" })
  .refine((at) => !credentialsInAddress.test(at), {
    error:
      "a password in an address can be seen by others: set RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD under environment",
  })
  .refine((at) => /[:/]|^~/.test(at), {
    error:
      "expected an absolute path, VOLUME:PATH, or restic's own notation such as sftp:host:path",
  })
  .meta({
    description:
      "Where the repository lives: `VOLUME:PATH` on a configured volume, an absolute path, or restic's own notation for a service.",
    examples: [
      "usb:restic",
      "/srv/backup/documents",
      "sftp:backup@nas.lan:/srv/restic",
      "rest:https://backup.example.org/laptop",
      "s3:https://s3.example.org/bucket/laptop",
    ],
  });

const Tag = z
  .string()
  .regex(/^[^,\n\r]+$/, { error: "a tag is text without commas and line breaks" })
  .refine((tag) => !tag.startsWith(jobTagPrefix), {
    error: `tags beginning with "${jobTagPrefix}" are set by holdfast itself`,
  });

const Variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "expected the name of an environment variable" })
  .refine((name) => !reservedVariable.test(name), {
    error: "holdfast sets this variable itself; use password, host or cache-dir instead",
  });

const Environment = z
  .record(Variable, z.union([z.string(), SecretReference]))
  .transform((environment) =>
    Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [
        name,
        typeof value === "string" && secretName.test(name) ? { text: new Secret(value) } : value,
      ]),
    ),
  );

const Rate = Size.refine((bytes) => bytes >= 1024, {
  error: "restic counts in KiB: at least 1KiB",
});

// restic refuses other sizes of its pack files.
const PackSize = Size.refine((bytes) => bytes >= 4 * 1024 ** 2 && bytes <= 128 * 1024 ** 2, {
  error: "restic's pack files may have 4MiB to 128MiB",
});

const Program = z
  .string()
  .min(1)
  .refine((program) => !program.startsWith("-"), { error: "a program cannot begin with a dash" });

const Path = z
  .string()
  .refine((path) => /^(\/|[A-Za-z]:[\\/])/.test(path), { error: "expected an absolute path" });

/** A restic repository as the configuration describes it. */
export const Options = z.strictObject({
  ...commonRepositoryShape,
  at: Location,
  engine: z
    .literal("restic")
    .meta({ description: "Encrypted, deduplicating snapshots by restic." }),
  password: SecretReference.meta({
    description:
      "Opens the repository. There is no way in without it: keep a second copy elsewhere.",
    examples: [{ file: "~/.config/holdfast/restic.key" }, { env: "RESTIC_PASSWORD" }],
  }),
  "snapshot-per-source": z.boolean().default(false).meta({
    description:
      "One snapshot for each source of a job instead of one for all of them, as SimpleBackup made them.",
  }),
  tags: z
    .array(Tag)
    .default([])
    .meta({
      description: "Tags that every snapshot gets besides the job's own tag `holdfast:JOB`.",
      examples: [["laptop", "daily"]],
    }),
  host: z
    .string()
    .regex(/^[^\s]+$/, { error: "a host name has no spaces" })
    .optional()
    .meta({
      description:
        "The host name recorded in snapshots. Default: this machine's. Keep it when a machine gets a new name, so that unchanged files need not be read again.",
      examples: ["laptop"],
    }),
  compression: z.enum(["auto", "off", "max", "fastest", "better"]).optional().meta({
    description:
      "How hard restic compresses. Default: restic's own (auto). `fastest` and `better` need restic 0.19.",
  }),
  limits: z
    .strictObject({
      upload: Rate.optional().meta({ description: "Bytes a second sent to the repository." }),
      download: Rate.optional().meta({ description: "Bytes a second read from the repository." }),
    })
    .default({})
    .meta({
      description: "Upper bounds of restic's use of the network, per second.",
      examples: [{ upload: "2MiB" }],
    }),
  "pack-size": PackSize.optional().meta({
    description: "Size of the files that restic writes into the repository, 4MiB to 128MiB.",
    examples: ["64MiB"],
  }),
  "max-unused": z
    .string()
    .regex(/^(unlimited|\d+(\.\d+)?%|\d+[kKmMgGtT]?)$/)
    .optional()
    .meta({
      description:
        "How much unused data a prune may leave behind instead of rewriting files. Default: 5%.",
      examples: ["10%", "unlimited"],
    }),
  environment: Environment.default({}).meta({
    description:
      "Environment variables for restic, such as the keys of its storage service. Values may be secrets.",
    examples: [
      { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: { file: "/etc/holdfast/s3.key" } },
    ],
  }),
  options: z
    .record(
      z.string().regex(/^[a-z0-9]+\.[a-z0-9-]+$/, { error: "expected SERVICE.OPTION" }),
      z.union([z.string(), z.number(), z.boolean()]).transform(String),
    )
    .default({})
    .meta({
      description: "restic's extended options (`-o KEY=VALUE`); `restic options` lists them.",
      examples: [{ "s3.connections": 10 }],
    }),
  "cache-dir": Path.optional().meta({
    description: "Where restic keeps its cache. Default: restic's own choice.",
    examples: ["/var/cache/restic"],
  }),
  "no-cache": z.boolean().default(false).meta({
    description: "Do without a local cache: slower, but nothing is left on this machine.",
  }),
  "read-concurrency": z.int().min(1).max(64).optional().meta({
    description: "How many files are read at once. Default: 2. Needs restic 0.15.",
  }),
  cacert: Path.optional().meta({
    description: "A file with the certificates by which the repository's server is trusted.",
    examples: ["/etc/holdfast/backup-ca.pem"],
  }),
  "tls-client-cert": Path.optional().meta({
    description: "A file with the certificate and key by which the server knows this machine.",
    examples: ["/etc/holdfast/laptop.pem"],
  }),
  program: Program.default("restic").meta({
    description: "The restic to run: a name found in PATH, or an absolute path.",
    examples: ["/usr/local/bin/restic"],
  }),
});
export type Options = z.output<typeof Options>;

/** The path of a repository that is a folder of this machine and on no volume; else undefined. */
export function localPathOf(at: string): string | undefined {
  const path = at.startsWith("local:") ? at.slice("local:".length) : at;
  return /^[/~]/.test(path) ? path : undefined;
}

// What newer versions of restic read a server's name and password from.
const restVariables = ["RESTIC_REST_USERNAME", "RESTIC_REST_PASSWORD"] as const;

/**
 * Whether the repository's server wants a name and a password. restic before 0.16 has no variables
 * for them, so they go into the address; and that, being secret then, into the environment.
 */
export function hasRestCredentials({ at, environment }: Options): boolean {
  return at.startsWith("rest:") && restVariables.every((name) => environment[name] !== undefined);
}

/** The programs that restic starts to reach a repository, as requirements of their own. */
export function transportOf(at: string): "ssh" | "rclone" | undefined {
  const scheme = service.exec(at)?.[1];
  if (scheme === "sftp") return "ssh";
  return scheme === "rclone" ? "rclone" : undefined;
}
