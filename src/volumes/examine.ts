// Knows: every precondition of attaching a drive, and the command that mends it. Must not know: who asks.
import type { Host } from "../hosts/host.ts";
import { showLineOn } from "../hosts/show-command.ts";
import { HoldfastError } from "../kernel/errors.ts";
import type { Finding } from "../kernel/finding.ts";
import type { OpenedDrive } from "./attach.ts";
import { allowing } from "./attach-failures.ts";
import { findingOf } from "./away.ts";
import { readFstab } from "./block-devices.ts";
import { writtenId } from "./device-id.ts";
import type { DrivePlace } from "./drive-place.ts";
import type { DriveFacts } from "./drive-state.ts";
import { looking } from "./survey.ts";
import type { VolumeState } from "./volume.ts";
import { type Means, meansOf, wayOf } from "./way.ts";

/** What is wrong, before it is said of which volume. */
type Fault = Omit<Finding, "subject">;

/**
 * Everything that is to be said of a drive: the state it is in first, then what would hinder attaching
 * it. Reads only. Hints about another host are lines to be typed here, with ssh.
 */
export async function examineDrive(
  drive: OpenedDrive,
  state: VolumeState,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { place, access } = drive;
  const found = findingOf(access.name, state);
  // What cannot be asked cannot be examined.
  if (found.code === "host-unreachable" || found.code === "tool-missing") return [found];
  const facts = await drive.look(signal);
  const faults = [
    ...readOnlyFaults(facts),
    ...(place.mount === "never" ? [] : await attachingFaults(drive, { facts, state }, signal)),
  ];
  return [found, ...faults.map((fault) => ({ ...fault, subject: found.subject }))];
}

function readOnlyFaults({ drive }: DriveFacts): readonly Fault[] {
  if (drive.kind !== "open") return [];
  return drive.mounts
    .filter(({ readOnly }) => readOnly)
    .slice(0, 1)
    .map(({ target }) => ({
      code: "volume-read-only",
      severity: "warning" as const,
      message: `is mounted read-only at ${target}, so nothing can be backed up to it`,
      hint: "after errors of its file system, check that; else mount it anew",
    }));
}

interface Seen {
  readonly facts: DriveFacts;
  readonly state: VolumeState;
}

async function attachingFaults(
  { place, access }: OpenedDrive,
  seen: Seen,
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  const { host } = access;
  const means = await meansOf(host, place, signal);
  const way = wayOf(place, means, host);
  if (typeof way !== "string") {
    return [{ code: way.code, severity: "error", message: way.reason, hint: way.hint }];
  }
  if (way === "direct") return await cryptsetupFaults(place, host, signal);
  const faults = await Promise.all([
    permissionFaults(host, { means, facts: seen.facts, place }, signal),
    moduleFaults(host, { place, facts: seen.facts }, signal),
    seen.state.kind === "mounted" ? [] : fstabFaults(place, host, signal),
  ]);
  return faults.flat();
}

async function cryptsetupFaults(
  { passphrase }: DrivePlace,
  host: Host,
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  if (passphrase === undefined) return [];
  try {
    await host.run(looking("cryptsetup", "--version"), signal);
    return [];
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "tool-missing") throw error;
    const hint = showLineOn(host, "sudo apt-get install cryptsetup-bin");
    const message = "cryptsetup is not installed, and unlocking needs it";
    return [{ code: "cryptsetup-missing", severity: "error", message, hint }];
  }
}

/** Asks polkit for what udisks will ask it. Only of a drive that is there: it depends on the drive. */
async function permissionFaults(
  host: Host,
  { means, facts, place }: { means: Means; facts: DriveFacts; place: DrivePlace },
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  const { drive } = facts;
  if (means.root || (drive.kind !== "locked" && drive.kind !== "open")) return [];
  const device = drive.kind === "locked" ? drive.container : (drive.container ?? drive.fileSystem);
  const suffix = device.hotplug ? "" : "-system";
  const needed = [
    ...(place.passphrase === undefined ? [] : [`encrypted-unlock${suffix}`]),
    `filesystem-mount${suffix}`,
  ];
  const refused = await Promise.all(
    needed.map(async (action) => await isRefused(host, action, signal)),
  );
  if (!refused.includes(true)) return [];
  const message = "this user may not unlock and mount it without being asked for a password";
  return [{ code: "polkit-rule-missing", severity: "error", message, hint: allowing(host) }];
}

async function isRefused(host: Host, action: string, signal: AbortSignal): Promise<boolean> {
  // It wants the number of the process that it is asked for.
  const script = 'exec pkcheck --action-id "$1" --process "$$"';
  const command = looking("sh", "-c", script, "sh", `org.freedesktop.udisks2.${action}`);
  const okExits = [...Array.from({ length: 128 }).keys()];
  const { exitStatus } = await host.run({ ...command, okExits }, signal);
  // 1: no; 2: only with a password; 3: the question was refused. Others: there is no pkcheck.
  return exitStatus >= 1 && exitStatus <= 3;
}

const libraryFolders = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib/arm-linux-gnueabihf",
  "/usr/lib/riscv64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
];

async function moduleFaults(
  host: Host,
  { place, facts: { drive } }: { readonly place: DrivePlace; readonly facts: DriveFacts },
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  const crypto = libraryFolders.flatMap((folder) =>
    ["2", "3"].map((version) => `${folder}/libbd_crypto.so.${version}`),
  );
  const btrfs = libraryFolders.map((folder) => `${folder}/udisks2/modules/libudisks2_btrfs.so`);
  const states = await host.inspect([...crypto, ...btrfs], signal);
  const has = (from: number, to: number): boolean =>
    states.slice(from, to).some(({ kind }) => kind !== "missing");
  const faults: Fault[] = [];
  if (place.passphrase !== undefined && !has(0, crypto.length)) {
    faults.push({
      code: "udisks-crypto-module-missing",
      severity: "warning",
      message: "udisks seems to lack its part for encryption, so unlocking will fail",
      hint: showLineOn(host, "sudo apt-get install libblockdev-crypto2"),
    });
  }
  const isBtrfs = drive.kind === "open" && drive.fileSystem.content === "btrfs";
  if (isBtrfs && !has(crypto.length, states.length)) {
    faults.push({
      code: "udisks-btrfs-module-missing",
      severity: "warning",
      message: "udisks seems to lack its part for btrfs",
      hint: showLineOn(host, "sudo apt-get install udisks2-btrfs"),
    });
  }
  return faults;
}

/** With a configured path, udisks mounts there only if /etc/fstab says so. */
async function fstabFaults(
  { path, id, passphrase }: DrivePlace,
  host: Host,
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  if (path === undefined) return [];
  const { stdout } = await host.run({ ...looking("cat", "/etc/fstab"), okExits: [0, 1] }, signal);
  if (readFstab(stdout).some(({ target }) => target === path)) return [];
  const source =
    passphrase !== undefined && id.kind === "UUID"
      ? `/dev/mapper/luks-${id.value.toLowerCase()}`
      : writtenId(id);
  const target = path.replaceAll("\\", "\\134").replaceAll(" ", "\\040");
  const line = `echo '${source} ${target} auto noauto,nofail 0 0' | sudo tee -a /etc/fstab`;
  return [
    {
      code: "fstab-mismatch",
      severity: "error",
      message: `udisks will not mount it at ${path}: /etc/fstab has no line for that`,
      hint: `${showLineOn(host, line)}; or leave \`path\` out`,
    },
  ];
}
