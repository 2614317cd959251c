// Knows: what a configuration may say about a Nextcloud. Must not know: how it is backed up.
import { posix } from "node:path";
import * as z from "zod";
import { Duration } from "../../kernel/duration.ts";
import { SecretReference } from "../../kernel/secret-reference.ts";

const AbsolutePath = z
  .string()
  .regex(/^\//, { error: "expected an absolute path on the machine of the Nextcloud" })
  .transform((path) => posix.normalize(path).replace(/(?<=.)\/$/, ""));

const Words = z.tuple([z.string().min(1)], z.string(), {
  error: ({ input }) =>
    typeof input === "string"
      ? "expected a program and its arguments as a list, such as [docker, exec, app, php, occ]"
      : undefined,
});

const Database = z.strictObject({
  through: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        "Words before every command of the database, for one in a container. Standard input must get through: `docker exec -i`, `docker compose exec -T`.",
      examples: [["docker", "compose", "-f", "/srv/nc/compose.yaml", "exec", "-T", "db"]],
    }),
  host: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Where its server is, as seen from where its tools run." }),
  port: z.int().min(1).max(65_535).optional().meta({ description: "The port of its server." }),
  socket: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Its socket; of PostgreSQL the folder of it." }),
  name: z.string().min(1).optional().meta({ description: "What it is called." }),
  user: z.string().min(1).optional().meta({ description: "Who reads it." }),
  password: SecretReference.optional(),
  compress: z.enum(["none", "gzip", "zstd"]).default("none").meta({
    description:
      "How the dump is compressed on its way to the disk. Default: none, which is best for repositories that compress or deduplicate.",
  }),
});

/** How the files are kept still while they are backed up. */
export const captures = ["snapshot", "reflink", "staged", "direct"] as const;
export type Capture = (typeof captures)[number];

/** All that may be said of one Nextcloud. */
export const Options = z
  .strictObject({
    data: z
      .string()
      .min(1)
      .meta({
        description:
          "Its data directory: `VOLUME:PATH` on a configured volume, or an absolute path. Everything else is on the same machine.",
        examples: ["/srv/nc/data", "server:nc/data"],
      }),
    occ: Words.meta({
      description: "The words that start its `occ`, as the user that owns its config.php.",
      examples: [
        ["sudo", "-u", "www-data", "php", "/var/www/nextcloud/occ"],
        ["docker", "exec", "--user", "www-data", "nextcloud", "php", "occ"],
      ],
    }),
    config: AbsolutePath.optional().meta({
      description:
        "The folder of its config.php, which is backed up too, and in which maintenance can be switched without starting PHP.",
      examples: ["/srv/nc/config"],
    }),
    database: Database.prefault({}).meta({
      description: "How its database is reached, where that is not what Nextcloud itself says.",
    }),
    capture: z
      .enum(["auto", ...captures])
      .default("auto")
      .meta({
        description:
          "How files are kept as they were in maintenance: a snapshot of btrfs, copies that share their blocks (reflink), a copy that is brought up to date (staged), or maintenance as long as the backup takes (direct). Default: auto, the first of the first three that works.",
      }),
    maintenance: z.enum(["auto", "file", "occ"]).default("auto").meta({
      description:
        "How maintenance is switched: by a file of its own beside config.php, or by `occ`. Default: auto, by a file where `config` is given and can be written.",
    }),
    settle: Duration.prefault("1s").meta({
      description:
        "How long is waited after maintenance was switched on, for what Nextcloud was doing. Default: 1s.",
      examples: ["5s"],
    }),
    window: Duration.refine((ms) => ms > 0, { error: "must be longer than nothing" })
      .optional()
      .meta({
        description:
          "The longest time in maintenance. What takes longer is given up: maintenance ends, and the run fails.",
        examples: ["60s"],
      }),
    staging: AbsolutePath.optional().meta({
      description:
        "A folder for what is put together before it is backed up, of which nothing else makes use. For snapshots and reflinks it is on the file system of `data`. Default: `.NAME-holdfast` beside the data directory called NAME.",
      examples: ["/srv/nc/staging"],
    }),
    extra: z
      .array(AbsolutePath)
      .default([])
      .meta({
        description: "What else is backed up: custom apps, themes. Files and folders.",
        examples: [["/srv/nc/custom_apps", "/srv/nc/themes"]],
      }),
  })
  .superRefine(({ data, staging, extra, config }, context) => {
    const names = extra.map((path) => posix.basename(path));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["extra"],
        message: `two of them are called ${twice}, and they are kept side by side by their names`,
      });
    }
    if (config !== undefined && names.includes("config")) {
      context.addIssue({
        code: "custom",
        path: ["extra"],
        message: "the folder of config.php is kept under the name config; leave this one out",
      });
    }
    const others = [
      data.replace(/(?<=.)\/+$/, ""),
      ...extra,
      ...(config === undefined ? [] : [config]),
    ];
    if (staging !== undefined && others.some((other) => overlaps(other, staging))) {
      context.addIssue({ code: "custom", path: ["staging"], message: stagingOverlaps });
    }
  });
export type Options = z.output<typeof Options>;

/** What is wrong with a staging folder that holds, or is in, what is backed up. */
export const stagingOverlaps =
  "it is emptied after every backup: it must be neither in nor around what is backed up";

/** Whether one of two absolute paths is the other, or is in it. */
export function overlaps(one: string, other: string): boolean {
  return isIn(one, other) || isIn(other, one);
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
