// Knows: how a person names a drive, and which block device that is. Must not know: what is on it.

/** The name of a device that it carries itself, whatever it is plugged into. */
export interface DeviceId {
  readonly kind: "UUID" | "LABEL" | "PARTUUID";
  readonly value: string;
}

/** What a block device says of itself. */
export interface DeviceIds {
  readonly uuid?: string | undefined;
  readonly label?: string | undefined;
  readonly partuuid?: string | undefined;
}

// Of ext4, btrfs, XFS and LUKS; of FAT and exFAT; of NTFS.
const uuidForms = [
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  /^[0-9a-f]{4}-[0-9a-f]{4}$/i,
  /^[0-9a-f]{16}$/i,
];

/**
 * Reads the id of a file system or of an encrypted container in any of its forms, or `LABEL=…`,
 * `PARTUUID=…` and `UUID=…`. Undefined when the text is none.
 */
export function parseDeviceId(text: string): DeviceId | undefined {
  const [, kind, value = ""] = /^(UUID|LABEL|PARTUUID)=(.+)$/s.exec(text) ?? [];
  if (kind === "LABEL") return { kind, value };
  if (kind === "PARTUUID") return /^[0-9a-f-]+$/i.test(value) ? { kind, value } : undefined;
  const uuid = kind === undefined ? text : value;
  return uuidForms.some((form) => form.test(uuid)) ? { kind: "UUID", value: uuid } : undefined;
}

/** The id as `mount`, `blkid` and /etc/fstab write it. */
export function writtenId({ kind, value }: DeviceId): string {
  return `${kind}=${value}`;
}

/** Whether a device carries the id. Ids are the same in capital and small letters, labels are not. */
export function carries({ uuid, label, partuuid }: DeviceIds, { kind, value }: DeviceId): boolean {
  if (kind === "LABEL") return label === value;
  return (kind === "UUID" ? uuid : partuuid)?.toLowerCase() === value.toLowerCase();
}
