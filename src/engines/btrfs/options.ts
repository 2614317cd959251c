// Knows: how a btrfs repository is described in the configuration. Must not know: what is done with the values.
import * as z from "zod";
import { commonRepositoryShape } from "../engine.ts";

const Program = z
  .string()
  .min(1)
  .refine((program) => !program.startsWith("-"), { error: "a program cannot begin with a dash" });

/** A folder of read-only snapshots on a btrfs, as the configuration describes it. */
export const Options = z.strictObject({
  ...commonRepositoryShape,
  engine: z.literal("btrfs").meta({
    description: "Read-only snapshots of a subvolume, sent to further disks by btrfs itself.",
  }),
  incremental: z.enum(["auto", "always", "never"]).default("auto").meta({
    description:
      "Whether this repository receives only what changed since a snapshot that both sides have. `auto`: where there is one. `always`: without one nothing is received. `never`: each snapshot whole.",
  }),
  "copy-older": z.boolean().default(false).meta({
    description:
      "Receive also what is older than the newest snapshot here that both sides have. By default that is left out, with a reason.",
  }),
  "forget-uncopied": z.boolean().default(false).meta({
    description:
      "Let the rules drop snapshots that a copy of the job never received. By default they stay until it has.",
  }),
  "compressed-data": z.enum(["auto", "never"]).default("auto").meta({
    description:
      "Receive compressed files as they are on the disk, where both sides can (btrfs-progs 6.14 and Linux 6.0).",
  }),
  sudo: z.boolean().default(false).meta({
    description:
      "Run btrfs by `sudo -n`, for a user who is not root: sending and receiving is for root alone.",
  }),
  program: Program.default("btrfs").meta({
    description: "The btrfs to run: a name found in PATH, or an absolute path.",
    examples: ["/usr/local/bin/btrfs"],
  }),
});
export type Options = z.output<typeof Options>;
