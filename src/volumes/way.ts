// Knows: by which tools a drive can be unlocked and mounted on a machine. Must not know: whether it shall be.
import { CommandFailed, lastWords } from "../hosts/command-failed.ts";
import type { Host } from "../hosts/host.ts";
import { showLineOn } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Way } from "./mount-commands.ts";
import { looking } from "./survey.ts";

/** What is configured: by whom a drive is mounted. */
export const mountings = ["auto", "udisks", "direct", "never"] as const;
export type Mounting = (typeof mountings)[number];

/** Why a drive cannot be mounted, whatever drive it is. */
export interface Obstacle {
  /** Stable, as in the findings of `doctor`. */
  readonly code: string;
  readonly reason: string;
  readonly hint: string;
}

/** What there is on a machine to mount with. */
export interface Means {
  readonly root: boolean;
  /** Not "asked" where the way does not depend on it: asking would start it. */
  readonly udisks: "answers" | "missing" | "not asked" | { readonly silent: string };
}

/** What is configured, as far as the way depends on it. */
interface Wish {
  readonly mount: Mounting;
  readonly path?: string;
}

/** Asks a machine what there is to mount with. Starts udisks where it is installed and may be needed. */
export async function meansOf(host: Host, wish: Wish, signal: AbortSignal): Promise<Means> {
  const { stdout } = await host.run(looking("id", "-u"), signal);
  const root = stdout.trim() === "0";
  return { root, udisks: isDirect(wish, root) ? "not asked" : await udisksOf(host, signal) };
}

/** Root mounts at a configured path by itself: udisks would choose another one, unless /etc/fstab said it. */
function isDirect({ mount, path }: Wish, root: boolean): boolean {
  return mount === "direct" || (mount === "auto" && root && path !== undefined);
}

async function udisksOf(host: Host, signal: AbortSignal): Promise<Means["udisks"]> {
  try {
    await host.run(looking("udisksctl", "status"), signal);
    return "answers";
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    if (error.code === "tool-missing") return "missing";
    if (error instanceof CommandFailed) return { silent: lastWords(error.result.stderr) };
    throw error;
  }
}

/** The way by which a drive is mounted, or what is in the way. */
export function wayOf(wish: Wish, { root, udisks }: Means, host: Host): Way | Obstacle {
  const direct = isDirect(wish, root);
  if (direct && root) return "direct";
  if (direct) {
    return {
      code: "root-needed",
      reason: "only root can mount without udisks",
      hint: "run holdfast as root, or say mount: udisks",
    };
  }
  if (udisks === "answers") return "udisks";
  if (wish.mount === "auto" && root) return "direct";
  if (typeof udisks === "string") {
    return {
      code: "udisks-missing",
      reason: "udisks is not installed, and only root can mount without it",
      hint: showLineOn(host, "sudo apt-get install udisks2 udisks2-btrfs libblockdev-crypto2"),
    };
  }
  return {
    code: "udisks-not-running",
    reason: `udisks does not answer: ${udisks.silent}`,
    hint: showLineOn(host, "sudo systemctl start udisks2"),
  };
}

/** Whether device files come and go by udev there. */
export async function udevRuns(host: Host, signal: AbortSignal): Promise<boolean> {
  const [udev] = await host.inspect(["/run/udev/control"], signal);
  return udev !== undefined && udev.kind !== "missing";
}
