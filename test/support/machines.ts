// Knows: machines that are networks of this one, each with an ssh server and a disk of its own. Must not know: what is tested on them.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  inNetwork,
  joinNetworks,
  killAllIn,
  type Line,
  namespaceTools,
  networkOf,
  networksBelow,
  newNetwork,
  processesIn,
  removeNetwork,
} from "./net-namespace.ts";
import { abandonedFolders, newOwnedFolder } from "./owned-folder.ts";
import { commandLine } from "./processes.ts";
import { withoutTools } from "./tools.ts";

const execute = promisify(execFile);
const prefix = "hf-net";
const sshd = "/usr/sbin/sshd";

/** For `skip`: why there can be no machines here, or false. In CI that is an error. */
export function withoutMachines(): string | false {
  const missing = withoutTools(...namespaceTools, "unshare", sshd, "ssh", "ssh-keygen");
  if (missing !== false || process.getuid?.() === 0) return missing;
  const reason = "only root can make networks";
  if (process.env["CI"] === "true") throw new Error(reason);
  return reason;
}

/** A machine at the far end of a line. */
export interface Machine extends Line {
  readonly name: string;
  /** What programs that run there find at `Machines.disk`. */
  readonly disk: string;
  /** The home of whoever comes in: empty, whatever this machine's users have in theirs. */
  readonly home: string;
  /** Its entry under `hosts` in a configuration. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** How many connections its ssh server has had, and how many of them came in. */
  connections(): Promise<{ readonly made: number; readonly accepted: number }>;
  /** Ends its ssh server and all that it serves. The line stays, and nothing answers. */
  switchOff(): Promise<void>;
  switchOn(): Promise<void>;
  /** Runs a command there, and answers with what it prints. */
  execute(program: string, ...args: readonly string[]): Promise<string>;
}

/** Machines, each at the end of a line of its own that begins here. */
export interface Machines extends AsyncDisposable {
  /** The path of every machine's own disk, as seen from there. Seen from here it is an empty folder. */
  readonly disk: string;
  readonly all: readonly Machine[];
  /** `hosts` of a configuration. */
  readonly hosts: Readonly<Record<string, unknown>>;
  /** What is put before a command that is to reach them. */
  readonly prefix: readonly [string, ...string[]];
  get(name: string): Machine;
  /** Fails when something other than the ssh servers still runs ten seconds later, here or there. */
  assertIdle(): Promise<void>;
}

/** Machines by name. Those that another one is to be `behind` come after that one. */
export type WantedMachines = Readonly<Record<string, WantedMachine>>;

export interface WantedMachine {
  /** A folder, such as a mounted disk, instead of a new folder. */
  readonly disk?: string;
  /** The machine where its line begins: it can only be reached through that one. */
  readonly behind?: string;
}

/** Makes machines. All of them are gone when they are disposed of, with what runs there. */
export async function newMachines(wanted: WantedMachines): Promise<Machines> {
  await sweepOnce();
  const folder = await newOwnedFolder(prefix);
  try {
    return await machinesIn(folder, wanted);
  } catch (error) {
    await discard(folder);
    throw error;
  }
}

let swept: Promise<void> | undefined;

/** Once a process: takes away the machines of tests that were killed. */
async function sweepOnce(): Promise<void> {
  swept ??= abandonedFolders(prefix).then(async (folders) => {
    // Another test process may be sweeping as well, and be quicker.
    for (const folder of folders) await discard(folder).catch(() => {});
  });
  await swept;
}

async function discard(folder: string): Promise<void> {
  for (const network of networksBelow(folder)) await removeNetwork(network);
  await rm(folder, { recursive: true, force: true });
}

async function machinesIn(folder: string, wanted: WantedMachines): Promise<Machines> {
  const shared: Shared = { folder, disk: join(folder, "disk"), key: join(folder, "id") };
  const here = networkOf(folder, "here");
  await mkdir(shared.disk);
  await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  await newKey(shared.key);
  await newNetwork(here);
  const machines = new Map<string, Machine>();
  for (const [index, [name, { disk, behind }]] of Object.entries(wanted).entries()) {
    const network = networkOf(folder, name);
    await newNetwork(network);
    const begin = behind === undefined ? here : networkOf(folder, behind);
    const line = await joinNetworks(begin, network, index + 1);
    machines.set(name, await newMachine({ name, line, network, disk, behind }, shared));
  }
  const all = [...machines.values()];
  return {
    disk: shared.disk,
    all,
    hosts: Object.fromEntries(all.map(({ name, entry }) => [name, entry])),
    prefix: inNetwork(here),
    get(name) {
      const machine = machines.get(name);
      if (machine === undefined) throw new Error(`there is no machine ${name}`);
      return machine;
    },
    assertIdle: async () => await assertIdle(folder),
    [Symbol.asyncDispose]: async () => await discard(folder),
  };
}

/** What all machines of a test have in common. */
interface Shared {
  readonly folder: string;
  readonly disk: string;
  /** With it everyone comes in. */
  readonly key: string;
}

