// Knows: how a volume is configured. Must not know: how one is looked at and attached.
import { homedir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { parseDeviceId } from "./device-id.ts";
import { openDrive } from "./drive-volume.ts";
import { openDirectory } from "./local-volume.ts";
import { markerName } from "./marker.ts";
import type { VolumeSpec } from "./volume.ts";
import { mountings } from "./way.ts";

const Unlock = z.strictObject({
  luks: z
    .union([
      z.strictObject({
        prompt: z.literal(true).meta({ description: "It is asked for at the terminal." }),
      }),
      SecretReference,
    ])
    .meta({
      description:
        "The passphrase of a LUKS container: a secret, or { prompt: true } to be asked at the terminal. It gets no line end.",
      examples: [{ keyring: "usb" }, { prompt: true }],
    }),
});

const Options = z.strictObject({
  path: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        "Where it is mounted: an absolute path, or on this machine ~/PATH. May be left out with `device`: then it is wherever that is mounted.",
      examples: ["/mnt/usb", "~"],
    }),
  host: z
    .string()
    .min(1)
    .optional()
    .meta({
      description: "The name of the host that it is on. Default: this machine.",
      examples: ["nas"],
    }),
  device: z
    .string()
    .refine((text) => parseDeviceId(text) !== undefined, {
      error:
        "is not the id of a file system, such as 5941f273-f73c-44c5-a3ef-fae7248db1b6, 1A2B-3C4D or 01D7A4E6B2C8F930, nor LABEL=… or PARTUUID=…; see: lsblk -f",
    })
    .optional()
    .meta({
      description:
        "The drive that has to be there: the UUID of its file system, or of its encrypted container where it is encrypted, as `lsblk -f` shows it; or LABEL=… or PARTUUID=…. With it the drive is mounted when it is needed.",
      examples: ["5941f273-f73c-44c5-a3ef-fae7248db1b6", "1A2B-3C4D", "LABEL=BACKUP"],
    }),
  unlock: Unlock.optional().meta({
    description:
      "How the drive is unlocked when it is needed. It is locked again afterwards, if it was locked before.",
    examples: [{ luks: { keyring: "usb" } }],
  }),
  mount: z.enum(mountings).default("auto").meta({
    description:
      "Who mounts the drive: `udisks`, where udisks or /etc/fstab decides the place; `direct`, with mount and cryptsetup as root, at `path`; `never`, if it is mounted already or not at all; `auto`, which is direct for root with a `path` or without udisks, and else udisks. Default: auto.",
  }),
  marker: z
    .boolean()
    .default(true)
    .meta({
      description: `Whether it counts as present only with the file ${markerName} in it, which \`holdfast init\` writes. Say false for a directory that is never away. Default: true.`,
    }),
});
type Options = z.output<typeof Options>;

/** A volume: its options, parsed into something that can be opened. */
export const AnyVolume = Options.superRefine(refuseContradictions).transform(specOf);

function refuseContradictions(options: Options, context: z.RefinementCtx): void {
  const { path, host, device, unlock, mount } = options;
  const refuse = (key: keyof Options, message: string): void =>
    context.addIssue({ code: "custom", path: [key], message });
  if (path === undefined && device === undefined) {
    context.addIssue({ code: "custom", message: "needs a path, or a device" });
  }
  if (host !== undefined && path?.startsWith("~") === true) {
    refuse("path", "a path on another host is absolute: ~ is a directory of this machine");
  }
  if (device === undefined && unlock !== undefined) {
    refuse("unlock", "only a drive that is known by its `device` can be unlocked");
  }
  if (device === undefined && (mount === "udisks" || mount === "direct")) {
    refuse("mount", "only a drive that is known by its `device` can be mounted");
  }
}

function specOf(options: Options): VolumeSpec {
  const { host, device, marker, mount, unlock } = options;
  const path = host === undefined ? inHome(options.path) : options.path;
  const id = device === undefined ? undefined : parseDeviceId(device);
  const common = {
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path }),
    ...(device === undefined ? {} : { device }),
    marker,
  };
  if (id === undefined || device === undefined) {
    const directory = { path: path ?? "", marker };
    return { ...common, open: (access) => openDirectory(directory, access) };
  }
  const passphrase = unlock === undefined ? {} : { passphrase: unlock.luks };
  const place = { ...common, id, device, mount, ...passphrase };
  return { ...common, open: (access) => openDrive(place, access) };
}

function inHome(path: string | undefined): string | undefined {
  const isHome = path === "~" || path?.startsWith("~/") === true;
  return path !== undefined && isHome ? join(homedir(), path.slice(1)) : path;
}
