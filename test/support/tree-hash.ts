// Knows: how to tell whether anything in a folder has changed. Must not know: what is in it.
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/**
 * Names, kinds, permissions, times of change and contents of all that is below a folder, as one
 * hash. Two that are equal: nothing was written between.
 */
export async function treeHash(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).toSorted();
  const hash = createHash("sha256");
  for (const name of names) {
    const path = join(folder, name);
    const { mode, mtimeMs } = await lstat(path);
    hash.update(JSON.stringify([name, mode, mtimeMs]));
    hash.update(await contentOf(path));
  }
  return hash.digest("hex");
}

async function contentOf(path: string): Promise<Uint8Array | string> {
  const state = await lstat(path);
  if (state.isSymbolicLink()) return await readlink(path);
  return state.isFile() ? await readFile(path) : "";
}

/** The contents of all files below a folder, by their path in it. */
export async function filesIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const contents = files.map(async (file) => {
    const path = join(file.parentPath, file.name);
    return [path.slice(folder.length + 1), await readFile(path, "utf8")] as const;
  });
  return Object.fromEntries(await Promise.all(contents));
}