interface NewMachine {
  readonly name: string;
  readonly line: Line;
  readonly network: string;
  readonly disk: string | undefined;
  readonly behind: string | undefined;
}

async function newMachine(wanted: NewMachine, shared: Shared): Promise<Machine> {
  const { name, line, network, behind } = wanted;
  const own = join(shared.folder, name);
  const disk = wanted.disk ?? join(own, "disk");
  const home = join(own, "home");
  await mkdir(home, { recursive: true });
  if (wanted.disk === undefined) await mkdir(disk);
  const server: Server = {
    network,
    disk,
    home,
    mountPoint: shared.disk,
    log: join(own, "log"),
    config: join(own, "sshd_config"),
  };
  await writeServer(own, { address: line.address, key: shared.key });
  let running = await startServer(server);
  return {
    ...line,
    name,
    disk,
    home,
    entry: {
      addresses: [line.address],
      ...(behind === undefined ? {} : { jump: behind }),
      user: "root",
      key: shared.key,
      "known-hosts": join(own, "known_hosts"),
      "connect-timeout": "5s",
      options: { ServerAliveInterval: 1, ServerAliveCountMax: 3 },
    },
    async connections() {
      const log = await readFile(server.log, "utf8");
      const count = (words: RegExp): number => [...log.matchAll(words)].length;
      return { made: count(/^Connection from /gm), accepted: count(/^Accepted publickey for /gm) };
    },
    async switchOff() {
      await killAllIn(network);
    },
    async switchOn() {
      running = await startServer(server);
    },
    async execute(program, ...args) {
      const inside = ["--target", String(running.pid), "--net", "--mount", "--"];
      const { stdout } = await execute("nsenter", [...inside, program, ...args]);
      return stdout;
    },
  };
}

async function newKey(path: string): Promise<void> {
  await execute("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
}

/** Writes what the server needs, and how it is known to those who connect. */
async function writeServer(
  folder: string,
  { address, key }: { readonly address: string; readonly key: string },
): Promise<void> {
  const hostKey = join(folder, "host");
  await newKey(hostKey);
  const config = [
    "Port 22",
    `ListenAddress ${address}`,
    `HostKey ${hostKey}`,
    "PidFile none",
    `AuthorizedKeysFile ${key}.pub`,
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    "UseDNS no",
    "LogLevel VERBOSE",
    "Subsystem sftp internal-sftp",
    "",
  ];
  await writeFile(join(folder, "sshd_config"), config.join("\n"));
  const known = (await readFile(`${hostKey}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");
  await writeFile(join(folder, "known_hosts"), `${address} ${known}\n`);
}

interface Server {
  readonly network: string;
  readonly disk: string;
  readonly home: string;
  /** Where the disk is for all that runs there. */
  readonly mountPoint: string;
  readonly log: string;
  readonly config: string;
}

// The machine has mounts of its own. Other tests' disks are none of its business: it would hold them.
const boot = `set -eu
disk=$1 mountPoint=$2 home=$3; shift 3
while read -r device at rest; do
  case $device,$at in
    */dev/loop*,"$disk" | */dev/loop*,"$disk"/*) ;;
    /dev/loop*) umount --lazy "$at" ;;
  esac
done < /proc/self/mounts
mount --rbind "$disk" "$mountPoint"
mount --bind "$home" ~
cd /
exec "$@"`;

async function startServer(server: Server): Promise<ChildProcess> {
  const { network, disk, home, mountPoint, log, config } = server;
  const [program, ...args] = inNetwork(network);
  const before = await listeningIn(log);
  const mounting = ["unshare", "--mount", "--propagation", "private", "--"];
  const booting = ["sh", "-c", boot, "boot", disk, mountPoint, home];
  const serving = [sshd, "-D", "-E", log, "-f", config];
  const child = spawn(program, [...args, ...mounting, ...booting, ...serving], {
    env: { ...process.env, HOME: userInfo().homedir },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, "exit").then(() => true);
  for (let tries = 0; tries < 300; tries += 1) {
    if ((await listeningIn(log)) > before) return child;
    if (await Promise.race([ended, sleep(50, false)])) break;
  }
  throw new Error(`sshd did not start: ${said}${await readFile(log, "utf8").catch(() => "")}`);
}

async function listeningIn(log: string): Promise<number> {
  const text = await readFile(log, "utf8").catch(() => "");
  return [...text.matchAll(/^Server listening on /gm)].length;
}

async function assertIdle(folder: string): Promise<void> {
  let running: readonly string[] = [];
  for (let tries = 0; tries < 200; tries += 1) {
    const pids = await Promise.all(networksBelow(folder).map(processesIn));
    running = pids
      .flat()
      .map(commandLine)
      .filter((line) => line !== "" && !isServer(line));
    if (running.length === 0) return;
    await sleep(50);
  }
  throw new Error(`still running: ${running.join("; ")}`);
}

function isServer(line: string): boolean {
  return line.startsWith(`sshd: ${sshd}`) || line.startsWith(sshd);
}
