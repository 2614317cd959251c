// Knows: how a test gets repositories of readable trees. Must not know: what is tested on them.
import assert from "node:assert/strict";
import { mkdtemp, open, readdir, realpath, rm, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Repository } from "../../src/engines/engine.ts";
import { objects } from "../../src/engines/objects/index.ts";
import { localHost } from "../../src/hosts/local.ts";
import { withoutTools } from "./tools.ts";
import { folderAsObjects } from "./objects-source.ts";
import type { EngineUnderTest, Opening, RepositoryPlace } from "./engine-contract.ts";

/** How a repository of readable trees is opened. */
export interface ObjectsOpening extends Opening {
  readonly name?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Opens a repository of readable trees. */
export function openObjects(location: string, opening: ObjectsOpening = {}): Repository {
  const { host = localHost(), name = "tested", options } = opening;
  return objects.parse({ engine: "objects", at: location, ...options }).open({
    host,
    here: host,
    ledger: { promise: () => assert.fail("nothing is left to be undone") },
    location,
    name,
    secret: () => assert.fail("trees have no secrets"),
  });
}

/**
 * A folder that vanishes when it is disposed of: in memory where there is enough of it, because a backup puts
 * all that its file system has not yet written on the disk, be it of others.
 */
export async function quickFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const memory = "/dev/shm";
  const state = await statfs(memory).catch(() => undefined);
  const isRoomy = state !== undefined && state.bavail * state.bsize > 4 * 1024 ** 3;
  const around = isRoomy ? memory : await realpath(tmpdir());
  const path = await mkdtemp(join(around, "holdfast-objects-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  };
}

/** A folder of this machine for one repository. */
async function objectsPlace(): Promise<RepositoryPlace> {
  const folder = await quickFolder();
  const location = join(folder.path, "repository");
  return {
    location,
    open: (opening) => openObjects(location, opening),
    create: async () => await openObjects(location).init(new AbortController().signal),
    damage: async () => void (await damageContent(location)),
    [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose](),
  };
}

/** Readable trees on this machine. */
export const objectsUnderTest: EngineUnderTest = {
  name: "objects",
  skip: withoutTools("find", "sync", "cp"),
  secret: "",
  restoredAt: (target) => target,
  newPlace: objectsPlace,
  prepare: ([path]) => folderAsObjects(path ?? assert.fail("no path")),
  lacks: new Set(["passwords", "reading", "paths", "places", "attributes"]),
};

/** Changes a byte of the largest content, as a bad disk would. Answers with its hash. */
export async function damageContent(location: string): Promise<string> {
  const folder = join(location, ".data", "sha1");
  let largest = { name: "", size: -1 };
  for (const name of await readdir(folder, { recursive: true })) {
    const state = await stat(join(folder, name));
    if (state.isFile() && state.size > largest.size) largest = { name, size: state.size };
  }
  await using file = await open(join(folder, largest.name), "r+");
  const at = Math.min(1000, largest.size - 1);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 0xff), 0, 1, at);
  return largest.name.replace("/", "");
}
