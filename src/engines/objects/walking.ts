// Knows: how a snapshot's tree is gone through in small portions. Must not know: what for.
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A file or folder of a snapshot. */
export interface Met {
  readonly kind: "file" | "folder" | "other";
  /** Relative to the snapshot. */
  readonly path: string;
  readonly inode: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly modified: number;
}

const portionSize = 1000;

/** Goes through a tree in any order, folders before what is in them. Holds one folder at a time and its ancestors. */
export function* walk(root: string): Generator<readonly Met[]> {
  let portion: Met[] = [];
  for (const met of below(root, "")) {
    portion.push(met);
    if (portion.length < portionSize) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}

function* below(root: string, folder: string): Generator<Met> {
  const subfolders: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    const { ino: inode, size, mtimeMs } = lstatSync(`${root}/${path}`);
    const kind = entry.isDirectory() ? "folder" : entry.isFile() ? "file" : "other";
    if (kind === "folder") subfolders.push(path);
    yield { kind, path, inode, size, modified: mtimeMs / 1000 };
  }
  for (const subfolder of subfolders) yield* below(root, subfolder);
}
