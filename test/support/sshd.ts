// Knows: how a test gets an ssh server of its own. Must not know: what it is tested for.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
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
  /** The file of the private key that it lets in. */
  readonly key: string;
  /** The file of known hosts that holds its host key. */
  readonly knownHosts: string;
  readonly user: string;
  /** An entry under `hosts:` of a configuration that reaches it. */
  readonly entry: HostEntry;
  /** The process of the server itself. Its connections have processes of their own. */
  readonly pid: number;
  /** How many connections have logged in so far. */
  connections(): number;
  /** What the server has said so far, one line each. */
  log(): string;
  /** Ends the server and its connections, as a machine that is cut off does. */
  cut(): Promise<void>;
  /** Starts it again on the same port, with the same keys. */
  restart(): Promise<void>;
}

/** What a configuration says of a host. */
export interface HostEntry {
  readonly addresses: readonly [{ readonly host: string; readonly port: number }];
  readonly user: string;
  readonly key: string;
  readonly "known-hosts": string;
}

/** How the server differs from an ordinary one. */
export interface SshdOptions {
  /** Further lines of sshd_config. */
  readonly lines?: readonly string[];
  /** Default: 127.0.0.1. */
  readonly address?: string;
  /** Another server whose keys it shares: whoever is let in there is let in here. */
  readonly keysOf?: Sshd;
}

/** Starts an ssh server. What it needs is in a temporary folder, which vanishes with it. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const { lines = [], address = "127.0.0.1", keysOf } = options;
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-sshd-"));
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const path = (name: string): string => join(directory, name);
  const port = await freePort();
  const key = keysOf?.key ?? path("id");
  await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path("host")]);
  if (keysOf === undefined) {
    await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  }
  // sshd run by root wants it for separating privileges.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const own = [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${path("host")}`,
    "PidFile none",
    `AuthorizedKeysFile ${key}.pub`,
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    "MaxStartups 100:30:200",
    "Subsystem sftp internal-sftp",
  ];
  // Of two lines for the same thing the first one counts.
  await writeFile(path("sshd_config"), [...lines, ...own, ""].join("\n"));
  const hostKey = (await readFile(path("host.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
  const knownHosts = path("known_hosts");
  await writeFile(knownHosts, `[${address}]:${port} ${hostKey}\n`);
  const user = userInfo().username;
  await writeFile(
    path("ssh_config"),
    [
      "Host server",
      `HostName ${address}`,
      `Port ${port}`,
      `User ${user}`,
      `IdentityFile ${key}`,
      "IdentitiesOnly yes",
      `UserKnownHostsFile ${knownHosts}`,
      "StrictHostKeyChecking yes",
      "BatchMode yes",
      "",
    ].join("\n"),
  );
  const log = path("log");
  // -D: it stays the child that was started, and ends with it.
  const argv = [program, "-D", "-E", log, "-f", path("sshd_config")] as const;
  let service = await startService(argv, port, address);
  stack.defer(async () => await service[Symbol.asyncDispose]());
  const said = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");
  const cut = async (): Promise<void> => {
    const pids = descendantsOf(service.child.pid ?? 0);
    await service[Symbol.asyncDispose]();
    for (const pid of pids) kill(pid);
  };
  const held = stack.move();
  return {
    config: path("ssh_config"),
    port,
    key,
    knownHosts,
    user,
    entry: { addresses: [{ host: address, port }], user, key, "known-hosts": knownHosts },
    get pid() {
      return service.child.pid ?? 0;
    },
    connections: () => said().match(/Accepted publickey/g)?.length ?? 0,
    log: said,
    cut,
    restart: async () => {
      service = await startService(argv, port, address);
    },
    [Symbol.asyncDispose]: async () => await held.disposeAsync(),
  };
}

/** The processes of its connections, which outlive the server. */
function descendantsOf(parent: number): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter(Number.isInteger)
    .filter((pid) => parentOf(pid) === parent)
    .flatMap((pid) => [
      ...descendantsOf(pid).filter((child) => isSshd(child)),
      ...(isSshd(pid) ? [pid] : []),
    ]);
}

function isSshd(pid: number): boolean {
  return read(`/proc/${pid}/comm`).startsWith("sshd");
}

function parentOf(pid: number): number | undefined {
  const [, parent] = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
  return parent === undefined ? undefined : Number(parent);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It has ended in the meantime.
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}
