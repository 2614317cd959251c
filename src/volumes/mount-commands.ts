// Knows: the command lines that unlock, mount, unmount and lock. Pure. Must not know: when that is right.
import type { Command } from "../hosts/host.ts";
import type { Secret } from "../kernel/secret.ts";

/** Who does it: udisks for anybody whom polkit lets, or mount(8) and cryptsetup(8) as root. */
export type Way = "udisks" | "direct";

// Argon2 takes its seconds, a file system that was not unmounted is checked, a slow drive is flushed.
const patienceMs = 10 * 60_000;

function changing(argv: Command["argv"], more: Partial<Command> = {}): Command {
  const { env, ...others } = more;
  // What goes wrong is told by its words.
  return {
    argv,
    effect: "writes",
    timeoutMs: patienceMs,
    env: { LC_ALL: "C", ...env },
    ...others,
  };
}

function udisks(verb: string, device: string, ...options: readonly string[]): Command["argv"] {
  return ["udisksctl", verb, "--block-device", device, ...options, "--no-user-interaction"];
}

/** Of a container and the name that it gets in /dev/mapper. The passphrase goes in as input. */
export interface Unlocking {
  readonly container: string;
  readonly mapper: string;
  readonly passphrase: Secret;
  /** No udev runs there: cryptsetup would wait for it for ever. */
  readonly withoutUdev: boolean;
}

/** Opens an encrypted container. */
export function unlocking(way: Way, unlock: Unlocking): Command {
  const { container, mapper, passphrase } = unlock;
  if (way === "udisks") {
    // It opens its standard input by name, which works with a pipe and not with the socket that it may
    // be here or behind ssh. `cat` makes a pipe of either, and no passphrase is ever in a file.
    const argv = udisks("unlock", container, "--key-file", "/dev/stdin");
    return changing(["sh", "-c", 'cat | "$@"', "sh", ...argv], { stdin: passphrase });
  }
  const argv = ["cryptsetup", "open", "--type", "luks", "--key-file", "-"] as const;
  return changing([...argv, "--", container, mapper], { stdin: passphrase, ...udevless(unlock) });
}

/** Closes an encrypted container: udisks by its device, cryptsetup by its name in /dev/mapper. */
export function locking(
  way: Way,
  lock: { readonly container: string; readonly mapper: string; readonly withoutUdev: boolean },
): Command {
  if (way === "udisks") return changing(udisks("lock", lock.container));
  return changing(["cryptsetup", "close", "--", lock.mapper], udevless(lock));
}

function udevless({ withoutUdev }: { readonly withoutUdev: boolean }): Partial<Command> {
  return withoutUdev ? { env: { DM_DISABLE_UDEV: "1" } } : {};
}

/** Mounts where udisks or a line of /etc/fstab says. */
export function mountingByUdisks(device: string): Command {
  return changing(udisks("mount", device));
}

/** Mounts at a path. With a line of /etc/fstab for it, that line says what and how. */
export function mountingAt(path: string, device: string, inFstab: boolean): Command {
  if (inFstab) return changing(["mount", "--", path]);
  // What comes with a drive that was elsewhere shall gain nobody any rights here.
  const argv = [
    "mount",
    "--options",
    "nosuid,nodev",
    "--source",
    device,
    "--target",
    path,
  ] as const;
  return changing([...argv]);
}

/** Makes sure that all that was written there is on the drive: unmounting does not tell when it is not. */
export function flushing(target: string): Command {
  return changing(["sync", "--file-system", "--", target]);
}

/** Unmounts, never lazily: what still uses it would go on writing to a drive that looks free. */
export function unmounting(
  way: Way,
  mount: { readonly device: string; readonly target: string },
): Command {
  if (way === "udisks") return changing(udisks("unmount", mount.device));
  return changing(["umount", "--", mount.target]);
}
