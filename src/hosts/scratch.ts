// Knows: private directories that vanish. Must not know: what is kept in them.
import { chmod, lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scratch } from "./host.ts";
import { isAlive, type ProcessIdentity, thisProcess } from "./process-identity.ts";

/**
 * Makes a directory that only this user can enter, in memory where the system offers that (systemd's
 * RUNTIME_DIRECTORY, XDG_RUNTIME_DIR), else below the temporary directory. Disposing of it removes
 * it with all it holds, read-only directories too. What a killed process left of its own is removed
 * when the next one is made in the same place: it may hold secrets.
 */
export async function makeScratch(env: NodeJS.ProcessEnv): Promise<Scratch> {
  const path = await makePrivate(env);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await remove(path);
    },
  };
}

async function makePrivate(env: NodeJS.ProcessEnv): Promise<string> {
  // RUNTIME_DIRECTORY may list several, as systemd.exec(5) says.
  const offered = [env["RUNTIME_DIRECTORY"]?.split(":")[0], env["XDG_RUNTIME_DIR"]];
  for (const folder of offered) {
    if (folder === undefined || folder === "") continue;
    try {
      return await makeIn(folder);
    } catch {
      // Under sudo these name another user's folder, and after a logout one that is gone.
    }
  }
  return await makeIn(env["TMPDIR"] ?? tmpdir());
}

async function makeIn(folder: string): Promise<string> {
  const made = await mkdtemp(join(folder, prefixOf(thisProcess())));
  // What cannot be removed hinders nobody; the next one tries again.
  await removeAbandoned(folder).catch(() => undefined);
  return made;
}

/** Says whose a directory is, so that the next process knows whether that one still lives. */
function prefixOf({ bootId, pidNamespace, pid, startTicks }: ProcessIdentity): string {
  const world = [bootId, pidNamespace].map((text) => text?.replaceAll(/[^0-9a-z]/g, ""));
  return `holdfast-${[...world, pid, startTicks].join(".")}-`;
}

async function removeAbandoned(folder: string): Promise<void> {
  const here = thisProcess();
  // Without it a number says nothing: another process may have it now.
  if (here.startTicks === undefined) return;
  for (const name of await readdir(folder)) {
    const [, pid, startTicks] = /^holdfast-[0-9a-z.]*\.(\d+)\.(\d+)-/.exec(name) ?? [];
    const owner = { ...here, pid: Number(pid), startTicks: Number(startTicks) };
    // Made in another container, or before the machine started again, it has another name.
    if (!name.startsWith(prefixOf(owner)) || isAlive(owner) !== "dead") continue;
    const path = join(folder, name);
    // In a directory of somebody else that one could have us delete whatever a link leads to.
    const state = await lstat(path).catch(() => undefined); // somebody else has just removed it
    if (state?.isDirectory() && state.uid === process.geteuid?.()) await remove(path);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    // Nothing can be deleted from a directory without write permission, unless by root.
    await makeWritable(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" })) {
    // Symbolic links are not directories here, so this never leaves the scratch directory.
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name.toString()));
  }
}
