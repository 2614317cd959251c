// Knows: how a drive that this program unlocked or mounted is put back. Must not know: why it was.
import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailed, lastWords } from "../hosts/command-failed.ts";
import type { Host } from "../hosts/host.ts";
import { machineOf, type MachinesByName } from "../hosts/machines.ts";
import { showLineOn } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Undo } from "../kernel/ledger.ts";
import type { BlockDevice, Mount } from "./block-devices.ts";
import { type DeviceId, parseDeviceId } from "./device-id.ts";
import { findDrive, mountsOf } from "./drive.ts";
import {
  type Mounted,
  mountedKind,
  readMounted,
  readUnlocked,
  type Unlocked,
  unlockedKind,
} from "./ledger-entries.ts";
import { flushing, locking, unmounting } from "./mount-commands.ts";
import { bootOf, type Survey, survey } from "./survey.ts";
import { udevRuns } from "./way.ts";

/**
 * How the entries of volumes are undone. What is not there any more, because the drive was pulled out
 * or the machine was started again or somebody else did it, is undone. Throws `unmount-failed` while
 * something uses the drive, and `host-unreachable`: then it is owed still.
 */
export function volumeUndoings(machines: MachinesByName): ReadonlyMap<string, Undo> {
  return new Map<string, Undo>([
    [
      mountedKind,
      async (entry, signal) => {
        const mounted = readMounted(entry);
        await undoMount(machineOf(machines, mounted.host), mounted, signal);
      },
    ],
    [
      unlockedKind,
      async (entry, signal) => {
        const unlocked = readUnlocked(entry);
        await undoUnlock(machineOf(machines, unlocked.host), unlocked, signal);
      },
    ],
  ]);
}

// A program that looks at a new drive, such as an indexer, lets go of it soon.
const tries = 10;
const pauseMs = 1000;

/** Unmounts what was mounted, after all of it was written. Succeeds when it is not mounted. */
export async function undoMount(host: Host, entry: Mounted, signal: AbortSignal): Promise<void> {
  if ((await bootOf(host, signal)) !== entry.boot) return;
  const found = await survey(host, signal);
  const mount = ourMount(found, entry);
  if (mount !== undefined) {
    const unwritten = await flushed(host, mount, signal);
    await unmounted(host, { entry, mount }, signal);
    if (unwritten !== undefined) throw unwritten;
  }
  if (entry.made && entry.target !== undefined) {
    const argv = ["rmdir", "--ignore-fail-on-non-empty", "--", entry.target] as const;
    // 1: it is gone already.
    await host.run({ argv, effect: "writes", okExits: [0, 1] }, signal);
  }
}

function ourMount({ devices, mounts }: Survey, entry: Mounted): Mount | undefined {
  const { source, target, way, device } = entry;
  const known = devices.find(({ path }) => path === source);
  const ofSource = mountsOf(mounts, [known ?? { path: source, aliases: [] }]);
  if (target !== undefined) return ofSource.findLast((mount) => mount.target === target);
  // Another drive may have come to the same path since.
  if (way === "udisks" && known !== undefined && !isOf(known, idOf(device), devices)) {
    return undefined;
  }
  return ofSource[0];
}

function isOf(device: BlockDevice, id: DeviceId, devices: readonly BlockDevice[]): boolean {
  const drive = findDrive({ devices, mounts: [] }, id);
  // A container that was pulled out leaves what is inside it behind.
  if (drive.kind === "absent") return device.type === "crypt";
  return drive.kind === "open" && drive.fileSystem.path === device.path;
}

function idOf(device: string): DeviceId {
  return parseDeviceId(device) ?? { kind: "LABEL", value: device };
}

/** What went wrong with writing: the mount is to go all the same. */
async function flushed(
  host: Host,
  { target }: Mount,
  signal: AbortSignal,
): Promise<HoldfastError | undefined> {
  try {
    await host.run(flushing(target), signal);
    return undefined;
  } catch (cause) {
    if (!(cause instanceof CommandFailed)) throw cause;
    const said = lastWords(cause.result.stderr);
    const message = `not all that was written to ${target} has reached the drive: ${said}`;
    const hint = "run the job again, then: holdfast check";
    return new HoldfastError("unmount-failed", message, { hint, cause });
  }
}

