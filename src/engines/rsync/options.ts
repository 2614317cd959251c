// Knows: what a configuration may say about a mirror. Must not know: how rsync is run.
import * as z from "zod";
import { commonRepositoryShape } from "../engine.ts";
import { Filter } from "./filters.ts";
import { changesInPlace, refusal } from "./tool-options.ts";

const Words = z.array(z.string().min(1)).superRefine((words, context) => {
  const problem = refusal(words);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem, input: words });
});

const MaxDelete = z
  .union([
    z.int().nonnegative(),
    z
      .string()
      .regex(/^(100|[1-9]?\d)(\.\d+)?%$/, { error: 'expected a number, or a share as "50%"' }),
  ])
  .transform((input) =>
    typeof input === "number" ? { count: input } : { share: Number.parseFloat(input) / 100 },
  );
export type MaxDelete = z.output<typeof MaxDelete>;

const Location = commonRepositoryShape.at
  .refine((at) => !/^rsync:|^[^/]*::/.test(at), {
    error: "servers of rsync itself are not driven: write VOLUME:PATH with a volume on a host",
  })
  .meta({
    description:
      "Where the mirror lives: `VOLUME:PATH` on a configured volume, or an absolute path.",
    examples: ["usb:documents", "nas:photos", "/srv/backup/documents"],
  });

const FilterFile = z
  .string()
  .refine((path) => path.startsWith("/"), { error: "expected an absolute path" });

/** A mirror as the configuration describes it. */
export const Options = z
  .strictObject({
    ...commonRepositoryShape,
    at: Location,
    engine: z.literal("rsync").meta({
      description:
        "Plain files that anything can read, mirrored by rsync, with snapshots if wanted.",
    }),
    snapshots: z.enum(["none", "hard-links", "btrfs"]).default("hard-links").meta({
      description:
        "How earlier states are kept: as folders that share unchanged files, as snapshots of a btrfs subvolume, or not at all.",
    }),
    filters: z
      .array(Filter)
      .default([])
      .meta({
        description:
          "What is sent and what is not: rules of rsync, of which the first that fits counts.",
        examples: [[{ exclude: "*.tmp" }, { "dir-merge": ".rsync-filter" }]],
      }),
    "filter-file": FilterFile.optional().meta({
      description: "A file with more such rules, on the machine that starts rsync.",
      examples: ["/etc/holdfast/photos.rules"],
    }),
    symlinks: z.enum(["keep", "safe"]).default("keep").meta({
      description:
        "What becomes of symbolic links: `keep` stores each as it is; `safe` leaves out those that lead out of the source, and names them.",
    }),
    "hard-links": z.boolean().default(true).meta({
      description: "Files that are one file under several names stay so.",
    }),
    acls: z.boolean().default(true).meta({ description: "Access control lists are kept." }),
    xattrs: z.boolean().default(true).meta({ description: "Extended attributes are kept." }),
    compress: z
      .boolean()
      .default(false)
      .meta({ description: "Compress on the way: for slow lines." }),
    checksum: z.boolean().default(false).meta({
      description:
        "Compare files by what they hold instead of size and time. Reads everything, each time.",
    }),
    "max-delete": MaxDelete.default({ share: 0.5 }).meta({
      description:
        "A backup that would delete more than this from the mirror deletes nothing and fails. A share of the mirror, or a number of files and folders.",
      examples: ["50%", 1000],
    }),
    "check-free-space": z.boolean().default(true).meta({
      description:
        "Look before writing whether there is room. `false` where a file system compresses so well that it is misjudged.",
    }),
    options: Words.default(["--archive", "--numeric-ids"]).meta({
      description:
        "Replaces the options with which rsync copies by default. What protects the mirror is added whatever is written here.",
      examples: [["-rlptD", "--chmod=u+rwX"]],
    }),
    "extra-options": Words.default([]).meta({
      description: "Further options of rsync.",
      examples: [["--bwlimit=2m"]],
    }),
  })
  .superRefine((options, context) => {
    const words = [...options.options, ...options["extra-options"]];
    if (options.snapshots !== "hard-links" || !changesInPlace(words)) return;
    context.addIssue({
      code: "custom",
      message: "--inplace is refused: snapshots with hard links share files, and all would change",
      path: ["snapshots"],
      input: options.snapshots,
    });
  });
export type Options = z.output<typeof Options>;
export type Layout = Options["snapshots"];
