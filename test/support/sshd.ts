// Knows: how a test gets an ssh server of its own. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, startService } from "./service.ts";

const execute = promisify(execFile);
const program = "/usr/sbin/sshd";

/** What it needs, for `withoutTools`. */
export const sshdTools = [program, "ssh", "ssh-keygen"] as const;

/** An ssh server on loopback that lets in whoever runs the test, by a key. */
export interface Sshd extends AsyncDisposable {
  /** A configuration of ssh in which this server is called `server`. */
  readonly config: string;
  readonly port: number;
}

/** Starts an ssh server. What it needs is in a temporary folder, which vanishes with it. */
export async function startSshd(): Promise<Sshd> {
  const stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-sshd-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const path = (name: string): string => join(directory, name);
  const port = await freePort();
  for (const key of ["host", "id"]) {
    await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path(key)]);
  }
  // sshd run by root wants it for separating privileges.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  await writeFile(
    path("sshd_config"),
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${path("host")}`,
      "PidFile none",
      `AuthorizedKeysFile ${path("id.pub")}`,
      "StrictModes no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
      "UsePAM no",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n"),
  );
  const hostKey = (await readFile(path("host.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
  await writeFile(path("known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
  await writeFile(
    path("ssh_config"),
    [
      "Host server",
      "HostName 127.0.0.1",
      `Port ${port}`,
      `User ${userInfo().username}`,
      `IdentityFile ${path("id")}`,
      "IdentitiesOnly yes",
      `UserKnownHostsFile ${path("known_hosts")}`,
      "StrictHostKeyChecking yes",
      "BatchMode yes",
      "",
    ].join("\n"),
  );
  // -D: it stays the child that was started, and ends with it.
  stack.use(await startService([program, "-D", "-e", "-f", path("sshd_config")], port));
  return {
    config: path("ssh_config"),
    port,
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}
