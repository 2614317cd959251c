// Knows: from which version on btrfs can what. Must not know: what it is used for.
import { kernelProtocolCommand, versionCommand } from "./commands.ts";
import { parseVersion } from "./output.ts";
import type { Side } from "./side.ts";

/** The oldest that is driven: before, its `subvolume list` and `send` are other ones. */
export const minimumVersion = "6.0";

// Earlier ones can receive compressed data too, and lost some of it: 6.2 is what Debian 12 has.
// https://github.com/kdave/btrfs-progs/blob/devel/CHANGES
const compressedDataFrom = [6, 14] as const;

/** Whether compressed data can go as it is: both tools and both kernels have to be able to. */
export async function canSendCompressed(
  from: Side,
  to: Side,
  signal: AbortSignal,
): Promise<boolean> {
  if (to.options["compressed-data"] === "never") return false;
  const able = await Promise.all([from, to].map(async (side) => await isAble(side, signal)));
  return able.every(Boolean);
}

async function isAble({ host, setting }: Side, signal: AbortSignal): Promise<boolean> {
  const version = parseVersion((await host.run(versionCommand(setting), signal)).stdout);
  if (!isAtLeast(version, compressedDataFrom)) return false;
  const { stdout } = await host.run(kernelProtocolCommand, signal);
  return Number(stdout) >= 2;
}

function isAtLeast(version: readonly number[], wanted: readonly number[]): boolean {
  for (const [index, part] of wanted.entries()) {
    const have = version[index] ?? 0;
    if (have !== part) return have > part;
  }
  return true;
}
