// Knows: what has to be so before snapshots can be made, sent and dropped. Must not know: when that is asked.
import { posix } from "node:path";
import { CommandFailed } from "../../hosts/command-failed.ts";
import { showCommand, showLineOn } from "../../hosts/show-command.ts";
import type { Finding } from "../../kernel/finding.ts";
import { listReadOnlyCommand } from "./commands.ts";
import { saysNotPermitted } from "./errors.ts";
import type { Side } from "./side.ts";
import { flawOf } from "./snapshots.ts";
import { absence } from "./view.ts";

/** Every precondition that is btrfs's own. Reads only. What is missing altogether is told elsewhere. */
export async function examineSide(
  side: Side,
  subvolumes: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if ((await absence(side, side.name, signal)) !== undefined) return [];
  const subject = `repository ${side.name}`;
  if (!(await side.isOnBtrfs(side.location, signal))) {
    return [
      {
        code: "not-btrfs",
        severity: "error",
        subject,
        message: `${side.location} is not on a btrfs`,
        hint: "is its disk mounted? A btrfs repository is a folder on a btrfs",
      },
    ];
  }
  return [
    ...(await elsewhere(side, subvolumes, signal)),
    ...(await rights(side, subject, signal)),
    ...(await leftovers(side, subject, signal)),
  ];
}

/** A snapshot shares its blocks with what it was made of: that is only possible on one file system. */
async function elsewhere(
  side: Side,
  subvolumes: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const fileSystemOf = async (path: string): Promise<string> => {
    const argv = ["findmnt", "-n", "-o", "UUID", "-T", path] as const;
    return (await side.host.run({ argv, effect: "reads" }, signal)).stdout.trim();
  };
  if (subvolumes.length === 0) return [];
  const own = await fileSystemOf(side.location);
  const others = await Promise.all(
    subvolumes.map(async (path) => ((await fileSystemOf(path)) === own ? [] : [path])),
  );
  return others.flat().map((path) => ({
    code: "file-systems-differ",
    severity: "error",
    subject: `repository ${side.name}`,
    message: `${side.location} is on another file system than ${path}: no snapshot of it can be made there`,
    hint: "put the repository on the file system of the subvolume, and bring snapshots to other disks with `copies`",
  }));
}

async function rights(
  side: Side,
  subject: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { host, location, setting } = side;
  try {
    await host.run(listReadOnlyCommand(setting, location), signal);
    return [{ code: "btrfs-rights", severity: "ok", subject, message: "btrfs may be asked" }];
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    if (!saysNotPermitted(error)) {
      const rule = "USER ALL=(root) NOPASSWD: /usr/bin/btrfs";
      const hint = showLineOn(host, `echo '${rule}' | sudo tee /etc/sudoers.d/holdfast`);
      const message = error.message;
      return [{ code: "btrfs-rights", severity: "error", subject, message, hint }];
    }
  }
  const { stdout } = await host.run(
    { argv: ["findmnt", "-n", "-o", "TARGET,OPTIONS", "-T", location], effect: "reads" },
    signal,
  );
  const [mount = "/", options = ""] = stdout.trim().split(/\s+/);
  const copying: Finding = {
    code: "btrfs-rights",
    severity: "warning",
    subject,
    message: "only root can send, receive and tell apart snapshots: copies need that",
    hint: "run holdfast as root, or write sudo: true into the repository",
  };
  if (options.split(",").includes("user_subvol_rm_allowed")) return [copying];
  const remount = ["sudo", "mount", "-o", "remount,user_subvol_rm_allowed", "--", mount] as const;
  return [
    copying,
    {
      code: "subvolumes-not-removable",
      severity: "error",
      subject,
      message: `${mount} is mounted without user_subvol_rm_allowed: this user cannot drop snapshots`,
      hint: showLineOn(host, showCommand({ argv: remount, effect: "writes" })),
    },
  ];
}

/** What looks like a snapshot and is none. */
async function leftovers(
  side: Side,
  subject: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { entries } = await side.look(signal);
  return entries.flatMap((entry): readonly Finding[] => {
    const flaw = flawOf(entry);
    if (flaw === undefined) return [];
    const path = posix.join(side.location, entry.name);
    const line = showCommand({
      argv: ["btrfs", "subvolume", "delete", "--", path],
      effect: "writes",
    });
    return [
      {
        code: "snapshot-incomplete",
        severity: "warning",
        subject,
        message: `${entry.name} is no complete snapshot: ${flaw}`,
        hint: `when nobody needs it: ${showLineOn(side.host, line)}`,
      },
    ];
  });
}
