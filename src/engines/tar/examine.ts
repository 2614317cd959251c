// Knows: what has to be so before the next archive can be made, and the last one opened. Must not know: when that is asked.
import type { Command } from "../../hosts/host.ts";
import { showCommand, showLineOn } from "../../hosts/show-command.ts";
import type { Finding } from "../../kernel/finding.ts";
import type { Reading } from "./read.ts";
import { type Contents, type Folder, lookInto } from "./store.ts";

/** Every precondition that is a folder of archives' own. Reads only. Of one that is not there nothing is said. */
export async function examineArchives(
  reading: Reading,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { folder } = reading;
  const { host, path } = folder;
  const [state] = await host.inspect([path], signal);
  if (state?.kind !== "directory") return [];
  const contents = await lookInto(folder, signal);
  return [
    ...(await rights(folder, signal)),
    ...room(folder, contents, state.freeBytes),
    ...(await keys(reading, signal)),
  ];
}

async function rights({ host, path, name }: Folder, signal: AbortSignal): Promise<Finding[]> {
  const ask = async (...argv: Command["argv"]): Promise<string> =>
    (await host.run({ argv, effect: "reads", okExits: [0, 1] }, signal)).stdout.trim();
  if ((await ask("find", path, "-maxdepth", "0", "-writable", "-printf", "w")) === "w") return [];
  const user = await ask("id", "-u");
  const mend = showCommand({ argv: ["sudo", "chown", "-R", user, "--", path], effect: "writes" });
  return [
    {
      code: "repository-not-writable",
      severity: "error",
      subject: `repository ${name}`,
      message: `${path} cannot be written to by user ${user}`,
      hint:
        user === "0"
          ? "its file system is mounted read-only: mount it writable"
          : showLineOn(host, mend),
    },
  ];
}

/** The next full archive is likely to be as large as the last. */
function room({ path, name }: Folder, { archives }: Contents, free: number): Finding[] {
  const full = archives.findLast(({ kind }) => kind === "full");
  if (full === undefined || full.size <= free) return [];
  return [
    {
      code: "archive-space",
      severity: "warning",
      subject: `repository ${name}`,
      message: `${gigabytes(free)} are free at ${path}, and the last full archive has ${gigabytes(full.size)}`,
      hint: "make room there, or keep fewer archives: a full one is made before an older one goes",
    },
  ];
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

async function keys({ folder, here, cipher }: Reading, signal: AbortSignal): Promise<Finding[]> {
  const { host, name } = folder;
  const subject = `repository ${name}`;
  if (cipher.kind === "gpg-recipients") {
    const unknown: string[] = [];
    for (const recipient of cipher.recipients) {
      const argv = [
        "gpg",
        "--batch",
        "--no-tty",
        "--quiet",
        "--list-keys",
        "--",
        recipient,
      ] as const;
      const { exitStatus } = await host.run({ argv, effect: "reads", okExits: [0, 2] }, signal);
      if (exitStatus !== 0) unknown.push(recipient);
    }
    return unknown.map((recipient) => ({
      code: "recipient-unknown",
      severity: "error",
      subject,
      message: `gpg has no key of ${recipient} in the keyring of this user`,
      hint: showLineOn(host, "gpg --import KEYFILE"),
    }));
  }
  if (cipher.kind !== "age" || cipher.identity === undefined) return [];
  const file: Command = { argv: ["test", "-r", cipher.identity], effect: "reads", okExits: [0, 1] };
  const { exitStatus } = await here.run(file, signal);
  if (exitStatus === 0) return [];
  return [
    {
      code: "identity-unreadable",
      severity: "warning",
      subject,
      message: `${cipher.identity} cannot be read: archives can be made, but neither checked nor restored`,
      hint: "put the secret key there, or correct `identity` in the configuration",
    },
  ];
}
