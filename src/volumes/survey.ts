// Knows: how a machine is asked for its devices and mounts. Must not know: which of them is wanted.
import type { Command, Host } from "../hosts/host.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { type BlockDevice, type Mount, readBlkid, readLsblk, readMounts } from "./block-devices.ts";

/** The devices and mounts of a machine at one moment. */
export interface Survey {
  readonly devices: readonly BlockDevice[];
  readonly mounts: readonly Mount[];
}

// A drive that has just been plugged in and fails can make these wait for ever.
const patienceMs = 60_000;

const columns = "NAME,KNAME,PATH,TYPE,FSTYPE,UUID,LABEL,PARTUUID,HOTPLUG";

/** A look that changes nothing. */
export function looking(...argv: Command["argv"]): Command {
  return { argv, effect: "reads", timeoutMs: patienceMs };
}

/**
 * Looks at all devices and mounts, without opening any device that udev has described. Throws what
 * `Host.run` throws, and `command-failed` when the answer is not understood.
 */
export async function survey(host: Host, signal: AbortSignal): Promise<Survey> {
  const [listing, mountinfo] = await Promise.all([
    host.run(looking("lsblk", "--json", "--output", columns), signal),
    host.run(looking("cat", "/proc/self/mountinfo"), signal),
  ]);
  const devices = readLsblk(listing.stdout);
  if (devices === undefined) {
    throw new HoldfastError("command-failed", "lsblk did not answer in a form that is understood", {
      hint: "lsblk of util-linux 2.33 or newer is needed; see: lsblk --version",
    });
  }
  return { devices: await described(devices, host, signal), mounts: readMounts(mountinfo.stdout) };
}

/**
 * Where no udev runs, as in a container, nobody has described any device: then they are read, which
 * only root may. Never where udev is: reading wakes sleeping disks.
 */
async function described(
  devices: readonly BlockDevice[],
  host: Host,
  signal: AbortSignal,
): Promise<readonly BlockDevice[]> {
  if (devices.some(({ content, uuid }) => content !== undefined || uuid !== undefined)) {
    return devices;
  }
  const argv = ["blkid", "--cache-file", "/dev/null", "--output", "export"] as const;
  // 2: there was nothing to say, as for everybody but root.
  const { stdout } = await host.run({ ...looking(...argv), okExits: [0, 2] }, signal);
  const found = readBlkid(stdout);
  return devices.map((device) => ({ ...device, ...found.get(device.path) }));
}

/** What tells this start of the machine from every other. */
export async function bootOf(host: Host, signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(looking("cat", "/proc/sys/kernel/random/boot_id"), signal);
  return stdout.trim();
}
