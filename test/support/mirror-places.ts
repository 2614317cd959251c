// Knows: the places where a killed mirror is looked at: here or on another machine, on a disk that is attached for each run. Must not know: who is killed.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { newDisk } from "./disk.ts";
import { type Machine, newMachines } from "./machines.ts";

const execute = promisify(execFile);

/** Where a mirror is kept. */
export interface MirrorPlace extends AsyncDisposable {
  readonly name: string;
  readonly snapshots: "hard-links" | "btrfs";
  /** What a configuration says of it: its volume is called `place`. */
  readonly hosts: Readonly<Record<string, unknown>>;
  readonly volume: Readonly<Record<string, unknown>>;
  /** What is put before a command that is to reach it. */
  readonly prefix: readonly string[];
  /** Lets somebody look into the volume, whether it is attached or not. Gets its path, as seen from here. */
  look<T>(looking: (path: string) => Promise<T>): Promise<T>;
  /** Fails unless all is as it was before the first run: nothing mounted, nothing running elsewhere. */
  assertPutBack(): Promise<void>;
}

/** A folder of this machine. */
export async function folderHere(): Promise<MirrorPlace> {
  const path = await mkdtemp(join(tmpdir(), "mirror-"));
  return {
    name: "here",
    snapshots: "hard-links",
    hosts: {},
    volume: { path, marker: false },
    prefix: [],
    look: async (looking) => await looking(path),
    assertPutBack: async () => {},
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }),
  };
}

/** A folder of another machine. */
export async function folderElsewhere(): Promise<MirrorPlace> {
  const machines = await newMachines({ nas: {} });
  return {
    name: "on another machine",
    snapshots: "hard-links",
    hosts: machines.hosts,
    volume: { host: "nas", path: machines.disk, marker: false },
    prefix: machines.prefix,
    look: async (looking) => await looking(machines.get("nas").disk),
    assertPutBack: async () => await machines.assertIdle(),
    [Symbol.asyncDispose]: async () => await machines[Symbol.asyncDispose](),
  };
}

/** A btrfs disk of this machine that is plugged in, and mounted by each run. */
export async function driveHere(): Promise<MirrorPlace> {
  await using stack = new AsyncDisposableStack();
  const drive = stack.use(await pluggedIn());
  const path = await mkdtemp(join(tmpdir(), "mirror-"));
  stack.defer(async () => await rm(path, { recursive: true }));
  const owned = stack.move();
  return {
    name: "on a drive",
    snapshots: "btrfs",
    hosts: {},
    volume: { path, device: drive.uuid, mount: "direct" },
    prefix: [],
    look: async (looking) => await drive.look(looking),
    assertPutBack: async () => assertNotMounted(drive, await readFile("/proc/self/mounts", "utf8")),
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

/** The same, plugged into another machine. */
export async function driveElsewhere(): Promise<MirrorPlace> {
  await using stack = new AsyncDisposableStack();
  const drive = stack.use(await pluggedIn());
  const machines = stack.use(await newMachines({ nas: {} }));
  const nas: Machine = machines.get("nas");
  await mkdir(join(nas.disk, "drive"));
  const owned = stack.move();
  return {
    name: "on a drive of another machine",
    snapshots: "btrfs",
    hosts: machines.hosts,
    volume: {
      host: "nas",
      path: join(machines.disk, "drive"),
      device: drive.uuid,
      mount: "direct",
    },
    prefix: machines.prefix,
    look: async (looking) => await drive.look(looking),
    async assertPutBack() {
      assertNotMounted(drive, await nas.execute("cat", "/proc/self/mounts"));
      await machines.assertIdle();
    },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

/** A disk that is there, and that nothing has mounted. */
interface Drive extends AsyncDisposable {
  readonly device: string;
  readonly uuid: string;
  look<T>(looking: (path: string) => Promise<T>): Promise<T>;
}

async function pluggedIn(): Promise<Drive> {
  await using stack = new AsyncDisposableStack();
  const disk = stack.use(await newDisk());
  await writeFile(join(disk.path, ".holdfast-volume"), "");
  await disk.unmount();
  const { stdout } = await execute("losetup", ["--find", "--show", disk.image]);
  const device = stdout.trim();
  stack.defer(async () => {
    await execute("losetup", ["--detach", device]);
  });
  const owned = stack.move();
  return {
    device,
    uuid: disk.uuid,
    async look(looking) {
      await execute("mount", [device, disk.path]);
      try {
        return await looking(disk.path);
      } finally {
        await execute("umount", [disk.path]);
      }
    },
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

function assertNotMounted({ device }: Drive, mounts: string): void {
  const lines = mounts.split("\n").filter((line) => line.startsWith(`${device} `));
  if (lines.length > 0) throw new Error(`still mounted: ${lines.join("; ")}`);
}
