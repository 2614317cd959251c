// Knows: how paths are found in snapshots that are plain folders. Must not know: how results are shown.
import { posix } from "node:path";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { Found } from "../engine.ts";
import { findNamesCommand, findPathsCommand, findPatternCommand } from "./commands.ts";
import { folderOf } from "./layout.ts";
import type { Mirror } from "./mirror.ts";
import type { Record } from "./record.ts";
import { originalPath, pathInSnapshot } from "./sources.ts";

/** Finds a name or a path, in which `*` fits anything, in these snapshots; newest first. */
export async function findInSnapshots(
  mirror: Mirror,
  { pattern, snapshots }: { readonly pattern: string; readonly snapshots: readonly Snapshot[] },
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const newestFirst = snapshots.toSorted((a, b) => b.time.getTime() - a.time.getTime());
  const records = await recordsOf(mirror, signal);
  const found: Found[] = [];
  // One after the other: a disk that is asked two things at once answers neither.
  for (const snapshot of newestFirst) {
    const record = records.get(snapshot.id);
    const command = commandFor(folderOf(mirror.places, snapshot.id), record, pattern);
    if (command === undefined) continue;
    const { stdout } = await mirror.run(command, signal);
    found.push(...parseFound(stdout, { snapshot, record, mirror }));
  }
  return found;
}

/** What is known of snapshots, by id: where their files came from. */
async function recordsOf(
  mirror: Mirror,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Record>> {
  if (mirror.places.layout !== "none") return (await mirror.standing(signal)).records;
  const record = await mirror.mirrorRecord(signal);
  return new Map(record === undefined ? [] : [[record.id, record]]);
}

function commandFor(folder: string, record: Record | undefined, pattern: string) {
  if (!pattern.includes("/")) return findNamesCommand([folder], pattern);
  const inside = pathInSnapshot(record, pattern);
  if (inside === undefined) return undefined;
  // In what the files were called, there was always something before the root of the snapshot.
  const patterns = inside.startsWith("*/") ? [inside, inside.slice(2)] : [inside];
  return /[*?[]/.test(inside)
    ? findPatternCommand(folder, patterns)
    : findPathsCommand([posix.join(folder, inside)]);
}

function parseFound(
  output: string,
  of: { readonly snapshot: Snapshot; readonly record: Record | undefined; readonly mirror: Mirror },
): readonly Found[] {
  const folder = folderOf(of.mirror.places, of.snapshot.id);
  const parts = output.split("\0");
  return Array.from({ length: Math.floor(parts.length / 4) }, (_, index) => {
    const [start = "", below = "", size, modified] = parts.slice(index * 4, index * 4 + 4);
    const inSnapshot = posix.relative(folder, posix.join(start, below));
    return {
      snapshot: of.snapshot.id,
      path: originalPath(of.record, inSnapshot),
      bytes: Number(size),
      modified: new Date(Number(modified) * 1000),
    };
  });
}
