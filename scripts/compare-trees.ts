// Compares a restored tree with the one that was backed up, without trusting any backup tool.
import { type BigIntStats, constants } from "node:fs";
import { access, lstat, open, readdir, readlink } from "node:fs/promises";

/** Two trees, and what may differ between them. */
export interface TreesToCompare {
  readonly original: string;
  readonly restored: string;
  /** Names of files and folders that the backup leaves out, at any depth. */
  readonly leftOutNames: ReadonlySet<string>;
  /** Absolute paths in the original that the backup leaves out. */
  readonly leftOutPaths: ReadonlySet<string>;
  /** Also anything else may be missing in the restored tree. */
  readonly mayLack: boolean;
  /** What changed in the original after this moment is no difference. */
  readonly since: Date;
}

export interface Comparison {
  readonly files: number;
  readonly folders: number;
  readonly links: number;
  readonly bytes: number;
  /** Sentences, one for each path that is not the same. */
  readonly differences: readonly string[];
  /** Paths that changed, or could not be read, while and after the backup read them. */
  readonly notCompared: readonly string[];
}

/** A path inside both trees. Names are bytes: they need not be text. */
interface Pair {
  readonly original: Buffer;
  readonly restored: Buffer;
}

const slash = Buffer.from("/");

/**
 * Compares names, kinds, contents, targets of links, permissions and times, and as root the owners.
 * Sockets are in no backup; of devices and pipes only that they are there is compared.
 */
export async function compareTrees(trees: TreesToCompare): Promise<Comparison> {
  const comparison = new RunningComparison(trees);
  await comparison.compare({
    original: Buffer.from(trees.original),
    restored: Buffer.from(trees.restored),
  });
  return comparison;
}

class RunningComparison implements Comparison {
  readonly trees: TreesToCompare;
  files = 0;
  folders = 0;
  links = 0;
  bytes = 0;
  readonly differences: string[] = [];
  readonly notCompared: string[] = [];

  constructor(trees: TreesToCompare) {
    this.trees = trees;
  }

  async compare(pair: Pair): Promise<void> {
    const original = await lstat(pair.original, { bigint: true });
    const restored = await lstatIfThere(pair.restored);
    if (original.isSocket()) return;
    if (restored === undefined) return await this.lacking(pair, original);
    const difference = metadataDifference(original, restored);
    if (difference !== undefined) this.differs(pair, original, difference);
    else if (original.isDirectory()) await this.compareFolders(pair);
    else if (original.isSymbolicLink()) await this.compareLinks(pair, original);
    else if (original.isFile()) await this.compareFiles(pair, original);
  }

  differs(pair: Pair, original: BigIntStats, difference: string): void {
    const path = pair.original.toString();
    if (this.changedSince(original)) this.notCompared.push(path);
    else this.differences.push(`${path}: ${difference}`);
  }

  async lacking(pair: Pair, original: BigIntStats): Promise<void> {
    if (this.trees.mayLack) return;
    if (!original.isSymbolicLink() && !(await isReadable(pair.original))) {
      this.notCompared.push(pair.original.toString());
    } else this.differs(pair, original, "is not in the restored tree");
  }

  changedSince({ ctimeMs }: BigIntStats): boolean {
    return Number(ctimeMs) >= this.trees.since.getTime();
  }

  async compareFolders(pair: Pair): Promise<void> {
    this.folders += 1;
    const names = await namesIn(pair.original);
    if (names === undefined) {
      this.notCompared.push(pair.original.toString());
      return;
    }
    const inside = (name: Buffer): Pair => ({
      original: Buffer.concat([pair.original, slash, name]),
      restored: Buffer.concat([pair.restored, slash, name]),
    });
    const known = new Set(names.map((name) => name.toString("latin1")));
    for (const name of (await namesIn(pair.restored)) ?? []) {
      if (!known.has(name.toString("latin1"))) {
        this.differences.push(`${inside(name).original.toString()}: is only in the restored tree`);
      }
    }
    for (const name of names) {
      const path = inside(name).original.toString();
      const leftOut = this.trees.leftOutNames.has(name.toString());
      if (!leftOut && !this.trees.leftOutPaths.has(path)) await this.compare(inside(name));
    }
  }

  async compareLinks(pair: Pair, original: BigIntStats): Promise<void> {
    this.links += 1;
    const [target, restoredTarget] = await Promise.all([
      readlink(pair.original, "buffer"),
      readlink(pair.restored, "buffer"),
    ]);
    if (!target.equals(restoredTarget)) this.differs(pair, original, "points somewhere else");
  }

  async compareFiles(pair: Pair, original: BigIntStats): Promise<void> {
    const same = await sameContent(pair);
    if (same === undefined) {
      this.notCompared.push(pair.original.toString());
      return;
    }
    this.files += 1;
    this.bytes += Number(original.size);
    if (!same) this.differs(pair, original, "has other content");
  }
}

function metadataDifference(original: BigIntStats, restored: BigIntStats): string | undefined {
  const kind = 0o170000n;
  if ((original.mode & kind) !== (restored.mode & kind)) return "is of another kind";
  // The size of a folder is its file system's business; nothing can set the rest of these.
  if (original.isFile() && original.size !== restored.size) return "has another size";
  if (!original.isSymbolicLink() && original.mode !== restored.mode) {
    return "has other permissions";
  }
  if (original.mtimeNs !== restored.mtimeNs) return "has another time of change";
  const root = process.getuid?.() === 0;
  if (root && (original.uid !== restored.uid || original.gid !== restored.gid)) {
    return "has another owner";
  }
  return undefined;
}

async function lstatIfThere(path: Buffer): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function isReadable(path: Buffer): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return true;
  } catch {
    // Whatever the reason: the backup could not read it either, and has said so.
    return false;
  }
}

/** Undefined when this user may not look into the folder. */
async function namesIn(path: Buffer): Promise<readonly Buffer[] | undefined> {
  try {
    return await readdir(path, "buffer");
  } catch (error) {
    if (isCode(error, "EACCES")) return undefined;
    throw error;
  }
}

/** Undefined when this user may not read the original. */
async function sameContent(pair: Pair): Promise<boolean | undefined> {
  const chunk = 1024 ** 2;
  try {
    await using original = await open(pair.original);
    await using restored = await open(pair.restored);
    const [left, right] = [Buffer.alloc(chunk), Buffer.alloc(chunk)];
    for (;;) {
      const [a, b] = await Promise.all([fill(original, left), fill(restored, right)]);
      if (!left.subarray(0, a).equals(right.subarray(0, b))) return false;
      if (a < chunk) return true;
    }
  } catch (error) {
    if (isCode(error, "EACCES")) return undefined;
    throw error;
  }
}

/** Reads until the buffer is full or the file ends; says how much there was. */
async function fill(file: Awaited<ReturnType<typeof open>>, buffer: Buffer): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
