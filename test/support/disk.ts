// Knows: how a test gets a disk of its own, and that none is left behind. Must not know: what is kept on it.
import { execFile } from "node:child_process";
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import * as z from "zod";
import { isAlive, thisProcess, type ProcessIdentity } from "../../src/hosts/process-identity.ts";
import { withoutTools } from "./tools.ts";

const execute = promisify(execFile);

/** The file systems that a disk can be formatted with, and what formats it. */
const formats = {
  btrfs: { argv: ["mkfs.btrfs", "-q", "-f"], leastMiB: 128 },
  ext4: { argv: ["mkfs.ext4", "-q", "-F"], leastMiB: 16 },
  xfs: { argv: ["mkfs.xfs", "-q", "-f"], leastMiB: 304 },
} as const;
export type DiskFormat = keyof typeof formats;

/** For `skip`: why no disks of these formats can be made here, or false. In CI that is an error. */
export function withoutDisks(...wanted: readonly DiskFormat[]): string | false {
  if (process.getuid?.() !== 0) return "only root can mount disks";
  return withoutTools("mount", "umount", ...wanted.map((format) => formats[format].argv[0]));
}

/** How a disk is made. */
export interface DiskOptions {
  readonly format?: DiskFormat;
  /** Default: 512. The file behind it takes only the space that is used. */
  readonly sizeMiB?: number;
  /** Options of the mount, such as `user_subvol_rm_allowed` and `compress=zstd`. */
  readonly options?: readonly string[];
}

/** A disk in a file, mounted. When it is disposed of, both are gone, whatever is mounted in it too. */
export interface Disk extends AsyncDisposable {
  /** Where it is mounted, or was: the empty folder stays while it is unmounted. */
  readonly path: string;
  /** The file that it is made of. */
  readonly image: string;
  /** As in /dev/disk/by-uuid. */
  readonly uuid: string;
  /** As if it was unplugged. Fails while it is in use, unless it is torn away. */
  unmount(how?: "torn away"): Promise<void>;
  mount(options?: readonly string[]): Promise<void>;
}

/** Makes, formats and mounts a disk in a temporary folder. Default: btrfs of 512 MiB. */
export async function newDisk(wanted: DiskOptions = {}): Promise<Disk> {
  const { format = "btrfs", sizeMiB = 512, options = [] } = wanted;
  await sweepOnce();
  const folder = await mkdtemp(join(await realpath(tmpdir()), folderPrefix));
  const image = join(folder, "image");
  const path = join(folder, "disk");
  try {
    await writeFile(join(folder, ownerFile), JSON.stringify(thisProcess()));
    // Ordinary users of a test reach it too.
    await chmod(folder, 0o755);
    await mkdir(path);
    await sparseFile(image, Math.max(sizeMiB, formats[format].leastMiB) * 1024 ** 2);
    const [program, ...args] = formats[format].argv;
    await execute(program, [...args, image]);
    const mount = async (mountOptions: readonly string[] = options): Promise<void> => {
      await execute("mount", ["-o", ["loop", ...mountOptions].join(","), image, path]);
    };
    await mount();
    const { stdout } = await execute("blkid", ["-p", "-s", "UUID", "-o", "value", image]);
    return {
      path,
      image,
      uuid: stdout.trim(),
      mount,
      async unmount(how) {
        await execute("umount", how === undefined ? [path] : ["--lazy", path]);
      },
      [Symbol.asyncDispose]: async () => await discard(folder),
    };
  } catch (error) {
    await discard(folder);
    throw error;
  }
}

const folderPrefix = "holdfast-disk-";
const ownerFile = "owner.json";

async function sparseFile(path: string, bytes: number): Promise<void> {
  await using file = await open(path, "w");
  await file.truncate(bytes);
}

let swept: Promise<void> | undefined;

/** Once a process: takes away the disks of tests that were killed. */
async function sweepOnce(): Promise<void> {
  swept ??= sweep();
  await swept;
}

const Owner = z.object({
  host: z.string(),
  pid: z.number(),
  bootId: z.string().exactOptional(),
  pidNamespace: z.string().exactOptional(),
  startTicks: z.number().exactOptional(),
});

async function sweep(): Promise<void> {
  const temporary = await realpath(tmpdir());
  for (const name of await readdir(temporary)) {
    if (!name.startsWith(folderPrefix)) continue;
    const folder = join(temporary, name);
    const owner = await ownerOf(folder);
    if (owner === undefined || isAlive(owner) !== "dead") continue;
    // Another test process may be sweeping as well, and be quicker.
    await discard(folder).catch(() => {});
  }
}

async function ownerOf(folder: string): Promise<ProcessIdentity | undefined> {
  try {
    return Owner.parse(JSON.parse(await readFile(join(folder, ownerFile), "utf8")));
  } catch {
    // It is being made or taken away right now.
    return undefined;
  }
}

/** Unmounts whatever is mounted in a folder, the last first, and removes the folder. */
async function discard(folder: string): Promise<void> {
  for (const path of (await mountsBelow(folder)).toReversed()) await unmountPatiently(path);
  await rm(folder, { recursive: true, force: true });
}

async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mounts", "utf8");
  return table
    .split("\n")
    .map((line) => (line.split(" ")[1] ?? "").replaceAll(/\\(\d{3})/g, unescapeOctal))
    .filter((path) => path.startsWith(`${folder}/`));
}

function unescapeOctal(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}

// What a test has just killed may still have a file open.
const patienceTimes = 20;

async function unmountPatiently(path: string): Promise<void> {
  for (let tried = 0; tried < patienceTimes; tried += 1) {
    try {
      await execute("umount", [path]);
      return;
    } catch {
      await sleep(100);
    }
  }
  // It vanishes from here now, and altogether when nobody uses it any more.
  await execute("umount", ["--lazy", path]);
}
