// Knows: how fetched content gets its names, and that it is on the disk before. Must not know: where it came from.
import { linkSync, mkdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "./errors.ts";
import { isTelling, type Places, shelfOf } from "./layout.ts";

/** Content in a file of its own that nobody knows yet. */
export interface Fetched {
  readonly file: string;
  readonly sha1: string;
  readonly bytes: number;
  /** Of the object that it is all of. Absent: it was not pinned to one. */
  readonly etag?: string;
}

// A disk is not kept busy with syncs alone, nor this process with starting them: so many times as long as one
// takes, nothing is synced while more is coming.
const restShare = 2;
const shortestRestMs = 500;
const longestRestMs = 2000;

interface Waiting {
  readonly fetched: Fetched;
  readonly resolve: (added: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Names content by its hash. A name is only given to what is on the disk: after a power cut nothing stands
 * for content that it is not. One sync serves all who wait for it.
 */
export class Shelving {
  readonly #places: Places;
  readonly #sync: () => Promise<void>;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #coming = 0;
  #rest = new AbortController();

  constructor(places: Places, sync: () => Promise<void>) {
    this.#places = places;
    this.#sync = sync;
  }

  /** Waits for content, if any comes of it, and keeps it: then it says by how many bytes the store has grown. */
  async receive<Content extends Fetched>(
    bring: () => Promise<Content | undefined>,
  ): Promise<{ readonly content: Content; readonly added: number } | undefined> {
    this.#coming += 1;
    let content: Content | undefined;
    try {
      content = await bring();
    } finally {
      this.#coming -= 1;
      if (this.#coming === 0) this.#rest.abort();
    }
    return content && { content, added: await this.#put(content) };
  }

  async #put(fetched: Fetched): Promise<number> {
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ fetched, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Lets an ETag name content that is there. */
  tag(sha1: string, etag: string): void {
    const path = join(this.#places.sha1, shelfOf(sha1));
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
    linkInstead(path, join(this.#places.etag, shelfOf(etag)));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const started = performance.now();
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#sync();
        for (const { fetched, resolve } of group) resolve(shelve(this.#places, fetched));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      if (this.#coming > 0) await this.#pause(restShare * (performance.now() - started));
    }
    this.#isRunning = false;
  }

  /** More comes meanwhile, and is served by one sync as well. */
  async #pause(milliseconds: number): Promise<void> {
    this.#rest = new AbortController();
    const { signal } = this.#rest;
    const length = Math.min(Math.max(milliseconds, shortestRestMs), longestRestMs);
    await sleep(length, undefined, { signal }).catch(() => {});
  }
}

/** Gives content its names. What is there under one of them stays, as snapshots have links to it. */
function shelve(places: Places, { file, sha1, bytes, etag }: Fetched): number {
  const path = join(places.sha1, shelfOf(sha1));
  // Nobody else adds to it meanwhile.
  const known = statSync(path, { throwIfNoEntry: false });
  if (known?.size === bytes) unlinkSync(file);
  // Where there is one of another size it was cut short by whatever: snapshots that hold it stay damaged, later ones are whole.
  else moveInto(file, path);
  if (etag !== undefined && isTelling(etag)) {
    linkInstead(path, join(places.etag, shelfOf(etag)));
  }
  return known === undefined ? bytes : 0;
}

function moveInto(file: string, path: string): void {
  try {
    renameSync(file, path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true });
    renameSync(file, path);
  }
}

/** Makes one inode of what lies at an ETag and what is known under the hash that it turned out to have. */
export function adopt(places: Places, { etag, sha1 }: { etag: string; sha1: string }): void {
  const tagged = join(places.etag, shelfOf(etag));
  const path = join(places.sha1, shelfOf(sha1));
  if (!linkInto(tagged, path)) linkInstead(path, tagged);
}

/** Lets an ETag name this content, whatever it named before. */
function linkInstead(path: string, to: string): void {
  if (linkInto(path, to)) return;
  const known = statSync(to, { throwIfNoEntry: false });
  if (known === undefined || known.ino === statSync(path).ino) return;
  unlinkSync(to);
  linkInto(path, to);
}

/** False: there is something, or as many links as the file system allows. */
function linkInto(path: string, to: string): boolean {
  for (const attempt of ["first", "with its folder"]) {
    try {
      linkSync(path, to);
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (code === "EEXIST" || code === "EMLINK") return false;
      if (code !== "ENOENT" || attempt !== "first") throw error;
      mkdirSync(dirname(to), { recursive: true });
    }
  }
  return false;
}
