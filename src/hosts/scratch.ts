// Knows: private directories that vanish. Must not know: what is kept in them.
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scratch } from "./host.ts";

/**
 * Makes a directory that only this user can enter, in memory where the system offers that (systemd's
 * RUNTIME_DIRECTORY, XDG_RUNTIME_DIR), else below the temporary directory. Disposing of it removes
 * it with all it holds, read-only directories too.
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
      return await mkdtemp(join(folder, prefix));
    } catch {
      // Under sudo these name another user's folder, and after a logout one that is gone.
    }
  }
  return await mkdtemp(join(env["TMPDIR"] ?? tmpdir(), prefix));
}

const prefix = "holdfast-";

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
