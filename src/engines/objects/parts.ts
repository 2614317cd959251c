// Knows: how a large object is fetched in parts, side by side, and where a later backup goes on. Must not know: what it holds.
import { createHash } from "node:crypto";
import { type FileHandle, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { addAbortSignal } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError, isRetriable } from "../../kernel/errors.ts";
import type { PreparedObjects, StoredObject } from "../../kernel/prepared-source.ts";
import { DiskFailure, onDisk } from "./disk-failure.ts";
import type { Places } from "./layout.ts";
import type { Throttle, Turns } from "./pace.ts";

/** Bytes from which on an object is fetched in parts. */
export const largeFrom = 64 * 1024 ** 2;
const partBytes = 16 * 1024 ** 2;
const attempts = 4;
const sideBySide = 64;

/** What it takes to fetch parts. */
export interface Parts {
  readonly source: PreparedObjects;
  readonly places: Places;
  readonly turns: Turns;
  readonly throttle: Throttle;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Fetches what is missing of an object into a file named after it, and says which. A part counts when it is on
 * the disk: then a list beside the file names it, and nobody fetches it again.
 */
export async function fetchParts(access: Parts, object: StoredObject): Promise<string> {
  const { source, places } = access;
  const whose = [source.store, object.key, object.etag, object.size].join("\0");
  const file = join(places.downloading, `large-${createHash("sha1").update(whose).digest("hex")}`);
  const listFile = `${file}.parts`;
  const done = await listed(listFile);
  const count = Math.ceil(object.size / partBytes);
  {
    await using handle = await onDisk(async () => await open(file, done.size === 0 ? "w" : "r+"));
    await using list = await onDisk(async () => await open(listFile, "a"));
    const missing = Array.from({ length: count }, (_, part) => part).filter(
      (part) => !done.has(part),
    );
    access.onBytes(done.size * partBytes);
    const fetchNext = async (): Promise<void> => {
      for (let part = missing.shift(); part !== undefined; part = missing.shift()) {
        const number = part;
        await access.turns.run(async () => await insist(access, { object, handle, number }));
        await onDisk(async () => {
          await handle.datasync();
          await list.appendFile(`${number}\n`);
        });
      }
    };
    const workers = Array.from({ length: Math.min(sideBySide, count) }, fetchNext);
    const ends = await Promise.allSettled(workers);
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  // From here on it is read as a whole: if that fails, all of it comes again.
  await onDisk(async () => await rm(listFile, { force: true }));
  return file;
}

async function listed(path: string): Promise<ReadonlySet<number>> {
  try {
    const lines = (await readFile(path, "utf8")).split("\n");
    return new Set(lines.slice(0, -1).map(Number));
  } catch {
    // Nothing of it was fetched yet.
    return new Set();
  }
}

interface Part {
  readonly object: StoredObject;
  readonly handle: FileHandle;
  readonly number: number;
}

async function insist(access: Parts, part: Part): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetchPart(access, part);
    } catch (error) {
      const isFinal =
        access.signal.aborted ||
        error instanceof DiskFailure ||
        (error instanceof HoldfastError &&
          // With a store that cannot be used, its source has been patient already.
          (["object-changed", "store-unusable"].includes(error.code) || !isRetriable(error)));
      if (isFinal || attempt === attempts) throw error;
    }
    await sleep(200 * 2 ** (attempt - 1), undefined, { signal: access.signal });
  }
}

async function fetchPart(access: Parts, { object, handle, number }: Part): Promise<void> {
  const { source, throttle, signal, onBytes } = access;
  const first = number * partBytes;
  const last = Math.min(first + partBytes, object.size) - 1;
  const { key, etag } = object;
  const stream = await source.read({ key, etag, range: [first, last] }, signal);
  let at = first;
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      const bytes: Uint8Array = chunk;
      if (at + bytes.length > last + 1) throw new Error("more came than was asked for");
      await throttle.take(bytes.length, signal);
      const position = at;
      await onDisk(async () => await writeAll(handle, bytes, position));
      at += bytes.length;
      onBytes(bytes.length);
    }
    if (at !== last + 1) throw new Error(`${at - first} of ${last + 1 - first} bytes came`);
  } catch (error) {
    onBytes(first - at);
    throw error;
  }
}

/** A disk that is getting full takes less than it is given, before it says so. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
