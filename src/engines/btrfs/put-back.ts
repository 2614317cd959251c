// Knows: how a whole snapshot takes the place of the subvolume that it was made of. Must not know: who chose it.
import { posix } from "node:path";
import * as z from "zod";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Undo } from "../../kernel/ledger.ts";
import type { PutBackRequest, PutBackResult, Work } from "../engine.ts";
import {
  deleteCommand,
  renameCommand,
  snapshotCommand,
  snapshotPath,
  type Setting,
} from "./commands.ts";
import { machineOf, type MachinesByName } from "../../hosts/machines.ts";
import { newName } from "./names.ts";
import type { Side } from "./side.ts";

const kind = "btrfs-put-back";

const Data = z.object({
  host: z.string().optional(),
  place: z.string(),
  aside: z.string(),
  fresh: z.string(),
  program: z.string(),
  sudo: z.boolean(),
});
type Data = z.output<typeof Data>;

/**
 * Makes a writable snapshot beside the place, gives what is there another name, and gives the new one
 * its. Between the last two nothing is in the place: that it gets back what was there is promised.
 */
export async function putBack(
  side: Side,
  { snapshot, place, host }: PutBackRequest,
  { signal }: Work,
): Promise<PutBackResult> {
  if (host !== side.host && host.name !== side.host.name) throw elsewhere(side);
  const [state] = await side.host.inspect([place], signal);
  if (state?.kind !== "missing" && (state?.kind !== "directory" || state.leadsTo !== undefined)) {
    throw new HoldfastError("target-invalid", `${place} is no subvolume that could be replaced`);
  }
  await mustBeMovable(side, place, signal);
  const moment = newName(new Date(), [], new Set());
  const data: Data = {
    ...(side.host.name === side.here.name ? {} : { host: side.host.name }),
    place,
    aside: `${place}.before-restore-${moment}`,
    fresh: `${place}.holdfast-restoring`,
    program: side.setting.program,
    sudo: side.setting.sudo,
  };
  const promised = side.ledger.promise({ kind, subject: `the subvolume ${place}`, data });
  await side.explained(async () => {
    await undo(side.host, data, signal);
    const from = snapshotPath(side.location, snapshot);
    await side.run(snapshotCommand(side.setting, { from, to: data.fresh, writable: true }), signal);
    // From here on an abort would leave nothing in the place: these two take no time.
    const patience = AbortSignal.timeout(60_000);
    if (state.kind === "directory") await rename(side, [place, data.aside], patience);
    await rename(side, [data.fresh, place], patience);
  });
  promised.settle();
  return state.kind === "directory" ? { aside: data.aside } : {};
}

async function rename(
  { host, setting }: { readonly host: Host; readonly setting: Setting },
  [from, to]: readonly [string, string],
  signal: AbortSignal,
): Promise<void> {
  const command = renameCommand(from, to);
  const argv = setting.sudo ? (["sudo", "-n", ...command.argv] as const) : command.argv;
  await host.run({ ...command, argv: [...argv] as [string, ...string[]] }, signal);
  const [left] = await host.inspect([from], signal);
  if (left?.kind === "missing") return;
  // What --no-clobber does not do, it does not say either.
  throw new HoldfastError(
    "target-invalid",
    `${to} exists already, so ${from} could not get that name`,
    {
      hint: "give it another name, then try again",
    },
  );
}

function elsewhere(side: Side): HoldfastError {
  const message = `repository "${side.name}" is on another machine than the subvolume`;
  return new HoldfastError("repository-unsupported", message, {
    hint: "restore from the repository that is on the file system of the subvolume: --from NAME",
  });
}

/** A subvolume that is mounted by itself cannot get another name where it is mounted. */
async function mustBeMovable({ host }: Side, place: string, signal: AbortSignal): Promise<void> {
  const { exitStatus } = await host.run(
    { argv: ["mountpoint", "-q", "--", place], effect: "reads", okExits: [0, 1, 32] },
    signal,
  );
  if (exitStatus !== 0) return;
  const folder = posix.join("/mnt", posix.basename(place));
  throw new HoldfastError(
    "target-invalid",
    `${place} is a mount point, and a subvolume can only be replaced where it lies in a folder`,
    {
      hint: `mount the top of its file system (mount -o subvolid=5 DEVICE ${folder}), name the subvolume there as the job's source, and restore again; or restore files with --target`,
    },
  );
}

/** Puts back what was in the place when nothing is, and takes away what was to come there. */
async function undo(host: Host, data: Data, signal: AbortSignal): Promise<void> {
  const { place, aside, fresh, ...setting } = data;
  const [now, before, coming] = await host.inspect([place, aside, fresh], signal);
  if (now?.kind === "missing" && before?.kind === "directory") {
    await rename({ host, setting }, [aside, place], signal);
  }
  if (coming?.kind === "directory") await host.run(deleteCommand(setting, [fresh]), signal);
}

/** How what an interrupted restore left is put back. */
export function putBackUndoings(machines: MachinesByName): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      kind,
      async (entry, signal) => {
        const data = Data.parse(entry.data);
        await undo(machineOf(machines, data.host), data, signal);
      },
    ],
  ]);
}
