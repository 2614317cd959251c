// Knows: how a volume on this machine is configured. Must not know: how it is looked at (local-volume).
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { localVolume, markerName } from "./local-volume.ts";
import type { VolumeSpec } from "./volume.ts";

const Options = z.strictObject({
  path: z
    .string()
    .min(1)
    .meta({
      description: "Where it is mounted: an absolute path, or ~/PATH.",
      examples: ["/mnt/usb", "~"],
    }),
  marker: z
    .boolean()
    .default(true)
    .meta({
      description: `Whether it counts as present only with the file ${markerName} in it, which \`holdfast init\` writes. Say false for a directory that is never away. Default: true.`,
    }),
});

/** A volume on this machine: its options, parsed into something that can be opened. */
export const local = Options.transform((options): VolumeSpec =>
  localVolume({ ...options, path: inHome(options.path) }),
);

function inHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}
