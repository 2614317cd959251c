// Knows: in which order a drive is unlocked and mounted, and that each is promised to be undone before.
// Must not know: how a drive is found, and how it is put back (undo).
import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailed } from "../hosts/command-failed.ts";
import { interruption } from "../hosts/interruption.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Promised } from "../kernel/ledger.ts";
import type { Secret } from "../kernel/secret.ts";
import { mountFailure, unlockFailure } from "./attach-failures.ts";
import { volumeAway } from "./away.ts";
import { type BlockDevice, readFstab } from "./block-devices.ts";
import { mapperName } from "./drive.ts";
import type { DrivePlace } from "./drive-place.ts";
import { type DriveFacts, driveState } from "./drive-state.ts";
import { type Mounted, mountedEntry, type Unlocked, unlockedEntry } from "./ledger-entries.ts";
import { mountingAt, mountingByUdisks, unlocking, type Way } from "./mount-commands.ts";
import { askPassphrase, forgetPassphrase } from "./passphrase.ts";
import { bootOf, looking } from "./survey.ts";
import { undoMount, undoUnlock } from "./undo.ts";
import type { AttachedVolume, VolumeAccess } from "./volume.ts";
import { meansOf, udevRuns, wayOf } from "./way.ts";

/** A drive and all that is needed to act on it. */
export interface OpenedDrive {
  readonly place: DrivePlace;
  readonly access: VolumeAccess;
  look(signal: AbortSignal): Promise<DriveFacts>;
}

/** Something that was done, and how it is put back. */
interface Done {
  readonly what: "unlocked" | "mounted";
  undo(): Promise<void>;
}

/** What the parts of one attaching share. */
interface Attaching extends OpenedDrive {
  readonly way: Way;
  readonly boot: string;
  /** In the order in which it was done. */
  readonly done: Done[];
}

/**
 * Unlocks and mounts what is not, and puts back only that. Each step is in the ledger before it is
 * taken. Throws `volume-away`, `unlock-failed`, `password-wrong`, `mount-failed`,
 * `secret-unavailable`; then what was done is undone already.
 *
 * Disposing throws `unmount-failed` when something uses the drive; then it stays in the ledger.
 */
export async function attachDrive(
  drive: OpenedDrive,
  signal: AbortSignal,
): Promise<AttachedVolume> {
  const { place, access } = drive;
  const facts = await drive.look(signal);
  const state = driveState(place, facts);
  if (state.kind === "mounted") return attached(state.path, []);
  if (state.kind === "away") throw volumeAway(access.name, state);
  const attaching = { ...drive, ...(await prepare(drive, signal)), done: [] };
  try {
    const path = await open(attaching, facts, signal);
    return attached(path, attaching.done);
  } catch (error) {
    try {
      await putBack(attaching.done);
    } catch {
      // It stays in the ledger, and `recover` says what it is. What went wrong first is told here.
    }
    throw error;
  }
}

function attached(path: string, done: readonly Done[]): AttachedVolume {
  return {
    path,
    did: done.map(({ what }) => what),
    [Symbol.asyncDispose]: async () => await putBack(done),
  };
}

