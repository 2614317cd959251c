// Knows: a private directory with a path short enough for a socket. Must not know: what is in it.
import { createHash } from "node:crypto";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive, type ProcessIdentity, thisProcess } from "../process-identity.ts";

// The path of a socket has room for 108 bytes on Linux and 104 elsewhere (unix(7)), and ssh adds 17 to it
// while it makes one. rsync cuts the words that it is given for ssh at blanks.
const fits = /^\/[\w./+-]{1,30}$/;

/**
 * Makes a directory that only this user can enter. What a killed process left of its own in the same
 * place is removed.
 */
export async function makePrivateDirectory(): Promise<string> {
  const folder = fits.test(tmpdir()) ? tmpdir() : "/tmp";
  const made = await mkdtemp(join(folder, prefixOf(thisProcess())));
  // What cannot be removed hinders nobody; the next one tries again.
  await removeAbandoned(folder).catch(() => undefined);
  return made;
}

/** Says whose it is, so that the next process knows whether that one still lives. */
function prefixOf({ bootId, pidNamespace, pid, startTicks }: ProcessIdentity): string {
  const world = createHash("sha256").update(`${bootId} ${pidNamespace}`).digest("hex").slice(0, 8);
  return `holdfast-ssh-${world}.${pid}.${startTicks ?? ""}-`;
}

async function removeAbandoned(folder: string): Promise<void> {
  const here = thisProcess();
  // Without it a number says nothing: another process may have it now.
  if (here.startTicks === undefined) return;
  for (const name of await readdir(folder)) {
    const [, pid, startTicks] = /^holdfast-ssh-[0-9a-f]+\.(\d+)\.(\d+)-/.exec(name) ?? [];
    const owner = { ...here, pid: Number(pid), startTicks: Number(startTicks) };
    if (!name.startsWith(prefixOf(owner)) || isAlive(owner) !== "dead") continue;
    const path = join(folder, name);
    const state = await lstat(path).catch(() => undefined); // somebody else has just removed it
    if (!state?.isDirectory() || state.uid !== process.geteuid?.()) continue;
    await rm(path, { recursive: true, force: true });
  }
}
