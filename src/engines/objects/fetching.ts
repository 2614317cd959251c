// Knows: how one object comes here whole, and is what it says it is. Must not know: for which file, and what it is called then.
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { addAbortSignal } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { interruption } from "../../hosts/interruption.ts";
import { HoldfastError, isRetriable } from "../../kernel/errors.ts";
import type { PreparedObjects, StoredObject } from "../../kernel/prepared-source.ts";
import { DiskFailure, onDisk } from "./disk-failure.ts";
import type { Places } from "./layout.ts";
import { type Throttle, Turns } from "./pace.ts";
import { fetchParts, largeFrom, type Parts } from "./parts.ts";
import type { Shelving } from "./shelving.ts";

/** What it takes to fetch. */
export interface FetchingAccess {
  readonly source: PreparedObjects;
  readonly places: Places;
  /** So many requests are under way at once. */
  readonly parallel: number;
  readonly throttle: Throttle;
  readonly shelving: Shelving;
  readonly signal: AbortSignal;
  /** Hears of bytes as they come; of fewer when some come again. */
  readonly onBytes: (bytes: number) => void;
}

/** An object, and what is known of the file that it is for. */
export interface ToFetch {
  readonly object: StoredObject;
  /** SHA-1, as the application believes. */
  readonly claimed?: string;
  /** Seconds since 1970. */
  readonly modified?: number;
}

/** What came of it. */
export type Obtained =
  | {
      readonly kind: "content";
      readonly sha1: string;
      readonly bytes: number;
      readonly added: number;
      /** It was replaced while the backup ran: what is there now was taken. */
      readonly replaced: boolean;
    }
  | {
      readonly kind: "hole";
      readonly reason: string;
      /** The same object will never be anything else. */
      readonly lasting?: true;
    };

const attempts = 5;
const firstPauseMs = 200;
// So many objects in a row that cannot be had mean that there is no store any more.
const hopeless = 10;
// What is smaller is collected in memory, and written at once.
const collectedBytes = 256 * 1024;

/** Fetches objects, each once at a time, and hands them to the shelves. */
export class Fetching {
  readonly #access: FetchingAccess;
  /** To ask the store. */
  readonly #turns: Turns;
  /** To hold what comes until it is written: while one object is, the line brings the next. */
  readonly #hands: Turns;
  readonly #running = new Map<string, Promise<Obtained>>();
  #number = 0;
  #failuresInRow = 0;
  #arrivals = 0;
  /** A store that encrypts, say: its ETags are no MD5 of anything that can be seen. */
  etagsAreNoHashes = false;

  constructor(access: FetchingAccess) {
    const onBytes = (bytes: number): void => {
      if (bytes > 0) this.#arrivals += 1;
      access.onBytes(bytes);
    };
    this.#access = { ...access, onBytes };
    this.#turns = new Turns(access.parallel);
    this.#hands = new Turns(2 * access.parallel);
  }

  /** Whether something is being fetched. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /**
   * Fetches an object. Throws what concerns all of them: no space here, no store there any more, and
   * `interrupted`.
   */
  async fetch(wanted: ToFetch): Promise<Obtained> {
    const { etag, size, key } = wanted.object;
    const same = `${etag} ${size} ${/^[0-9a-f]{32}/.test(etag) ? "" : key}`;
    const running = this.#running.get(same);
    if (running !== undefined) {
      const obtained = await running;
      return obtained.kind === "hole" ? obtained : { ...obtained, added: 0 };
    }
    const fetching = this.#insist(wanted);
    this.#running.set(same, fetching);
    try {
      return await fetching;
    } finally {
      this.#running.delete(same);
    }
  }

  async #insist(wanted: ToFetch): Promise<Obtained> {
    const { signal } = this.#access;
    const course: Course = { pinned: true, seen: new Set() };
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      if (attempt > 1) await pause(firstPauseMs * 2 ** (attempt - 2), signal);
      const obtained = await this.#attempt(wanted, course);
      if (obtained !== undefined) {
        this.#failuresInRow = 0;
        return obtained;
      }
      // The source was patient already. Where nothing else came meanwhile, more patience finds no store either.
      if (isUnusable(course.last) && this.#arrivals === course.before) break;
    }
    this.#failuresInRow += 1;
    const { last } = course;
    if (this.#failuresInRow >= hopeless && last instanceof HoldfastError) throw last;
    const why = last instanceof Error ? last.message : String(last);
    return { kind: "hole", reason: `it could not be fetched: ${why}` };
  }

