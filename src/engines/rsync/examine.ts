// Knows: what a repository needs besides tools, and the command that brings each. Must not know: who shows them.
import { posix } from "node:path";
import type { Command } from "../../hosts/host.ts";
import { showCommand, showLineOn } from "../../hosts/show-command.ts";
import type { Finding } from "../../kernel/finding.ts";
import type { Standing } from "./layout.ts";
import type { Mirror } from "./mirror.ts";

/** A finding before it is told whose it is and on which machine it is mended. */
interface Found {
  readonly code: string;
  readonly severity?: "warning" | "error";
  readonly message: string;
  /** The command that mends it, or a sentence. */
  readonly mend?: Command["argv"] | string;
}

/**
 * Says what keeps a repository from being written to, as far as it can be seen without writing. Of one
 * that is not there nothing is said: that is another matter.
 */
export async function examineMirror(
  mirror: Mirror,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const surroundings = await surroundingsOf(mirror, signal);
  if (surroundings === undefined) return [];
  const { layout } = mirror.places;
  const standing = layout === "none" ? undefined : await mirror.look(signal);
  const found = [
    ...ofRoot(mirror, surroundings),
    ...(standing === undefined ? [] : ofSnapshots(mirror, standing)),
    ...(standing === undefined || layout !== "btrfs" ? [] : ofStaging(mirror, standing)),
  ];
  return found.map(({ code, severity = "error", message, mend }) => ({
    code,
    severity,
    subject: `repository ${mirror.subject.name}`,
    message,
    ...(mend !== undefined && { hint: hint(mirror, mend) }),
  }));
}

function hint({ access }: Mirror, mend: Command["argv"] | string): string {
  if (typeof mend === "string") return mend;
  return showLineOn(access.host, showCommand({ argv: mend, effect: "writes" }));
}

/** What is known of the folder and of the file system that it is on. */
interface Surroundings {
  readonly writable: boolean;
  /** As `stat -f` calls it. */
  readonly fileSystem: string;
  readonly mountPoint: string;
  readonly mountOptions: readonly string[];
  readonly user: string;
}

async function surroundingsOf(
  mirror: Mirror,
  signal: AbortSignal,
): Promise<Surroundings | undefined> {
  const { root } = mirror.places;
  const [state] = await mirror.access.host.inspect([root], signal);
  if (state?.kind !== "directory") return undefined;
  const ask = async (...argv: Command["argv"]): Promise<string> => {
    const command = { argv, env: { LC_ALL: "C" }, effect: "reads", okExits: [0, 1] } as const;
    const { stdout } = await mirror.run(command, signal);
    return stdout.trim();
  };
  const writable = await ask("find", root, "-maxdepth", "0", "-writable", "-printf", "w");
  const fileSystem = await ask("stat", "-f", "-c", "%T", "--", root);
  const mounted =
    mirror.places.layout === "btrfs"
      ? await ask("findmnt", "-n", "-r", "-o", "OPTIONS,TARGET", "-T", root)
      : "";
  const [options = "", mountPoint = root] = mounted.split(" ");
  const user = await ask("id", "-u");
  return {
    writable: writable === "w",
    fileSystem,
    mountOptions: options.split(","),
    mountPoint,
    user,
  };
}

function ofRoot(mirror: Mirror, surroundings: Surroundings): readonly Found[] {
  const { writable, fileSystem, mountOptions, mountPoint, user } = surroundings;
  const { root, layout } = mirror.places;
  const found: Found[] = [];
  if (!writable) {
    found.push({
      code: "repository-not-writable",
      message: `${root} cannot be written to by user ${user}`,
      mend:
        user === "0"
          ? "its file system is mounted read-only: mount it writable"
          : ["sudo", "chown", user, "--", root],
    });
  }
  if (layout === "hard-links" && /^(msdos|vfat|exfat)$/.test(fileSystem)) {
    found.push({
      code: "hard-links-unsupported",
      message: `${root} is on ${fileSystem}, which has no hard links: each snapshot would be a whole copy, if it could be made`,
      mend: "set snapshots: none, or use a disk with another file system, such as ext4 or btrfs",
    });
  }
  if (layout !== "btrfs") return found;
  if (fileSystem !== "btrfs") {
    found.push({
      code: "not-btrfs",
      message: `${root} is on ${fileSystem}, not on btrfs`,
      mend: "set snapshots: hard-links, or use a disk with btrfs",
    });
  } else if (user !== "0" && !mountOptions.includes("user_subvol_rm_allowed")) {
    found.push({
      code: "subvolumes-not-removable",
      message: `user ${user} may not delete snapshots on ${root}`,
      mend: ["sudo", "mount", "-o", "remount,user_subvol_rm_allowed", "--", mountPoint],
    });
  }
  return found;
}

function ofSnapshots({ places }: Mirror, standing: Standing): readonly Found[] {
  const { latest, snapshots, snapshotsFolder, strays } = standing;
  const newest = snapshots.at(-1)?.id;
  const target = newest === undefined ? "/dev/null" : `snapshots/${newest}`;
  const relink = ["ln", "-sfn", "--", target, places.latest] as const;
  const found: Found[] = [];
  if (snapshotsFolder === "missing") {
    found.push({
      code: "snapshots-folder-missing",
      message: `${places.snapshots} is missing`,
      mend: ["mkdir", "--", places.snapshots],
    });
  } else if (snapshotsFolder === "read-only") {
    found.push({
      code: "snapshots-folder-not-writable",
      message: `${places.snapshots} cannot be written to`,
      mend: ["chmod", "u+rwx", "--", places.snapshots],
    });
  }
  // The next backup mends these by itself.
  if (latest.kind === "missing") {
    found.push({
      code: "latest-missing",
      severity: "warning",
      message: `${places.latest} is missing`,
      mend: relink,
    });
  }
  if (latest.kind === "broken") {
    found.push({
      code: "latest-invalid",
      severity: "warning",
      message: `${places.latest} leads to ${latest.target}, which is no snapshot`,
      mend: relink,
    });
  }
  if (latest.kind === "folder" && places.layout === "hard-links") {
    found.push({
      code: "latest-invalid",
      message: `${places.latest} is a folder, as an early nbkp made it, and not a link`,
      mend: ["mv", "--", places.latest, posix.join(places.root, "latest.nbkp")],
    });
  }
  if (strays.length > 0) {
    found.push({
      code: "stray-entries",
      severity: "warning",
      message: `${places.snapshots} holds what is no snapshot, and is passed over: ${strays.join(", ")}`,
    });
  }
  return found;
}

function ofStaging({ places }: Mirror, { staging }: Standing): readonly Found[] {
  const create = ["btrfs", "subvolume", "create", places.staging] as const;
  if (staging === undefined) {
    return [{ code: "staging-missing", message: `${places.staging} is missing`, mend: create }];
  }
  if (!staging.subvolume) {
    const message = `${staging.path} is a folder, not a subvolume`;
    const mend = `move it away, then: ${showCommand({ argv: create, effect: "writes" })}`;
    return [{ code: "staging-not-subvolume", message, mend }];
  }
  if (staging.writable) return [];
  return [
    {
      code: "staging-not-writable",
      message: `${staging.path} cannot be written to`,
      mend: ["btrfs", "property", "set", "-ts", staging.path, "ro", "false"],
    },
  ];
}
