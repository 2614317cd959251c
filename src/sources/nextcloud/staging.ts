// Knows: how a staging folder is taken, emptied, and given back. Must not know: what is put into it.
import { randomUUID } from "node:crypto";
import { posix } from "node:path";
import * as z from "zod";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Host } from "../../hosts/host.ts";
import { machineOf, type MachinesByName } from "../../hosts/machines.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Ledger, Promised, Undo } from "../../kernel/ledger.ts";
import {
  deleteSubvolumesCommand,
  fileSystemCommand,
  linkCommand,
  makeFolderCommands,
  namesCommand,
  readLinkCommand,
  removeCommand,
  subvolumesCommand,
  touchCommand,
} from "./commands.ts";
import { dumpName, extraFolder, lockOf, markerFile, stagedNames } from "./layout.ts";

const kind = "nextcloud-staging";

const Data = z.object({
  host: z.string().optional(),
  staging: z.string(),
  token: z.string(),
  remove: z.array(z.string()),
});

/** Which staging folder. */
export interface StagingRequest {
  readonly host: Host;
  readonly path: string;
  readonly ledger: Ledger;
}

/** A staging folder that nobody else uses until it is disposed of. */
export interface Staging extends AsyncDisposable {
  readonly path: string;
  /**
   * Removes copies that an earlier run may have left under these names, and promises to do so again. Others stay
   * for the next time.
   */
  alsoEmpty(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** Why it could not be emptied when it was disposed of: sentences. */
  readonly troubles: readonly string[];
}

/**
 * Takes a staging folder and empties it of what an earlier run left. That it will be emptied again is promised
 * before. Throws `busy` when somebody else uses it, and `target-invalid` when it holds what is not ours.
 */
export async function takeStaging(request: StagingRequest, signal: AbortSignal): Promise<Staging> {
  const { host, path } = request;
  const token = randomUUID();
  const passing = stagedNames.filter((name) => name !== extraFolder);
  const promises = [promise(request, token, passing)];
  const troubles: string[] = [];
  let remove: readonly string[] = passing;
  const release = async (): Promise<void> => {
    try {
      // Also after an abort; what was copied is many files.
      await giveBack({ host, staging: path, token, remove }, AbortSignal.timeout(15 * 60_000));
      for (const each of promises) each.settle();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      troubles.push(`${path} could not be emptied, and the next run tries again: ${error.message}`);
    }
  };
  try {
    await lock(host, { path, token }, signal);
    for (const command of makeFolderCommands(path)) await host.run(command, signal);
    await mark({ host, path }, signal);
    await removeFrom({ host, staging: path, remove }, signal);
  } catch (error) {
    await release();
    throw error;
  }
  return {
    path,
    troubles,
    async alsoEmpty(names, until) {
      remove = [...remove, ...names];
      promises.push(promise(request, token, remove));
      await removeFrom({ host, staging: path, remove: names }, until);
    },
    [Symbol.asyncDispose]: release,
  };
}

function promise(
  { host, path, ledger }: StagingRequest,
  token: string,
  remove: readonly string[],
): Promised {
  const machine = host.remote === undefined ? {} : { host: host.name };
  return ledger.promise({
    kind,
    subject: `what was put together in ${path}`,
    data: { ...machine, staging: path, token, remove },
  });
}

/** One of several that try it at once succeeds. */
async function lock(
  host: Host,
  { path, token }: { readonly path: string; readonly token: string },
  signal: AbortSignal,
): Promise<void> {
  const link = lockOf(path);
  const [above] = makeFolderCommands(posix.dirname(path));
  if (above !== undefined) await host.run(above, signal);
  try {
    await host.run(linkCommand(token, link), signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const { stdout } = await host.run(readLinkCommand(link), signal);
    if (stdout === "") throw error;
    throw new HoldfastError("busy", `another backup puts something together in ${path}`, {
      hint: `let it finish, then try again; if none is under way: rm ${link}`,
    });
  }
}

/** Says that the folder is ours, unless something is in it that does not look like a staging folder. */
async function mark(
  { host, path }: { readonly host: Host; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const names = (await host.run(namesCommand(path), signal)).stdout.split("\0").slice(0, -1);
  if (names.includes(markerFile)) return;
  // What the Nextcloud backup script has left is gone on with.
  if (names.length > 0 && !names.includes(dumpName("none"))) {
    throw new HoldfastError(
      "target-invalid",
      `the staging folder ${path} holds something else, such as ${names[0]}`,
      { hint: "name a folder under `staging` that does not exist yet, or is empty" },
    );
  }
  await host.run(touchCommand(posix.join(path, markerFile)), signal);
}

interface Left {
  readonly host: Host;
  readonly staging: string;
  readonly remove: readonly string[];
}

async function removeFrom({ host, staging, remove }: Left, signal: AbortSignal): Promise<void> {
  const at = (name: string): string => posix.join(staging, name);
  const found = await subvolumesIn(host, staging, signal);
  const subvolumes = remove.filter((name) => found.includes(name)).map(at);
  if (subvolumes.length > 0) await host.run(deleteSubvolumesCommand(subvolumes), signal);
  await host.run(removeCommand(remove.map(at)), signal);
}

async function subvolumesIn(
  host: Host,
  folder: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { stdout: format } = await host.run(fileSystemCommand(folder), signal);
  // Elsewhere any folder can have the number of a subvolume.
  if (format.trim() !== "btrfs") return [];
  return (await host.run(subvolumesCommand(folder), signal)).stdout.split("\0");
}

/** Empties it and lets others have it. Succeeds when that was done already. */
async function giveBack(
  left: Left & { readonly token: string },
  signal: AbortSignal,
): Promise<void> {
  const { host, staging, token } = left;
  const link = lockOf(staging);
  // Another one's: then nothing of this one is there any more, or never was.
  if ((await host.run(readLinkCommand(link), signal)).stdout !== token) return;
  const [marker] = await host.inspect([posix.join(staging, markerFile)], signal);
  if (marker?.kind === "file") await removeFrom(left, signal);
  await host.run(removeCommand([link]), signal);
}

/** How what an interrupted run left is taken away. */
export function stagingUndoings(machines: MachinesByName): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      kind,
      async (entry, signal) => {
        const { host, ...left } = Data.parse(entry.data);
        await giveBack({ host: machineOf(machines, host), ...left }, signal);
      },
    ],
  ]);
}