  /** Nothing: another attempt may help. */
  async #attempt(wanted: ToFetch, course: Course): Promise<Obtained | undefined> {
    const { signal } = this.#access;
    try {
      return await this.#once(wanted, course);
    } catch (error) {
      if (signal.aborted) throw interruption(signal, "the backup");
      if (error instanceof DiskFailure) throw error.cause;
      if (error instanceof HoldfastError && !isRetriable(error)) {
        const isLasting = error.code === "source-unreadable";
        return { kind: "hole", reason: error.message, ...(isLasting && { lasting: true }) };
      }
      // Replaced since it was listed: whatever is there now is the file.
      if (error instanceof HoldfastError && error.code === "object-changed") course.pinned = false;
      course.last = error;
      return undefined;
    }
  }

  /** Nothing: it has to be fetched again to be believed. */
  async #once(wanted: ToFetch, course: Course): Promise<Obtained | undefined> {
    const { object, claimed } = wanted;
    const { shelving, places } = this.#access;
    const isLarge = course.pinned && object.size > largeFrom;
    this.#number += 1;
    const file = join(places.downloading, `${process.pid}-${this.#number}`);
    const whole = async (): Promise<Came> => await this.#whole(wanted, file, course);
    course.before = this.#arrivals;
    const received = await shelving.receive(async () => {
      const came = isLarge ? await this.#inParts(wanted) : await this.#hands.run(whole);
      if (this.#believe({ came, object, claimed }, course)) {
        return { ...came, ...(course.pinned && { etag: object.etag }) };
      }
      await onDisk(async () => await rm(came.file, { force: true }));
      course.last = new Error("what came was another content each time");
      return undefined;
    });
    if (received === undefined) return undefined;
    const { added, content } = received;
    const { sha1, bytes } = content;
    return { kind: "content", sha1, bytes, added, replaced: !course.pinned };
  }

  /** What agrees with the row or with the store is believed, anything else when it comes twice. */
  #believe(
    { came, object, claimed }: { came: Came; object: StoredObject; claimed: string | undefined },
    { seen, pinned }: Course,
  ): boolean {
    const isPlain = pinned && /^[0-9a-f]{32}$/.test(object.etag) && !this.etagsAreNoHashes;
    if (came.sha1 === claimed || (isPlain && came.md5 === object.etag)) return true;
    if (claimed === undefined && !isPlain) return true;
    if (!seen.has(came.sha1)) {
      seen.add(came.sha1);
      return false;
    }
    if (isPlain) this.etagsAreNoHashes = true;
    return true;
  }

  async #whole({ object, modified }: ToFetch, file: string, course: Course): Promise<Came> {
    const hashes = new Hashes();
    await using sink = new Sink(file);
    try {
      await this.#turns.run(async () => {
        course.before = this.#arrivals;
        await this.#read(object, course.pinned, { hashes, sink });
      });
      await sink.close(modified);
      return { file, ...hashes.digest() };
    } catch (error) {
      this.#access.onBytes(-hashes.bytes);
      throw error;
    }
  }

  async #read(
    { key, etag, size }: StoredObject,
    pinned: boolean,
    { hashes, sink }: { readonly hashes: Hashes; readonly sink: Sink },
  ): Promise<void> {
    const { source, signal, throttle, onBytes } = this.#access;
    const stream = await source.read({ key, ...(pinned ? { etag } : {}) }, signal);
    for await (const chunk of addAbortSignal(signal, stream)) {
      const bytes: Uint8Array = chunk;
      await throttle.take(bytes.length, signal);
      hashes.update(bytes);
      await sink.write(bytes);
      onBytes(bytes.length);
    }
    if (pinned && hashes.bytes !== size) throw new Error(`${hashes.bytes} of ${size} bytes came`);
  }

  async #inParts({ object, modified }: ToFetch): Promise<Came> {
    const access: Parts = { ...this.#access, turns: this.#turns };
    const file = await fetchParts(access, object);
    const hashes = new Hashes();
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      if (this.#access.signal.aborted) throw interruption(this.#access.signal, "the backup");
      hashes.update(chunk);
    }
    await using handle = await open(file, "r+");
    await setTime(handle, modified);
    return { file, ...hashes.digest() };
  }
}

function isUnusable(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === "store-unusable";
}

/** How an object is being fetched, over all attempts. */
interface Course {
  /** Only with the ETag that was listed. */
  pinned: boolean;
  /** SHA-1 of what came and was not believed. */
  readonly seen: Set<string>;
  /** How much had come of all objects when this one's turn came. */
  before?: number;
  /** What kept the last attempt from succeeding. */
  last?: unknown;
}

interface Came {
  readonly file: string;
  readonly sha1: string;
  readonly md5: string;
  readonly bytes: number;
}

class Hashes {
  readonly #sha1: Hash = createHash("sha1");
  readonly #md5: Hash = createHash("md5");
  bytes = 0;

  update(chunk: Uint8Array): void {
    this.#sha1.update(chunk);
    this.#md5.update(chunk);
    this.bytes += chunk.length;
  }

  digest() {
    const { bytes } = this;
    return { sha1: this.#sha1.digest("hex"), md5: this.#md5.digest("hex"), bytes };
  }
}

/** A file that is opened when there is enough to write, and removed unless it was closed. */
class Sink implements AsyncDisposable {
  readonly #path: string;
  #handle: FileHandle | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= collectedBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    const chunks = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    await onDisk(async () => {
      this.#handle ??= await open(this.#path, "w");
      await this.#handle.writeFile(Buffer.concat(chunks));
    });
  }

  /** Gives it its time: seconds since 1970. */
  async close(modified: number | undefined): Promise<void> {
    if (this.#pending.length > 0 || this.#handle === undefined) await this.#flush();
    if (this.#handle !== undefined) await setTime(this.#handle, modified);
    await onDisk(async () => await this.#handle?.close());
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed || this.#handle === undefined) return;
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }
}

async function setTime(handle: FileHandle, modified: number | undefined): Promise<void> {
  if (modified === undefined) return;
  try {
    await handle.utimes(modified, modified);
  } catch {
    // A time that the file system cannot hold: it keeps the one it has.
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch {
    throw interruption(signal, "the backup");
  }
}
