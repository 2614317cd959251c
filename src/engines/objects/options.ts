// Knows: what a configuration may say about a repository of readable trees. Must not know: what is done with it.
import * as z from "zod";
import { Size } from "../../kernel/size.ts";
import { commonRepositoryShape } from "../engine.ts";
import { problemOfFormat } from "./names.ts";

const NameFormat = z.string().superRefine((format, context) => {
  const problem = problemOfFormat(format);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem, input: format });
});

/** Dated trees of files over a store of their content, as the configuration describes them. */
export const Options = z.strictObject({
  ...commonRepositoryShape,
  at: commonRepositoryShape.at.meta({
    description:
      "The folder, on a file system with hard links: `VOLUME:PATH` on a volume of this machine, or an absolute path.",
    examples: ["/srv/backup/cloud-files", "usb:cloud-files"],
  }),
  engine: z.literal("objects").meta({
    description:
      "Files out of an object store as people know them: dated folders that share what did not change.",
  }),
  "name-format": NameFormat.default("%Y-%m-%dT%H-%M-%S").meta({
    description:
      "What a snapshot is called, in local time: %Y %y %m %d %H %M %S %j, and %F and %T for date and time. A second one of the same name gets a number.",
    examples: ["%y%m%d-%H%M", "%Y-%m-%d"],
  }),
  parallel: z.int().min(1).max(64).default(16).meta({
    description: "How many objects, or parts of large ones, are fetched at once: 1 to 64.",
  }),
  bandwidth: Size.refine((bytes) => bytes > 0, { error: "expected more than nothing" })
    .optional()
    .meta({
      description: "At most so many bytes a second are fetched. Default: no limit.",
      examples: ["10MiB"],
    }),
});
export type Options = z.output<typeof Options>;
