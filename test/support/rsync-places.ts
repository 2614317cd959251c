// Knows: how a test gets mirrors of each layout. Must not know: what is tested on them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { lstat, mkdtemp, open, readdir, realpath, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Repository } from "../../src/engines/engine.ts";
import { AnyRepository } from "../../src/engines/index.ts";
import type { Host } from "../../src/hosts/host.ts";
import { localHost } from "../../src/hosts/local.ts";
import { newDisk, withoutDisks } from "./disk.ts";
import type { EngineUnderTest, Opening, RepositoryPlace } from "./engine-contract.ts";
import { withoutTools } from "./tools.ts";

export type MirrorLayout = "none" | "hard-links" | "btrfs";

/** How a mirror is opened. */
export interface MirrorOpening extends Opening {
  readonly name?: string;
  readonly here?: Host;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Opens a mirror. */
export function openMirror(
  layout: MirrorLayout,
  location: string,
  opening: MirrorOpening = {},
): Repository {
  const { host = localHost(), name = "tested", options } = opening;
  const spec = { engine: "rsync", at: location, snapshots: layout };
  return AnyRepository.parse({ ...spec, ...options }).open({
    host,
    here: opening.here ?? (host.remote === undefined ? host : localHost()),
    ledger: { promise: () => assert.fail("nothing is left to be undone") },
    location,
    name,
    secret: () => assert.fail("a mirror has no secrets"),
  });
}

/** A folder for one mirror; for btrfs on a disk of its own. */
async function mirrorFolder(
  layout: MirrorLayout,
): Promise<AsyncDisposable & { readonly path: string }> {
  if (layout === "btrfs") return await newDisk({ sizeMiB: 20 * 1024, options: ["compress=zstd"] });
  const path = await mkdtemp(join(await realpath(tmpdir()), "holdfast-mirror-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  };
}

async function mirrorPlace(layout: MirrorLayout, elsewhere?: Elsewhere): Promise<RepositoryPlace> {
  const folder = await mirrorFolder(layout);
  const location = join(folder.path, elsewhere?.folder ?? "mirror");
  const there = elsewhere === undefined ? {} : { host: elsewhere.host() };
  return {
    location,
    open: (opening) => openMirror(layout, location, { ...there, ...opening }),
    create: async () =>
      await openMirror(layout, location, there).init(new AbortController().signal),
    damage: async () => {
      const held = layout === "none" ? location : join(location, "snapshots");
      const path = await largestFile(held);
      const snapshot = path.slice(held.length + 1).split("/")[0] ?? "";
      const writable = async (yes: boolean): Promise<void> => {
        if (layout === "btrfs") await makeWritable(join(held, snapshot), yes);
      };
      await writable(true);
      await flipByte(path);
      await writable(false);
    },
    [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose](),
  };
}

/** Why mirrors of this layout cannot be tested here, or false. */
export function withoutMirror(layout: MirrorLayout): string | false {
  const tools = withoutTools("rsync", "find");
  return tools === false && layout === "btrfs" ? withoutDisks("btrfs") : tools;
}

/** A host that is open by the time a place is made, and a name for the mirror there. */
export interface Elsewhere {
  readonly host: () => Host;
  readonly folder: string;
}

/** Mirrors of one layout, on this machine or on another. */
export function mirrors(layout: MirrorLayout, elsewhere?: Elsewhere): EngineUnderTest {
  const where = elsewhere === undefined ? "" : ", on another machine";
  return {
    name: `rsync with snapshots: ${layout}${where}`,
    skip: withoutMirror(layout),
    secret: "",
    restoredAt: (target) => target,
    newPlace: async () => await mirrorPlace(layout, elsewhere),
    lacks: new Set([
      "passwords",
      "checksums",
      // What is in one folder follows one job.
      ...(layout === "hard-links" ? [] : (["jobs"] as const)),
      ...(layout === "none" ? (["history"] as const) : []),
    ]),
    timeless: (argument) =>
      argument.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "YYYY-MM-DDTHH:MM:SS.mmmZ"),
  };
}

async function makeWritable(subvolume: string, yes: boolean): Promise<void> {
  await promisify(execFile)("btrfs", ["property", "set", "-ts", subvolume, "ro", String(!yes)]);
}

/** The largest file below a folder. No link is followed: some lead out of it. */
async function largestFile(directory: string): Promise<string> {
  const entries = await readdir(directory, { withFileTypes: true });
  let largest = { path: "", size: -1 };
  for (const entry of entries) {
    const path = join(directory, entry.name);
    const found = entry.isDirectory()
      ? await largestFile(path).catch(() => "")
      : entry.isFile()
        ? path
        : "";
    // Names that are no text are not found again.
    const stats = found === "" ? undefined : await lstat(found).catch(() => undefined);
    if (stats?.isFile() === true && stats.size > largest.size) {
      largest = { path: found, size: stats.size };
    }
  }
  return largest.path;
}

/** Changes a byte as a bad disk would: nothing else shows it. */
async function flipByte(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  {
    await using file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
    const at = 1000;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    await file.write(Buffer.of((buffer[0] ?? 0) ^ 0xff), 0, 1, at);
  }
  await utimes(path, atime, mtime);
}
