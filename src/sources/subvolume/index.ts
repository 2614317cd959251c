// Knows: that a subvolume of a btrfs can be read as it was at one moment. Must not know: who makes snapshots of it.
import * as z from "zod";
import type { Command, Host, PathState } from "../../hosts/host.ts";
import type { PreparedSubvolume } from "../../kernel/prepared-source.ts";
import {
  notReady,
  type Source,
  type SourceAccess,
  type SourceSpec,
  type SourceState,
} from "../source.ts";

/** A subvolume: its place, parsed into something that can be opened. */
export const subvolume = z
  .strictObject({
    subvolume: z
      .string()
      .min(1)
      .meta({
        description:
          "A subvolume of a btrfs: `VOLUME:PATH` on a configured volume, an absolute path, or ~/PATH. The only source of its job.",
        examples: ["/home", "data:photos"],
      }),
  })
  .transform(({ subvolume: at }): SourceSpec => ({
    kind: "subvolume",
    label: at,
    at,
    open: (access) => openSubvolume(at, access),
  }));

function openSubvolume(label: string, { host, location }: SourceAccess): Source {
  const observe = async (signal: AbortSignal): Promise<SourceState> => {
    const [found = { kind: "missing" }] = await host.inspect([location], signal);
    const state = stateOf(location, found);
    if (state.kind !== "ready") return state;
    const isOne = await isSubvolume(host, location, signal);
    return isOne ? state : { kind: "unreadable", reason: `${location} is no subvolume of a btrfs` };
  };
  return {
    label,
    paths: [location],
    observe,
    async prepare(signal): Promise<PreparedSubvolume> {
      const state = await observe(signal);
      if (state.kind !== "ready") throw notReady(label, state, hints);
      // A snapshot is made in one moment: nothing has to stand still for it, or be put back.
      return { kind: "subvolume", path: location, [Symbol.asyncDispose]: async () => {} };
    },
  };
}

function stateOf(path: string, found: PathState): SourceState {
  switch (found.kind) {
    case "missing":
      return { kind: "missing", reason: `${path} does not exist` };
    case "unreadable":
      return { kind: "unreadable", reason: `${path} cannot be read: ${found.reason}` };
    case "file":
    case "other":
      return { kind: "unreadable", reason: `${path} is no folder, and so no subvolume` };
    case "directory":
      return found.leadsTo === undefined
        ? { kind: "ready", empty: found.empty }
        : {
            kind: "unreadable",
            reason: `${path} is a symbolic link: write the place it leads to, ${found.leadsTo}`,
          };
  }
}

// The folder at the top of every subvolume has this number, and no other file of a btrfs has it
// (BTRFS_FIRST_FREE_OBJECTID; 2 is that of the empty folder that a snapshot has for a nested one).
const subvolumeInode = "256";

async function isSubvolume(host: Host, path: string, signal: AbortSignal): Promise<boolean> {
  const [inode, format] = await Promise.all([
    host.run(look(["stat", "-c", "%i", "--", path]), signal),
    host.run(look(["stat", "-f", "-c", "%T", "--", path]), signal),
  ]);
  return inode.stdout.trim() === subvolumeInode && format.stdout.trim() === "btrfs";
}

function look(argv: Command["argv"]): Command {
  return { argv, effect: "reads" };
}

const hints = {
  missing: "mount the disk it is on, or correct the path in the configuration",
  unreadable: "see which subvolumes there are with: btrfs subvolume list /",
};
