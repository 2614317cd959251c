// Knows: what a survey says of one drive. Pure. Must not know: what follows from it.
import type { BlockDevice, Mount } from "./block-devices.ts";
import { carries, type DeviceId } from "./device-id.ts";
import type { Survey } from "./survey.ts";

/** A drive as a survey shows it. */
export type Drive =
  | { readonly kind: "absent" }
  /** Several carry the id, which a copied drive does. */
  | { readonly kind: "ambiguous"; readonly paths: readonly string[] }
  | { readonly kind: "locked"; readonly container: BlockDevice }
  | {
      readonly kind: "open";
      /** Its encrypted container, where it has one. */
      readonly container?: BlockDevice;
      /** The device that can be mounted. */
      readonly fileSystem: BlockDevice;
      /** Where it is mounted, what was mounted first first. */
      readonly mounts: readonly Mount[];
    };

/** Finds the drive with an id. */
export function findDrive({ devices, mounts }: Survey, id: DeviceId): Drive {
  const carriers = devices.filter((device) => carries(device, id));
  // A disk with several paths, and a partition that is all of its disk, carry what is in them.
  const found = carriers.filter(
    ({ children }) => !carriers.some(({ path }) => children.includes(path)),
  );
  const [first] = found;
  if (first === undefined) return { kind: "absent" };
  // The devices of one btrfs file system all carry its id, and each of them stands for it.
  if (found.length > 1 && found.some(({ content }) => content !== "btrfs")) {
    return { kind: "ambiguous", paths: found.map(({ path }) => path) };
  }
  const inside = first.children
    .map((path) => devices.find((device) => device.path === path))
    .find((child) => child?.type === "crypt");
  if (inside !== undefined) {
    const ours = mountsOf(mounts, [inside]);
    return { kind: "open", container: first, fileSystem: inside, mounts: ours };
  }
  if (first.content === "crypto_LUKS") return { kind: "locked", container: first };
  return { kind: "open", fileSystem: first, mounts: mountsOf(mounts, found) };
}

/** The mounts of any of these devices. */
export function mountsOf(
  mounts: readonly Mount[],
  devices: readonly Pick<BlockDevice, "path" | "aliases">[],
): readonly Mount[] {
  const names = new Set(devices.flatMap(({ path, aliases }) => [path, ...aliases]));
  return mounts.filter(({ source }) => names.has(source));
}

/** The mount that a path without links is on. */
export function mountAt(mounts: readonly Mount[], path: string): Mount | undefined {
  // What was mounted later at the same place hides what was there.
  return mounts
    .filter(({ target }) => isBelow(path, target))
    .reduce<Mount | undefined>(
      (best, mount) =>
        best === undefined || mount.target.length >= best.target.length ? mount : best,
      undefined,
    );
}

/** Of several mounts the one that shows most of the file system. */
export function widestMount(mounts: readonly Mount[]): Mount | undefined {
  return mounts.toSorted((a, b) => a.root.length - b.root.length)[0];
}

function isBelow(path: string, directory: string): boolean {
  if (path === directory) return true;
  return path.startsWith(directory.endsWith("/") ? directory : `${directory}/`);
}

/** The name under which an unlocked container appears in /dev/mapper: the one that udisks gives too. */
export function mapperName({ uuid, name }: BlockDevice): string {
  return `luks-${uuid ?? name}`;
}
