// Knows: how what is received stays apart until it is complete, and is taken away when it does not get there.
import type { Host } from "../../hosts/host.ts";
import type { LedgerEntry, Promised, Undo } from "../../kernel/ledger.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import * as z from "zod";
import {
  createCommand,
  deleteCommand,
  namesCommand,
  snapshotPath,
  type Setting,
} from "./commands.ts";
import { machineOf, type MachinesByName } from "../../hosts/machines.ts";
import { parseNames } from "./output.ts";
import type { Side } from "./side.ts";

/** A place to receive into, which vanishes with all that is in it. */
export interface Receiving extends AsyncDisposable {
  readonly path: string;
}

const kind = "btrfs-receiving";

const Data = z.object({
  host: z.string().optional(),
  path: z.string(),
  program: z.string(),
  sudo: z.boolean(),
});

/**
 * Makes the place. That it will be taken away is promised before; what an earlier receiving of this
 * machine left there is taken away first.
 */
export async function openReceiving(side: Side, signal: AbortSignal): Promise<Receiving> {
  const { receiving: path, host, setting } = side;
  const promised = side.ledger.promise(entryOf(side));
  await side.explained(async () => {
    await discard({ host, setting, path }, signal);
    await host.run(createCommand(setting, path), signal);
  });
  return { path, [Symbol.asyncDispose]: async () => await end(side, promised) };
}

async function end({ host, setting, receiving: path }: Side, promised: Promised): Promise<void> {
  // Also after an abort: what was begun is ended, and nobody waits long for it.
  const patience = AbortSignal.timeout(60_000);
  try {
    await discard({ host, setting, path }, patience);
  } catch {
    // It is owed still: the next start, or the next copy to this place, takes it away.
    return;
  }
  promised.settle();
}

function entryOf(side: Side): LedgerEntry {
  const { host, here, setting } = side;
  return {
    kind,
    subject: `a half-received snapshot in repository ${side.name}`,
    data: {
      ...(host.name === here.name ? {} : { host: host.name }),
      path: side.receiving,
      program: setting.program,
      sudo: setting.sudo,
    },
  };
}

interface Left {
  readonly host: Host;
  readonly setting: Setting;
  readonly path: string;
}

/** Deletes the place and the subvolumes in it. Succeeds when there is none. */
async function discard({ host, setting, path }: Left, signal: AbortSignal): Promise<void> {
  const [state] = await host.inspect([path], signal);
  if (state?.kind === "missing") return;
  if (state?.kind !== "directory" || state.leadsTo !== undefined) {
    throw new HoldfastError("repository-unsupported", `${path} is no folder for receiving`, {
      hint: "it is not of holdfast's making: give it another name, or delete it",
    });
  }
  const { stdout } = await host.run(namesCommand(path), signal);
  const inside = parseNames(stdout).map((name) => snapshotPath(path, name));
  await host.run(deleteCommand(setting, [...inside.toSorted(), path]), signal);
}

/** How what an interrupted copy left is taken away. What is gone already is undone. */
export function receivingUndoings(machines: MachinesByName): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      kind,
      async (entry, signal) => {
        const { host, path, program, sudo } = Data.parse(entry.data);
        await discard(
          { host: machineOf(machines, host), setting: { program, sudo }, path },
          signal,
        );
      },
    ],
  ]);
}