async function unmounted(
  host: Host,
  { entry, mount }: { readonly entry: Mounted; readonly mount: Mount },
  signal: AbortSignal,
): Promise<void> {
  const command = unmounting(entry.way, { device: entry.source, target: mount.target });
  const stillThere = async () => ourMount(await survey(host, signal), entry) !== undefined;
  await persist(
    async () => {
      await host.run(command, signal);
    },
    { stillThere, signal },
    (cause) => {
      const message = `volume "${entry.volume}" is still mounted at ${mount.target}: ${reasonOf(cause)}`;
      const who = showLineOn(host, `sudo fuser --verbose --mount '${mount.target}'`);
      const hint = `see who uses it with: ${who}; then: holdfast recover`;
      return new HoldfastError("unmount-failed", message, { hint, cause });
    },
  );
}

/** Locks what was unlocked. Succeeds when it is locked, or not there. */
export async function undoUnlock(host: Host, entry: Unlocked, signal: AbortSignal): Promise<void> {
  if ((await bootOf(host, signal)) !== entry.boot) return;
  const open = async () => stillOpen(await survey(host, signal), entry);
  const found = await open();
  if (found === undefined) return;
  const [mount] = found.mounts;
  if (mount !== undefined) throw stillMounted(host, entry, mount);
  const withoutUdev = !(await udevRuns(host, signal));
  await persist(
    async () => {
      // Of a drive that was pulled out, udisks itself closes what is left; it has no name for it.
      const { container } = found;
      if (entry.way === "udisks" && container === undefined) return;
      const lock = { container: container ?? "", mapper: found.mapper, withoutUdev };
      await host.run(locking(entry.way, lock), signal);
    },
    { stillThere: async () => (await open()) !== undefined, signal },
    (cause) => {
      const message = `volume "${entry.volume}" is still unlocked: ${reasonOf(cause)}`;
      const by = showLineOn(host, `sudo cryptsetup close '${found.mapper}'`);
      const hint = `try again with: holdfast recover; or by hand: ${by}`;
      return new HoldfastError("unmount-failed", message, { hint, cause });
    },
  );
}

/** An unlocked container. Without the path of the container, the drive was pulled out. */
interface Opened {
  readonly container?: string;
  readonly mapper: string;
  readonly mounts: readonly Mount[];
}

function stillOpen(found: Survey, { device, mapper }: Unlocked): Opened | undefined {
  const drive = findDrive(found, idOf(device));
  if (drive.kind === "open" && drive.container !== undefined) {
    const { container, fileSystem, mounts } = drive;
    return { container: container.path, mapper: fileSystem.name, mounts };
  }
  // It was pulled out, and perhaps plugged in again: then both are there, and know nothing of each other.
  const orphan = found.devices.find(({ type, name }) => type === "crypt" && name === mapper);
  return orphan === undefined ? undefined : { mapper, mounts: mountsOf(found.mounts, [orphan]) };
}

function stillMounted(host: Host, { volume }: Unlocked, { target }: Mount): HoldfastError {
  const message = `volume "${volume}" is still unlocked: it is mounted at ${target}`;
  const by = showLineOn(host, `umount '${target}'`);
  return new HoldfastError("unmount-failed", message, { hint: `${by}; then: holdfast recover` });
}

interface Persistence {
  readonly stillThere: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Tries until the thing is gone, for some seconds. Throws what `explain` makes of the last failure. */
async function persist(
  attempt: () => Promise<void>,
  { stillThere, signal }: Persistence,
  explain: (cause: unknown) => HoldfastError,
): Promise<void> {
  let failure: unknown;
  for (let left = tries; left > 0; left -= 1) {
    try {
      await attempt();
      failure = undefined;
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      failure = error;
    }
    // However the command ended: what counts is what is.
    if (!(await stillThere())) return;
    if (left > 1) await sleep(pauseMs, undefined, { signal });
  }
  throw explain(failure);
}

function reasonOf(cause: unknown): string {
  return cause instanceof CommandFailed ? lastWords(cause.result.stderr) : "it did not go away";
}
