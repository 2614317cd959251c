// Knows: which way of keeping files is taken, and why. Must not know: how it is done (keep.ts).
import { posix } from "node:path";
import { CommandFailed, lastWords } from "../../hosts/command-failed.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import {
  anyFileCommand,
  deleteSubvolumesCommand,
  flushCommand,
  reflinkCommand,
  removeCommand,
  snapshotCommand,
} from "./commands.ts";
import { trialFile, trialSnapshot } from "./layout.ts";
import { type Facts, type Ground, look } from "./look.ts";
import type { Capture, Options } from "./options.ts";

/** The way that is taken. */
export interface Choice {
  readonly capture: Capture;
  /** Why not one that comes before it: sentences without a final stop. */
  readonly instead: readonly string[];
  /** Of a snapshot: of which subvolume. */
  readonly subvolume?: string;
}

/** Why something cannot be done; undefined when it can, or when only trying tells. */
type Obstacle = string | undefined;

/** What speaks against a way of keeping files, by what was seen. */
export function obstacleTo(capture: "snapshot" | "reflink", facts: Facts): Obstacle {
  if (facts.nested !== undefined) {
    return `${facts.nested} is another file system or subvolume, which would be missing`;
  }
  if (capture === "reflink") return undefined;
  if (facts.fileSystem !== "btrfs") return `the data directory is on ${facts.fileSystem}`;
  if (facts.subvolume !== undefined) return undefined;
  return "the top of the subvolume that it is in cannot be reached from here";
}

/** Which way would be taken, as far as that can be said without trying. */
export function expected(wanted: Options["capture"], facts: Facts): Choice {
  if (wanted !== "auto") return { capture: wanted, instead: [], ...ofSnapshot(wanted, facts) };
  const instead: string[] = [];
  for (const capture of ["snapshot", "reflink"] as const) {
    const obstacle = obstacleTo(capture, facts) ?? unlikely(capture, facts);
    if (obstacle === undefined) return { capture, instead, ...ofSnapshot(capture, facts) };
    instead.push(`no ${capture}: ${obstacle}`);
  }
  return { capture: "staged", instead };
}

/** Only those are known to share blocks; others are tried. */
function unlikely(capture: Capture, { fileSystem }: Facts): Obstacle {
  if (capture !== "reflink" || ["btrfs", "xfs", "bcachefs", "zfs"].includes(fileSystem)) {
    return undefined;
  }
  return `${fileSystem} does not share blocks`;
}

function ofSnapshot(capture: Capture, { subvolume }: Facts): { readonly subvolume?: string } {
  return capture === "snapshot" && subvolume !== undefined ? { subvolume } : {};
}

/**
 * Chooses by trying, in a staging folder that is there. Throws `source-unreadable` when the way that the
 * configuration asks for cannot be taken.
 */
export async function choose(
  wanted: Options["capture"],
  ground: Ground,
  signal: AbortSignal,
): Promise<Choice> {
  if (wanted === "staged" || wanted === "direct") return { capture: wanted, instead: [] };
  const facts = await look(ground, signal);
  const instead: string[] = [];
  for (const capture of wanted === "auto" ? (["snapshot", "reflink"] as const) : [wanted]) {
    const obstacle =
      obstacleTo(capture, facts) ?? (await tried(capture, { ground, facts }, signal));
    if (obstacle === undefined) return { capture, instead, ...ofSnapshot(capture, facts) };
    instead.push(`no ${capture}: ${obstacle}`);
  }
  if (wanted === "auto") return { capture: "staged", instead };
  throw new HoldfastError("source-unreadable", `the files cannot be kept still: ${instead[0]}`, {
    hint: `name a \`staging\` folder on the same file system as ${ground.data}, or let \`capture\` be auto`,
  });
}

async function tried(
  capture: "snapshot" | "reflink",
  { ground, facts }: { readonly ground: Ground; readonly facts: Facts },
  signal: AbortSignal,
): Promise<Obstacle> {
  try {
    if (capture === "snapshot") await trySnapshot(ground, facts.subvolume ?? "", signal);
    else await tryReflink(ground, signal);
    return undefined;
  } catch (error) {
    if (error instanceof CommandFailed) return lastWords(error.result.stderr) || error.message;
    if (error instanceof HoldfastError && error.code === "tool-missing") return error.message;
    throw error;
  }
}

/** Also brings to the disk what would otherwise be written while Nextcloud is in maintenance. */
async function trySnapshot(ground: Ground, subvolume: string, signal: AbortSignal): Promise<void> {
  const { host, staging } = ground;
  const to = posix.join(staging, trialSnapshot);
  await host.run(flushCommand(subvolume), signal);
  await host.run(snapshotCommand(subvolume, to), signal);
  await host.run(deleteSubvolumesCommand([to]), signal);
}

async function tryReflink({ host, data, staging }: Ground, signal: AbortSignal): Promise<void> {
  const to = posix.join(staging, trialFile);
  const { stdout } = await host.run({ ...anyFileCommand(data), okExits: [0, 1] }, signal);
  const [file = ""] = stdout.split("\0");
  // Without any file there is nothing to share either.
  if (file === "") return;
  try {
    await host.run(reflinkCommand(file, to), signal);
  } finally {
    // Where blocks cannot be shared, an empty file is what remains.
    await host.run(removeCommand([to]), signal);
  }
}
