// Knows: the private folder that a dump lies in while it is backed up. Must not know: what is dumped.
import { randomUUID } from "node:crypto";
import * as z from "zod";
import { CommandFailed } from "../hosts/command-failed.ts";
import type { Command, Host } from "../hosts/host.ts";
import { machineOf, type MachinesByName } from "../hosts/machines.ts";
import { showLineOn } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Ledger, Undo } from "../kernel/ledger.ts";

const kind = "dump-staging";

const Data = z.object({
  host: z.string().optional(),
  folder: z.string(),
  token: z.string(),
});

/** Which folder, and for what. */
export interface DumpStagingRequest {
  readonly host: Host;
  /** Absolute. What is in it is ours. */
  readonly folder: string;
  /** What a person calls the thing that is dumped. */
  readonly subject: string;
  readonly ledger: Ledger;
}

/** A folder (0700) that nobody else uses, and that is gone when it is disposed of. */
export interface DumpStaging extends AsyncDisposable {
  /** Why it could not be removed when it was disposed of: sentences. */
  readonly troubles: readonly string[];
}

// Of several that try it at once one makes the link. What an earlier run left is not taken for this one's.
const taking = String.raw`
umask 077
mkdir -p -- "$(dirname -- "$1")" || exit
ln -s -- "$2" "$1.lock" || exit 3
rm -rf -- "$1" && mkdir -- "$1"
`;

// Another one's lock: then nothing of this one is there any more, or never was.
const givingBack = String.raw`
[ "$(readlink -- "$1.lock")" = "$2" ] || exit 0
rm -rf -- "$1" && rm -f -- "$1.lock"
`;

function takeCommand(folder: string, token: string): Command {
  return { argv: ["sh", "-c", taking, "sh", folder, token], effect: "writes" };
}

function giveBackCommand(folder: string, token: string): Command {
  return { argv: ["sh", "-c", givingBack, "sh", folder, token], effect: "writes" };
}

/** Makes the folder, after it was promised that it goes again. Throws `busy` while somebody else uses it. */
export async function takeDumpStaging(
  { host, folder, subject, ledger }: DumpStagingRequest,
  signal: AbortSignal,
): Promise<DumpStaging> {
  const token = randomUUID();
  const machine = host.remote === undefined ? {} : { host: host.name };
  const data = { ...machine, folder, token };
  const promised = ledger.promise({ kind, subject: `the dump of ${subject}`, data });
  const troubles: string[] = [];
  const release = async (): Promise<void> => {
    try {
      await host.run(giveBackCommand(folder, token), new AbortController().signal);
      promised.settle();
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      troubles.push(
        `${folder} could not be removed, and the next run tries again: ${error.message}`,
      );
    }
  };
  try {
    await host.run(takeCommand(folder, token), signal);
  } catch (error) {
    await release();
    throw isTaken(error) ? busy(host, folder) : error;
  }
  return { troubles, [Symbol.asyncDispose]: release };
}

function isTaken(error: unknown): boolean {
  return error instanceof CommandFailed && error.result.exitStatus === 3;
}

function busy(host: Host, folder: string): HoldfastError {
  const hint = `let it finish, then try again; if none is under way: ${showLineOn(host, `rm '${folder}.lock'`)}`;
  return new HoldfastError("busy", `another backup has its dump in ${folder}`, { hint });
}

/** How what an interrupted run left is taken away. `machines`: by their names; without a name, this one. */
export function dumpUndoings(machines: MachinesByName): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      kind,
      async (entry, signal) => {
        const { host, folder, token } = Data.parse(entry.data);
        await machineOf(machines, host).run(giveBackCommand(folder, token), signal);
      },
    ],
  ]);
}