/** Puts back the last thing first. Throws the first failure when all was tried. */
async function putBack(done: readonly Done[]): Promise<void> {
  const failures: unknown[] = [];
  for (const each of done.toReversed()) {
    try {
      await each.undo();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function prepare(
  { place, access }: OpenedDrive,
  signal: AbortSignal,
): Promise<Pick<Attaching, "way" | "boot">> {
  const { host, name } = access;
  const [means, boot] = await Promise.all([meansOf(host, place, signal), bootOf(host, signal)]);
  const way = wayOf(place, means, host);
  if (typeof way === "string") return { way, boot };
  const message = `volume "${name}" cannot be mounted: ${way.reason}`;
  throw new HoldfastError("mount-failed", message, { hint: way.hint });
}

/** Answers with the path at which the drive is then mounted. */
async function open(attaching: Attaching, facts: DriveFacts, signal: AbortSignal): Promise<string> {
  const { place, access, done } = attaching;
  let { drive } = facts;
  if (drive.kind === "locked") {
    await unlock(attaching, drive.container, signal);
    drive = (await attaching.look(signal)).drive;
  }
  if (drive.kind !== "open") {
    const message = `volume "${access.name}" was unlocked, but nothing came to light in it`;
    throw new HoldfastError("unlock-failed", message);
  }
  if (drive.mounts.length === 0) await mount(attaching, drive.fileSystem, signal);
  else if (done.length > 0) adoptMount(attaching, drive.fileSystem);
  const state = driveState(place, await attaching.look(signal));
  if (state.kind === "mounted") return state.path;
  throw volumeAway(
    access.name,
    state.kind === "away" ? state : { reason: "it was not mounted for long" },
  );
}

async function unlock(
  attaching: Attaching,
  container: BlockDevice,
  signal: AbortSignal,
): Promise<void> {
  const { place, access, way } = attaching;
  const { host, name } = access;
  const passphrase = await passphraseOf(attaching, signal);
  const mapper = mapperName(container);
  const withoutUdev = !(await udevRuns(host, signal));
  const entry = unlockedEntryOf(attaching, mapper);
  const promised = access.ledger.promise(unlockedEntry(entry));
  const done = owed("unlocked", promised, async () => await undoUnlock(host, entry, ownTime()));
  attaching.done.push(done);
  const command = unlocking(way, { container: container.path, mapper, passphrase, withoutUdev });
  try {
    // Once begun it goes on to its end: half of it could not be undone.
    await host.run(command, ownTime());
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (place.passphrase !== undefined && "prompt" in place.passphrase) forgetPassphrase(name);
    throw unlockFailure(name, error, host);
  }
  if (signal.aborted) throw interruption(signal, "unlocking");
}

function unlockedEntryOf({ place, access, way, boot }: Attaching, mapper: string): Unlocked {
  const host = place.host === undefined ? {} : { host: place.host };
  return { volume: access.name, ...host, way, device: place.device, boot, mapper };
}

async function passphraseOf({ place, access }: OpenedDrive, signal: AbortSignal): Promise<Secret> {
  const { passphrase } = place;
  if (passphrase === undefined) throw new Error("a drive without a passphrase was to be unlocked");
  if ("prompt" in passphrase) return await askPassphrase(access.name, signal);
  return await access.secret(passphrase, signal);
}

async function mount(
  attaching: Attaching,
  fileSystem: BlockDevice,
  signal: AbortSignal,
): Promise<void> {
  const { access, way } = attaching;
  const { host, name } = access;
  const target = way === "direct" ? directTarget(attaching) : undefined;
  const made = target !== undefined && (await isMissing(attaching, target, signal));
  const entry = mountedEntryOf(attaching, fileSystem, { target, made });
  const promised = access.ledger.promise(mountedEntry(entry));
  const done = owed("mounted", promised, async () => await undoMount(host, entry, ownTime()));
  attaching.done.push(done);
  try {
    if (target === undefined) await mountByUdisks(attaching, fileSystem);
    else await mountDirectly(attaching, { fileSystem, target, made }, signal);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (!/already mounted/i.test(error.result.stderr)) throw mountFailure(name, error, host);
    // A desktop was quicker. It is its own, unless it could only mount what was unlocked here.
    if (attaching.done.length > 1) return;
    attaching.done.pop();
    promised.settle();
  }
  if (signal.aborted) throw interruption(signal, "mounting");
}

/** A desktop has mounted what was unlocked here: it goes when that is locked again. */
function adoptMount(attaching: Attaching, fileSystem: BlockDevice): void {
  const { access } = attaching;
  const entry = mountedEntryOf(attaching, fileSystem, { target: undefined, made: false });
  const promised = access.ledger.promise(mountedEntry(entry));
  attaching.done.push(
    owed("mounted", promised, async () => await undoMount(access.host, entry, ownTime())),
  );
}

function mountedEntryOf(
  { place, access, way, boot }: Attaching,
  fileSystem: BlockDevice,
  { target, made }: { readonly target: string | undefined; readonly made: boolean },
): Mounted {
  return {
    volume: access.name,
    ...(place.host === undefined ? {} : { host: place.host }),
    way,
    device: place.device,
    boot,
    source: fileSystem.path,
    ...(target === undefined ? {} : { target }),
    made,
  };
}

/** Where root mounts it. /run is gone when the machine starts again, and so is the mount. */
function directTarget({ place, access }: OpenedDrive): string {
  return place.path ?? `/run/holdfast/volumes/${access.name}`;
}

async function isMissing(
  { access }: OpenedDrive,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [state] = await access.host.inspect([path], signal);
  return state?.kind === "missing";
}

// What udisks says while it still takes notice of a device that has just appeared.
const notYet = /is not a mountable filesystem|looking up object|no such interface/i;
const tries = 10;
const pauseMs = 500;

async function mountByUdisks({ access }: Attaching, { path }: BlockDevice): Promise<void> {
  for (let left = tries; ; left -= 1) {
    try {
      await access.host.run(mountingByUdisks(path), ownTime());
      return;
    } catch (error) {
      const soon = error instanceof CommandFailed && notYet.test(error.result.stderr);
      if (!soon || left === 1) throw error;
    }
    await sleep(pauseMs);
  }
}

async function mountDirectly(
  { access }: Attaching,
  to: { readonly fileSystem: BlockDevice; readonly target: string; readonly made: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { host } = access;
  const { fileSystem, target, made } = to;
  if (made) {
    const argv = ["mkdir", "--parents", "--", target] as const;
    await host.run({ argv, effect: "writes" }, signal);
  }
  // 1: there is no such file.
  const fstab = await host.run({ ...looking("cat", "/etc/fstab"), okExits: [0, 1] }, signal);
  const inFstab = readFstab(fstab.stdout).some((line) => line.target === target);
  await host.run(mountingAt(target, fileSystem.path, inFstab), ownTime());
}

function owed(what: Done["what"], promised: Promised, undo: () => Promise<void>): Done {
  return {
    what,
    async undo() {
      await undo();
      promised.settle();
    },
  };
}

/** What puts something back, or must not stop half way, ends by its own time limit only. */
function ownTime(): AbortSignal {
  return new AbortController().signal;
}
