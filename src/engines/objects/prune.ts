// Knows: which content no snapshot holds, and how it is removed beside a running backup. Must not know: why snapshots went.
import { lstatSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../hosts/host.ts";
import { interruption } from "../../hosts/interruption.ts";
import { codeOf } from "./errors.ts";
import type { Places } from "./layout.ts";
import { indexIn, Numbers } from "./numbers.ts";
import { eachStoredName } from "./stored-names.ts";

/** What is removed. */
export interface Pruning {
  readonly host: Host;
  readonly places: Places;
  /** Content that was touched since then may belong to a backup that is running. Milliseconds since 1970. */
  readonly beforeMs: number;
}

// An inode with more names than that has them from snapshots: nobody finds the same under as many ETags.
const mostNames = 16;
const dayMs = 86_400_000;
// A large object that was cut off is gone on with until then.
const partsKeptMs = 7 * dayMs;

/**
 * Removes content that only the store itself links to. A snapshot's files are links of their own: whatever is
 * misjudged here, they stay, and the worst that can happen is that something is fetched once more. Answers with
 * the bytes that became free.
 */
export async function collectGarbage(pruning: Pruning, signal: AbortSignal): Promise<number> {
  const garbage = await unheldInodes(pruning, signal);
  if (garbage.length === 0) return 0;
  const paths: string[] = [];
  let freed = 0;
  const removeAll = (): void => {
    for (const path of paths.splice(0)) freed += removeUnheld(join(pruning.places.store, path));
  };
  await eachOld(pruning, signal, ({ inode, path }) => {
    if (indexIn(garbage, inode) === -1) return;
    paths.push(path);
    if (paths.length === 1000) removeAll();
  });
  removeAll();
  return freed;
}

/** Inodes of which every name is in the store. Ascending. */
async function unheldInodes(pruning: Pruning, signal: AbortSignal): Promise<Float64Array> {
  // By how many names an inode has: it is unheld when as many were met.
  const byLinks = new Map<number, Numbers>();
  await eachOld(pruning, signal, ({ inode, links }) => {
    if (links > mostNames) return;
    const met = byLinks.get(links) ?? new Numbers();
    met.push(inode);
    byLinks.set(links, met);
  });
  const unheld = new Numbers();
  for (const [links, met] of byLinks) {
    const sorted = met.sorted();
    for (let at = 0; at < sorted.length;) {
      const inode = sorted[at] ?? 0;
      let names = 1;
      while (sorted[at + names] === inode) names += 1;
      if (names === links) unheld.push(inode);
      at += names;
    }
  }
  return unheld.sorted();
}

async function eachOld(
  { host, places, beforeMs }: Pruning,
  signal: AbortSignal,
  tell: (name: { readonly inode: number; readonly links: number; readonly path: string }) => void,
): Promise<void> {
  const yesterday = Date.now() - dayMs;
  await eachStoredName({ host, places }, { folders: ["etag", "sha1"], signal }, (name) => {
    if (signal.aborted) throw interruption(signal, "pruning");
    // What the predecessor, or a thread of ours, is fetching.
    const limit = name.path.endsWith(".downloading") ? yesterday : beforeMs;
    if (name.changed < limit) tell(name);
  });
}

/** Bytes that became free: those of an inode go with its last name. */
function removeUnheld(path: string): number {
  try {
    const { nlink, size } = lstatSync(path);
    if (nlink > mostNames) return 0;
    unlinkSync(path);
    return nlink === 1 ? size : 0;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0;
    throw error;
  }
}

/** What interrupted backups were fetching, but for parts of large objects. Answers with the bytes that became free. */
export function removeDownloads({ downloading }: Places): number {
  let freed = 0;
  for (const name of namesIn(downloading)) {
    const path = join(downloading, name);
    const state = lstatSync(path, { throwIfNoEntry: false });
    if (state === undefined) continue;
    if (name.startsWith("large-") && Date.now() - state.mtimeMs < partsKeptMs) continue;
    unlinkSync(path);
    if (state.nlink === 1) freed += state.size;
  }
  return freed;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** Manifests and records of snapshots that are gone. */
export function removeStaleManifests({ manifests }: Places, names: ReadonlySet<string>): void {
  for (const file of namesIn(manifests)) {
    const name = file.replace(/\.(jsonl\.zst|json)(\.new)?$/, "");
    if (!names.has(name) || file.endsWith(".new")) unlinkSync(join(manifests, file));
  }
}
