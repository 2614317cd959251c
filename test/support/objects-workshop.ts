// Knows: how a test backs up a store in memory, and what it then finds on the disk. Must not know: what is tested.
import assert from "node:assert/strict";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BackupRequest, BackupResult, Repository, Work } from "../../src/engines/engine.ts";
import { localHost } from "../../src/hosts/local.ts";
import type { PreparedObjects } from "../../src/kernel/prepared-source.ts";
import type { Snapshot } from "../../src/kernel/snapshot.ts";
import { openObjects, quickFolder, type ObjectsOpening } from "./objects-places.ts";
import { MemoryStore } from "./objects-source.ts";

/** A backup of this source by a job called "tree". */
export function requestFor(source: PreparedObjects): BackupRequest {
  return {
    job: "tree",
    source,
    sourceHost: localHost(),
    selection: {
      exclude: [],
      excludeFiles: [],
      excludeIfPresent: [],
      ignoreCase: false,
      oneFileSystem: false,
    },
    labels: [],
    full: false,
    allowDeletions: false,
  };
}

/** Work that nobody watches and nothing ends. */
export const calmWork: Work = {
  signal: new AbortController().signal,
  progress: () => {
    // Nobody watches.
  },
};

/** A store and a repository for one test. */
export class ObjectsWorkshop implements AsyncDisposable {
  readonly #folder: AsyncDisposable & { readonly path: string };
  readonly store = new MemoryStore();
  readonly location: string;
  readonly repository: Repository;

  private constructor(
    folder: AsyncDisposable & { readonly path: string },
    opening: ObjectsOpening | undefined,
  ) {
    this.#folder = folder;
    this.location = join(folder.path, "repository");
    this.repository = openObjects(this.location, opening);
  }

  /** With a folder of its own, or in this one. */
  static async open(opening?: ObjectsOpening, folder?: string): Promise<ObjectsWorkshop> {
    const around =
      folder === undefined
        ? await quickFolder()
        : { path: folder, [Symbol.asyncDispose]: async () => {} };
    const workshop = new ObjectsWorkshop(around, opening);
    await workshop.repository.init(calmWork.signal);
    return workshop;
  }

  /** The folder that the repository is in. */
  get folder(): string {
    return this.#folder.path;
  }

  async backup(work: Work = calmWork): Promise<BackupResult & { readonly id: string }> {
    const result = await this.repository.backup(requestFor(this.store.prepared()), work);
    const [snapshot] = result.snapshots;
    assert.ok(snapshot !== undefined && result.evidence.listed === true);
    return { ...result, id: snapshot.id };
  }

  async list(): Promise<readonly Snapshot[]> {
    return await this.repository.snapshots({ name: "tree", paths: [] }, calmWork.signal);
  }

  /** Where a file of a snapshot is. */
  at(id: string, path = ""): string {
    return join(this.location, "snapshots", id, path);
  }

  /** Paths and contents of a snapshot; of folders, null. */
  tree(id: string): Readonly<Record<string, string | null>> {
    return treeOf(this.at(id));
  }

  /** Names in the store, without what is written down of snapshots. */
  stored(): readonly string[] {
    const store = join(this.location, ".data");
    return readdirSync(store, { recursive: true, encoding: "utf8" })
      .filter((name) => !name.startsWith("manifests") && lstatSync(join(store, name)).isFile())
      .toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Paths and contents below a folder; of folders, null. */
export function treeOf(root: string): Readonly<Record<string, string | null>> {
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).toSorted();
  return Object.fromEntries(
    paths.map((path) => {
      const whole = join(root, path);
      return [path, lstatSync(whole).isDirectory() ? null : readFileSync(whole, "utf8")];
    }),
  );
}
