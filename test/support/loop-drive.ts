// Knows: how a file becomes a drive of this machine. Must not know: what is tested with it.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { withoutTools } from "./tools.ts";

const execute = promisify(execFile);

/** A drive without a partition table, plugged in. */
export interface LoopDrive {
  /** Its path, such as /dev/loop3. */
  readonly device: string;
  readonly uuid: string;
  /** A folder of its own, where things may be mounted; empty but for its image. */
  readonly directory: string;
  unplug(): Promise<void>;
}

/** For `skip`: only root can plug in such a drive. */
export function withoutDrives(): string | false {
  if (process.getuid?.() !== 0) return "needs root";
  return withoutTools("losetup", "mkfs.ext4", "mount", "umount", "blkid");
}

/** Makes a drive of 16 MB with ext4 on it. When the test ends, it and all its mounts are gone. */
export async function plugInDrive(t: TestContext): Promise<LoopDrive> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-drive-"));
  const image = join(directory, "image");
  const uuid = crypto.randomUUID();
  await execute("truncate", ["--size", "16M", image]);
  await execute("mkfs.ext4", ["-q", "-F", "-U", uuid, image]);
  const { stdout } = await execute("losetup", ["--find", "--show", image]);
  const device = stdout.trim();
  const unplug = async (): Promise<void> => {
    await execute("losetup", ["--detach", device]);
  };
  t.after(async () => {
    while (await unmount(device)) {
      // One of its mounts is gone, and there may be more.
    }
    await unplug().catch(() => undefined); // The test has unplugged it.
    await rm(directory, { recursive: true, force: true });
  });
  return { device, uuid, directory, unplug };
}

async function unmount(device: string): Promise<boolean> {
  return await execute("umount", [device]).then(
    () => true,
    () => false,
  );
}
