// Knows: what is in the snapshots of a repository of readable trees, by looking. Must not know: what should be.
import { createHash } from "node:crypto";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** One file of a tree. */
export interface TreeFile {
  readonly size: number;
  readonly sha1: string;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Everything in a folder. Paths are relative to it. */
export interface Tree {
  readonly files: ReadonlyMap<string, TreeFile>;
  readonly folders: ReadonlySet<string>;
}

/** Reads a folder with all that is in it. */
export async function readTree(root: string): Promise<Tree> {
  const files = new Map<string, TreeFile>();
  const folders = new Set<string>();
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const whole = join(entry.parentPath, entry.name);
    const path = whole.slice(root.length + 1);
    if (entry.isDirectory()) {
      folders.add(path);
      continue;
    }
    const sha1 = createHash("sha1")
      .update(await readFile(whole))
      .digest("hex");
    const { size, mtimeMs } = await lstat(whole);
    files.set(path, { size, sha1, mtime: Math.floor(mtimeMs / 1000) });
  }
  return { files, folders };
}

/** The snapshots that anybody can see, oldest first by their names. */
export async function visibleSnapshots(repository: string): Promise<readonly string[]> {
  const folder = join(repository, "snapshots");
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => !name.startsWith("."))
    .toSorted()
    .map((name) => join(folder, name));
}
