// Knows: stores of objects that cost a test nothing. Must not know: who backs them up.
import { createHash } from "node:crypto";
import { createReadStream, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { HoldfastError } from "../../src/kernel/errors.ts";
import type {
  ObjectEntry,
  ObjectFile,
  ObjectRequest,
  PreparedObjects,
  StoredObject,
} from "../../src/kernel/prepared-source.ts";

const release = async (): Promise<void> => {
  // Nothing was taken.
};

async function* inBatches<Item>(
  items: readonly Item[],
  size: number,
): AsyncGenerator<readonly Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

function byKey<Item extends { readonly key: string }>(items: readonly Item[]): readonly Item[] {
  return items.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

/**
 * The files of a folder as they are now, each an object whose key is its path. Their ETags say nothing about
 * content. Links and names that are no text are left out.
 */
export function folderAsObjects(folder: string): PreparedObjects {
  const entries: ObjectEntry[] = [];
  const files: ObjectFile[] = [];
  const stored: StoredObject[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      if (entry.name.includes("\ufffd")) continue;
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      const { mtimeMs, size, ino } = lstatSync(join(folder, path));
      const modified = mtimeMs / 1000;
      if (entry.isDirectory()) {
        entries.push({ kind: "folder", path, modified });
        walk(path);
      }
      if (!entry.isFile()) continue;
      files.push({ kind: "file", path, key: path, size, modified });
      stored.push({ key: path, size, etag: `W-${ino}-${size}-${mtimeMs}`, modified: mtimeMs });
    }
  };
  walk("");
  return {
    kind: "objects",
    store: folder,
    entries: () => inBatches([...entries, ...byKey(files)], 500),
    objects: () => inBatches(byKey(stored), 1000),
    read: async ({ key, range }, signal) =>
      createReadStream(join(folder, key), {
        signal,
        highWaterMark: 256 * 1024,
        ...(range === undefined ? {} : { start: range[0], end: range[1] }),
      }),
    [Symbol.asyncDispose]: release,
  };
}

/** Called before each answer: may throw, wait, or give another stream. */
type Interference = (request: ObjectRequest, content: Buffer) => Promise<Readable | undefined>;

/** A store in memory, with the rows of an application. */
export class MemoryStore {
  readonly name: string;
  readonly #objects = new Map<string, { readonly content: Buffer; readonly etag: string }>();
  readonly #entries = new Map<string, ObjectEntry>();
  /** Every reading, in order. */
  readonly reads: ObjectRequest[] = [];
  interfere?: Interference;

  constructor(name = "s3://memory") {
    this.name = name;
  }

  /** Puts an object into the store. Its ETag is that of an upload in one part, unless another is given. */
  put(key: string, content: string | Buffer, etag?: string): string {
    const bytes = Buffer.from(content);
    const md5 = createHash("md5").update(bytes).digest("hex");
    this.#objects.set(key, { content: bytes, etag: etag ?? md5 });
    return createHash("sha1").update(bytes).digest("hex");
  }

  remove(key: string): void {
    this.#objects.delete(key);
  }

  /** Adds a file with its object; the row says nothing about the content but its size, unless told. */
  add(path: string, content: string | Buffer, more: Partial<ObjectFile> = {}): ObjectFile {
    const { key = `urn:oid:${this.#entries.size + 1}` } = more;
    this.put(key, content);
    const file = { kind: "file", path, key, size: Buffer.byteLength(content), ...more } as const;
    this.row(file);
    return file;
  }

  /** Adds a row alone. */
  row(entry: ObjectEntry): void {
    const id = entry.kind === "folder" ? `folder ${entry.path}` : `${entry.key} ${entry.path}`;
    this.#entries.set(id, entry);
  }

  /** Takes the rows of a path away. */
  dropRow(path: string): void {
    for (const [id, entry] of this.#entries) if (entry.path === path) this.#entries.delete(id);
  }

  prepared(): PreparedObjects {
    const all = [...this.#entries.values()];
    const folders = all.filter((entry) => entry.kind === "folder");
    const files = byKey(all.filter((entry) => entry.kind === "file"));
    const stored = [...this.#objects].map(([key, { content, etag }]) => ({
      key,
      etag,
      size: content.length,
      modified: 0,
    }));
    return {
      kind: "objects",
      store: this.name,
      entries: () => inBatches([...folders, ...files], 3),
      objects: () => inBatches(byKey(stored), 2),
      read: async (request) => await this.#read(request),
      [Symbol.asyncDispose]: release,
    };
  }

  async #read(request: ObjectRequest): Promise<Readable> {
    this.reads.push(request);
    const before = this.#objects.get(request.key)?.content ?? Buffer.alloc(0);
    const other = await this.interfere?.(request, before);
    if (other !== undefined) return other;
    const found = this.#objects.get(request.key);
    if (found === undefined) {
      throw new HoldfastError("object-missing", `there is no object ${request.key}`);
    }
    if (request.etag !== undefined && request.etag !== found.etag) {
      throw new HoldfastError("object-changed", `object ${request.key} was replaced`);
    }
    const [first, last] = request.range ?? [0, found.content.length - 1];
    return Readable.from([found.content.subarray(first, last + 1)]);
  }
}

/** The number after this one among those up to `most`, in the order of their decimal digits; 0 after the last. */
function nextByDigits(number: number, most: number): number {
  if (number * 10 <= most) return number * 10;
  let shorter = number;
  while (shorter % 10 === 9 || shorter === most) shorter = Math.trunc(shorter / 10);
  return shorter === 0 ? 0 : shorter + 1;
}

async function* batched<Item>(
  most: number,
  make: (number: number) => Item,
): AsyncGenerator<readonly Item[]> {
  let batch: Item[] = [];
  for (let number = 1; number !== 0; number = nextByDigits(number, most)) {
    batch.push(make(number));
    if (batch.length < 1000) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

const hexadecimal = Array.from({ length: 0x1_00_00 }, (_, number) =>
  number.toString(16).padStart(4, "0"),
);

/** A hash of nothing, as good as one where nobody looks: no two are the same. Cheap, as there are very many. */
function madeUpHash(number: number, zeros: string): string {
  const mixed = Math.imul(number, 0x9e37_79b1) >>> 0;
  return `${hexadecimal[mixed >>> 16]}${hexadecimal[mixed & 0xff_ff]}${zeros}`;
}

/** Where the content of one of very many files is, as `sha1` says. */
export function hashOfMany(number: number): string {
  return madeUpHash(number, "00000000000000000000000000000000");
}

function oneOfMany(number: number): ObjectEntry {
  return {
    kind: "file",
    path: `alice/files/${Math.floor(number / 10_000)}/${Math.floor(number / 100)}/file ${number}.txt`,
    key: `urn:oid:${number}`,
    size: 1,
    sha1: hashOfMany(number),
    modified: 1_700_000_000 + number,
  };
}

function storedOneOfMany(number: number): StoredObject {
  return {
    key: `urn:oid:${number}`,
    size: 1,
    etag: madeUpHash(number, "000000000000000000000000"),
    modified: 0,
  };
}

/** Very many rows, made as they are asked for. Nothing can be read: what they name has to be there. */
export function manyObjects(count: number): PreparedObjects {
  return {
    kind: "objects",
    store: "s3://many",
    entries: () => batched(count, oneOfMany),
    objects: () => batched(count, storedOneOfMany),
    read: async ({ key }) => {
      throw new Error(`${key} was not to be read`);
    },
    [Symbol.asyncDispose]: release,
  };
}
