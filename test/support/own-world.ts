// Knows: the folder in which all that one test file makes lies, and what of it is left in the system. Must not know: what it was for.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { networksBelow, removeNetwork } from "./net-namespace.ts";
import { abandonedFolders, newOwnedFolder } from "./owned-folder.ts";
import { commandLine, killIfThere } from "./processes.ts";

const execute = promisify(execFile);
// Short: ssh makes sockets below, whose paths may have a hundred bytes.
const prefix = "hf";

/**
 * Gives a test file a temporary folder of its own, and fails after its last test when something lies in it
 * still, or when a mount, a loop device, a network or a process is left that has to do with it. To be
 * called once, before anything else.
 */
export function putEverythingBack(): void {
  const usual = tmpdir();
  let folder = "";
  before(async () => {
    for (const abandoned of await abandonedFolders(prefix)) await tidyUp(abandoned);
    folder = await newOwnedFolder(prefix);
    process.env["TMPDIR"] = folder;
  });
  after(async () => {
    process.env["TMPDIR"] = usual;
    let left = await leftOf(folder);
    // What was killed takes a moment to be gone, and so do the loop devices of what was unmounted.
    for (let tries = 0; left.length > 0 && tries < 100; tries += 1) {
      await sleep(100);
      left = await leftOf(folder);
    }
    if (left.length === 0) rmSync(folder, { recursive: true });
    else await tidyUp(folder);
    assert.deepEqual(left, [], "left behind");
  });
}

/** All that is left of a folder's world, as sentences. */
async function leftOf(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name !== "owner.json");
  const processes = await processesAbout(folder);
  return [
    ...names.map((name) => `file ${name}`),
    ...(await mountsBelow(folder)).map((path) => `mount at ${path}`),
    ...(await loopsOf(folder)).map((device) => `loop device ${device}`),
    ...networksBelow(folder).map((name) => `network ${name}`),
    ...processes.map((pid) => `process ${pid}: ${commandLine(pid)}`),
  ];
}

/** Takes away what is left of a folder's world. */
async function tidyUp(folder: string): Promise<void> {
  for (const network of networksBelow(folder)) await removeNetwork(network);
  for (const pid of await processesAbout(folder)) killIfThere(pid);
  for (const path of (await mountsBelow(folder)).toReversed())
    await execute("umount", ["-l", path]);
  for (const device of await loopsOf(folder)) await execute("losetup", ["--detach", device]);
  await rm(folder, { recursive: true, force: true });
}

async function mountsBelow(folder: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mounts", "utf8");
  const paths = table.split("\n").map((line) => line.split(" ")[1] ?? "");
  return paths.filter((path) => path.startsWith(`${folder}/`));
}

async function loopsOf(folder: string): Promise<readonly string[]> {
  const words = ["--list", "--noheadings", "--output", "NAME,BACK-FILE"];
  const { stdout } = await execute("losetup", words);
  const lines = stdout.split("\n").filter((line) => line.includes(` ${folder}/`));
  return lines.map((line) => line.split(" ")[0] ?? "");
}

/** The other processes that were started for something in a folder, or work there. */
async function processesAbout(folder: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const about = await Promise.all(pids.map(async (pid) => await isAbout(pid, folder)));
  return pids.filter((pid, index) => pid !== process.pid && about[index]);
}

async function isAbout(pid: number, folder: string): Promise<boolean> {
  try {
    if ((await readlink(`/proc/${pid}/cwd`)).startsWith(folder)) return true;
    const files = ["cmdline", "environ"].map((name) => `/proc/${pid}/${name}`);
    const texts = await Promise.all(files.map(async (file) => await readFile(file, "utf8")));
    return texts.some((text) => text.includes(`${folder}/`));
  } catch {
    // It has ended.
    return false;
  }
}
