// Knows: how files are kept as they are at one moment. Must not know: why nobody writes to them then.
import { posix } from "node:path";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Host } from "../../hosts/host.ts";
import type { Choice } from "./choose.ts";
import {
  flushCommand,
  hasOnlyVanished,
  reflinkCommand,
  snapshotCommand,
  synchroniseCommand,
} from "./commands.ts";
import { subvolumeFolder } from "./layout.ts";
import type { Ground } from "./look.ts";

/** One way of keeping files, decided. */
export interface Keeping {
  /** Where the files are afterwards: relative to the staging folder, or absolute. */
  readonly data: string;
  /** What can be done while everybody still writes. */
  before(signal: AbortSignal): Promise<void>;
  /** Keeps them as they are now. Answers with what is to be said of that. */
  keep(signal: AbortSignal): Promise<readonly string[]>;
}

/** The way that was chosen. */
export function keepingOf(choice: Choice, ground: Ground): Keeping {
  const { host, data, staging } = ground;
  const name = posix.basename(data);
  const to = posix.join(staging, name);
  const flush = async (signal: AbortSignal): Promise<void> => {
    await host.run(flushCommand(data), signal);
  };
  switch (choice.capture) {
    case "snapshot":
      return snapshot(host, { data, staging, subvolume: choice.subvolume ?? data }, flush);
    case "reflink":
      return {
        data: name,
        before: flush,
        async keep(signal) {
          return await copyWhatStays(host, { data, to }, signal);
        },
      };
    case "staged":
      return {
        data: name,
        async before(signal) {
          await host.run(synchroniseCommand(data, to), signal);
        },
        async keep(signal) {
          const { exitStatus } = await host.run(synchroniseCommand(data, to), signal);
          return exitStatus === 0 ? [] : vanishedNotes;
        },
      };
    case "direct":
      return { data, before: async () => {}, keep: async () => [] };
  }
}

// What was begun before maintenance goes on in it, such as cron.php, which removes old versions.
const vanishedNotes = ["files vanished while Nextcloud was in maintenance"] as const;

/** As rsync does: a file that is removed before its turn is none that is missing. */
async function copyWhatStays(
  host: Host,
  { data, to }: { readonly data: string; readonly to: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    await host.run(reflinkCommand(data, to), signal);
    return [];
  } catch (error) {
    if (!(error instanceof CommandFailed) || !hasOnlyVanished(error.result)) throw error;
    const [copy] = await host.inspect([to], signal);
    if (copy?.kind !== "directory") throw error;
    return vanishedNotes;
  }
}

function snapshot(
  host: Host,
  of: { readonly data: string; readonly staging: string; readonly subvolume: string },
  before: Keeping["before"],
): Keeping {
  const { data, staging, subvolume } = of;
  const folder = subvolume === data ? posix.basename(data) : subvolumeFolder;
  return {
    data: posix.join(folder, posix.relative(subvolume, data)),
    before,
    async keep(signal) {
      await host.run(snapshotCommand(subvolume, posix.join(staging, folder)), signal);
      return [];
    },
  };
}
