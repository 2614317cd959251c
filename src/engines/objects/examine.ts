// Knows: what a repository needs of its file system. Must not know: who shows what is lacking.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../hosts/host.ts";
import { showCommand } from "../../hosts/show-command.ts";
import type { Finding } from "../../kernel/finding.ts";
import type { Places } from "./layout.ts";

/**
 * Says what keeps a repository from being written to, as far as it can be seen without writing. Of one that is
 * not there nothing is said: that is another matter.
 */
export async function examineRepository(
  { host, places, name }: { readonly host: Host; readonly places: Places; readonly name: string },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (!existsSync(places.store)) return [];
  const ask = async (...argv: readonly [string, ...string[]]): Promise<string> => {
    const command = { argv, env: { LC_ALL: "C" }, effect: "reads", okExits: [0, 1] } as const;
    return (await host.run(command, signal)).stdout.trim();
  };
  const subject = `repository ${name}`;
  const { root, store, snapshots } = places;
  const findings: Finding[] = [];
  const fileSystem = await ask("stat", "-f", "-c", "%T", "--", store);
  if (/^(msdos|vfat|exfat)$/.test(fileSystem)) {
    findings.push({
      code: "hard-links-unsupported",
      severity: "error",
      subject,
      message: `${root} is on ${fileSystem}, which has no hard links: snapshots could not share content`,
      hint: "use a disk with another file system, such as ext4, xfs or btrfs",
    });
  }
  for (const folder of [store, snapshots].filter((each) => existsSync(each))) {
    if ((await ask("find", folder, "-maxdepth", "0", "-writable", "-printf", "w")) === "w")
      continue;
    const user = await ask("id", "-u");
    findings.push({
      code: "repository-not-writable",
      severity: "error",
      subject,
      message: `${folder} cannot be written to by user ${user}`,
      hint:
        user === "0"
          ? "its file system is mounted read-only: mount it writable"
          : showCommand({ argv: ["sudo", "chown", "-R", user, "--", root], effect: "writes" }),
    });
  }
  if (existsSync(snapshots) && statSync(snapshots).dev !== statSync(store).dev) {
    findings.push({
      code: "file-systems-differ",
      severity: "error",
      subject,
      message: `${snapshots} and ${store} are on different file systems, between which there are no hard links`,
      hint: "have both on the same file system",
    });
  }
  if (existsSync(join(root, ".DATA"))) {
    findings.push({
      code: "names-ignore-case",
      severity: "warning",
      subject,
      message: `the file system at ${root} does not tell upper case from lower: of files whose names differ in that alone only one is kept, and the others are named in a warning`,
    });
  }
  return findings;
}
