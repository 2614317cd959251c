// Knows: what lsblk, blkid, the kernel's table of mounts and /etc/fstab say. Must not know: who asks.
import * as z from "zod";
import type { DeviceIds } from "./device-id.ts";

/** One disk, partition or unlocked container. */
export interface BlockDevice extends DeviceIds {
  /** For an unlocked container its name in /dev/mapper. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Every other path that the table of mounts may call it by. */
  readonly aliases: readonly string[];
  /** As lsblk says it: "disk", "part", "crypt", "loop", … */
  readonly type: string;
  /** What is on it, such as "btrfs" or "crypto_LUKS", where somebody knows. */
  readonly content?: string | undefined;
  /** It can be pulled out: udisks then asks for less permission. */
  readonly hotplug: boolean;
  /** The paths of what is made of it: partitions, unlocked containers. */
  readonly children: readonly string[];
}

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

const Node = z.object({
  name: z.string(),
  kname: z.string(),
  path: z.string(),
  type: z.string().nullish(),
  fstype: text,
  uuid: text,
  label: text,
  partuuid: text,
  hotplug: z.boolean().nullish(),
  get children() {
    return z.array(Node).nullish();
  },
});
type Node = z.output<typeof Node>;

const Listing = z.object({ blockdevices: z.array(Node) });

/** Every device that lsblk lists, each once. Undefined when its output is not understood. */
export function readLsblk(stdout: string): readonly BlockDevice[] | undefined {
  const parsed = Listing.safeParse(jsonOf(stdout));
  if (!parsed.success) return undefined;
  const devices = new Map<string, BlockDevice>();
  const add = (node: Node): void => {
    const { fstype, kname, children, hotplug, ...rest } = node;
    const device = {
      ...rest,
      type: node.type ?? "unknown",
      content: fstype,
      hotplug: hotplug ?? false,
      aliases: [`/dev/${kname}`, `/dev/mapper/${node.name}`],
      children: (children ?? []).map(({ path }) => path),
    };
    devices.set(node.path, device);
    for (const child of children ?? []) add(child);
  };
  for (const node of parsed.data.blockdevices) add(node);
  return [...devices.values()];
}

function jsonOf(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined; // Not what lsblk prints: the schema refuses it.
  }
}

/** What `blkid --output export` found by reading the devices: their ids and contents, by path. */
export function readBlkid(
  stdout: string,
): ReadonlyMap<string, DeviceIds & { readonly content?: string | undefined }> {
  const blocks = stdout.split(/\n\n+/).map((block) => {
    const lines = block.split("\n").map((line): [string, string] => {
      const at = line.indexOf("=");
      // It puts a backslash before what a shell would take for more than text.
      return [line.slice(0, at), line.slice(at + 1).replaceAll(/\\(.)/g, "$1")];
    });
    return new Map(lines);
  });
  return new Map(
    blocks.flatMap((block) => {
      const path = block.get("DEVNAME");
      if (path === undefined) return [];
      const ids = {
        uuid: block.get("UUID"),
        label: block.get("LABEL"),
        partuuid: block.get("PARTUUID"),
        content: block.get("TYPE"),
      };
      return [[path, ids] as const];
    }),
  );
}

/** One line of the table of mounts. */
export interface Mount {
  /** The device, as whoever mounted it called it. */
  readonly source: string;
  /** Absolute. */
  readonly target: string;
  /** Which folder of the file system is seen there: "/" is all of it. */
  readonly root: string;
  readonly readOnly: boolean;
}

/** The lines of /proc/self/mountinfo (proc(5)), in the order in which they were mounted. */
export function readMounts(mountinfo: string): readonly Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, target, options = ""] = before.split(" ").map(plain);
    const [, source, superOptions = ""] = after.split(" ").map(plain);
    if (root === undefined || target === undefined || source === undefined) return [];
    const readOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
    return [{ source, target, root, readOnly }];
  });
}

/** The mount points for which /etc/fstab has a line. */
export function readFstab(fstab: string): readonly { source: string; target: string }[] {
  return fstab.split("\n").flatMap((line) => {
    const [source, target] = line.trim().split(/\s+/).map(plain);
    if (source === undefined || target === undefined || source.startsWith("#")) return [];
    return [{ source, target }];
  });
}

/** The kernel writes blanks, tabs, line feeds and backslashes as three octal digits, byte by byte. */
function plain(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCodePoint(Number.parseInt(octal, 8)),
  );
}
