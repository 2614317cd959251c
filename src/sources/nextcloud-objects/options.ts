// Knows: what a configuration may say about files of a Nextcloud in S3. Must not know: how they are read.
import * as z from "zod";
import { SecretReference } from "../../kernel/secret-reference.ts";
import { keysApart, keysBelongTogether, s3Shape } from "../../s3/options.ts";
import type { StorageChoice } from "./storages.ts";

const Words = z.tuple([z.string().min(1)], z.string(), {
  error: ({ input }) =>
    typeof input === "string"
      ? "expected a program and its arguments as a list, such as [docker, exec, app, php, occ]"
      : undefined,
});

const Dump = z.strictObject({
  dump: z
    .string()
    .min(1)
    .meta({
      description:
        "A dump of the database, as mariadb-dump, mysqldump or pg_dump (plain) write it; also packed by gzip or zstd. No server is needed then.",
      examples: ["/srv/backup/nextcloud.sql.zst"],
    }),
});

const Server = z.strictObject({
  kind: z.enum(["mariadb", "postgresql", "sqlite"]).optional().meta({
    description: "Which kind of database it is. Default: what Nextcloud says.",
  }),
  through: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        "Words before every command of the database, for one in a container. Standard input must get through: `docker exec -i`, `docker compose exec -T`.",
      examples: [["docker", "compose", "-f", "/srv/nc/compose.yaml", "exec", "-T", "db"]],
    }),
  name: z.string().min(1).optional().meta({ description: "What it is called." }),
  user: z.string().min(1).optional().meta({ description: "Who reads it: reading is enough." }),
  password: SecretReference.optional(),
  host: z.string().min(1).optional().meta({
    description: "Where its server is, as seen from where its tools run.",
  }),
  port: z.int().min(1).max(65_535).optional().meta({ description: "The port of its server." }),
  socket: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "Its socket; of PostgreSQL the folder of it." }),
  file: z.string().min(1).optional().meta({ description: "Of SQLite: the file." }),
});
export type ServerOptions = z.output<typeof Server>;

// Names, with slashes between them, that lead nowhere else.
const relative = /^(?!\.{1,2}(\/|$))[^/]+(\/(?!\.{1,2}(\/|$))[^/]+)*$/;

const Tree = z
  .strictObject({
    user: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "Whose files: the name they log in with.", examples: ["alice"] }),
    storage: z
      .union([z.int().nonnegative(), z.string().min(1)])
      .optional()
      .meta({
        description:
          "Another storage instead of a user's, by its number or its id in oc_storages, such as the one that holds group folders.",
        examples: [3, "object::store:amazon::nextcloud"],
      }),
    path: z
      .string()
      .default("")
      .transform((path) => path.replaceAll(/^\/+|\/+$/g, "").normalize("NFC"))
      .refine((path) => path === "" || relative.test(path), {
        error: "expected a path in the storage, such as files/projects",
      })
      .meta({
        description:
          "The part of the storage that is wanted, by whole names. A user's own files are in `files`. Default: all, but for what `include` names.",
        examples: ["files", "files/projects"],
      }),
    folder: z
      .string()
      .regex(relative, { error: "expected a name, or several with slashes between them" })
      .optional()
      .meta({
        description:
          "The folder of the snapshot that it comes to. Below it are whole paths: FOLDER/files/projects/plan.md. Default: the user's name.",
      }),
  })
  .transform((tree, context) => {
    const { user, storage, path, folder = user } = tree;
    if ((user === undefined) === (storage === undefined)) {
      return refused(context, "name a user or a storage: one of them");
    }
    if (folder === undefined) return refused(context, "a tree of a storage needs a folder");
    if (!relative.test(folder)) return refused(context, "this user's tree needs a folder");
    return { choice: choiceOf(user, storage), path, folder };
  });

/** A part of a storage that is wanted, as it was configured. */
export interface TreeChoice {
  readonly choice: StorageChoice;
  readonly path: string;
  readonly folder: string;
}

function choiceOf(user: string | undefined, storage: string | number | undefined): StorageChoice {
  if (user !== undefined) return { user };
  return typeof storage === "number" ? { number: storage } : { id: storage ?? "" };
}

function refused(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}

/** All that may be said of the files of one Nextcloud in S3. */
export const Options = z
  .strictObject({
    config: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          "The folder of its config.php: `VOLUME:PATH` on a configured volume, or an absolute path. Where database, bucket and keys are read from.",
        examples: ["/srv/nc/config"],
      }),
    occ: Words.optional().meta({
      description:
        "The words that start its `occ`, where config.php cannot be read, or only PHP can tell what it says.",
      examples: [["docker", "exec", "--user", "www-data", "nextcloud", "php", "occ"]],
    }),
    database: z.union([Dump, Server]).default({ through: [] }).meta({
      description: "How its database is reached, where that is not what Nextcloud itself says.",
    }),
    s3: z
      .strictObject({ ...s3Shape, bucket: s3Shape.bucket.optional() })
      .refine(keysBelongTogether, { error: keysApart })
      .default({})
      .meta({ description: "The bucket, where it is not what Nextcloud itself says." }),
    "table-prefix": z.string().optional().meta({
      description: "What the names of its tables begin with. Default: what Nextcloud says, or oc_.",
    }),
    trees: z
      .array(Tree)
      .min(1)
      .meta({ description: "Whose files, or which part of them, come to which folder." }),
    include: z
      .array(z.enum(["trashbin", "versions", "uploads"]))
      .default([])
      .meta({
        description: "What else is kept of each storage. Default: nothing but the files.",
      }),
    "exclude-mimetypes": z
      .array(z.union([z.int().nonnegative(), z.string().min(1)]))
      .default([])
      .meta({
        description: "Types of files that are left out: by name, all of a kind, or by number.",
        examples: [["video/mp4", "image/*", 14]],
      }),
  })
  .superRefine((options, context) => {
    for (const message of contradictions(options)) context.addIssue({ code: "custom", message });
  });
export type Options = z.output<typeof Options>;

interface Said {
  readonly config?: string | undefined;
  readonly occ?: readonly string[] | undefined;
  readonly database: z.output<typeof Dump> | ServerOptions;
  readonly s3: { readonly bucket?: string | undefined };
  readonly trees: readonly TreeChoice[];
}

function contradictions({ config, occ, database, s3, trees }: Said): readonly string[] {
  const knowsDatabase = "dump" in database || database.kind !== undefined;
  const isAsked = config !== undefined || occ !== undefined;
  const folders = Map.groupBy(trees, ({ folder }) => folder);
  const shared = [...folders].find(
    ([, all]) => new Set(all.map(({ choice }) => JSON.stringify(choice))).size > 1,
  );
  return [
    ...(isAsked || (knowsDatabase && s3.bucket !== undefined)
      ? []
      : [
          "name config or occ, or say all of it: database (its kind, or a dump) and s3 (its bucket)",
        ]),
    ...(shared === undefined ? [] : [`two storages cannot share the folder ${shared[0]}`]),
    ...incompleteDatabase(database, isAsked),
  ];
}

function incompleteDatabase(database: Said["database"], isAsked: boolean): readonly string[] {
  if ("dump" in database || database.kind === undefined || isAsked) return [];
  if (database.kind === "sqlite") {
    return database.file === undefined ? ["database: a database of SQLite needs its file"] : [];
  }
  return database.name === undefined
    ? [`database: a database of ${database.kind} needs its name`]
    : [];
}
