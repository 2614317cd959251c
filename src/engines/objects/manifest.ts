// Knows: what is written down of each file of a snapshot, one a line, in the order of keys. Must not know: why.
import { createReadStream, createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import * as z from "zod";
import type { ObjectEntry, ObjectFile, StoredObject } from "../../kernel/prepared-source.ts";

/*
 * First a line about the whole, then folders, then files in the order of their keys:
 *   {"holdfast":1,"store":"s3://bucket"}
 *   {"folder":"alice/files","modified":1700000000}
 *   {"key":"urn:oid:7","size":5,"sha1":"…","etag":"…","bytes":5,"content":"…","path":"alice/files/a","modified":1700000000}
 * What says which content is meant comes first, so that a line of the last snapshot tells by its beginning
 * whether anything has changed. `content` is only there when it is not what `sha1` says.
 */

/** What says which content is meant: the beginning of the line of a file. */
export function identityOf(
  { key, size, sha1 }: ObjectFile,
  object: StoredObject | undefined,
): string {
  const claimed = sha1 === undefined ? "" : `,"sha1":"${sha1}"`;
  const stored =
    object === undefined ? "" : `,"etag":${JSON.stringify(object.etag)},"bytes":${object.size}`;
  return `{"key":${JSON.stringify(key)},"size":${size}${claimed}${stored}`;
}

/** What became of a file. */
export interface Kept {
  /** SHA-1 of what is kept. Absent: it is only known by its ETag. */
  readonly content?: string;
  /** Why nothing is kept. */
  readonly hole?: string;
  /** Nothing will be kept as long as the object is the same. */
  readonly lasting?: boolean;
}

/** The line of a file. */
export function fileLine(identity: string, file: ObjectFile, kept: Kept): string {
  const content =
    kept.content === undefined || kept.content === file.sha1 ? "" : `,"content":"${kept.content}"`;
  const hole = kept.hole === undefined ? "" : `,"hole":${JSON.stringify(kept.hole)}`;
  const lasting = kept.lasting === true ? ',"lasting":true' : "";
  return `${identity}${content}${hole}${lasting}${placeOf(file)}\n`;
}

/** Where it is and since when: the end of the line of a file. */
function placeOf({ path, modified }: ObjectFile): string {
  const time = modified === undefined ? "" : `,"modified":${modified}`;
  return `,"path":${JSON.stringify(path)}${time}}`;
}

const contentField = /^,"content":"[0-9a-f]{40}"$/;

/** Whether a line tells of this file, at this place, with content that nothing contradicts. */
export function isLineOf(line: string, identity: string, file: ObjectFile): boolean {
  const place = placeOf(file);
  if (file.sha1 !== undefined) return line === identity + place;
  if (!line.startsWith(identity) || !line.endsWith(place)) return false;
  return contentField.test(line.slice(identity.length, -place.length));
}

export function folderLine(path: string, modified: number | undefined): string {
  return `${JSON.stringify({ folder: path, modified })}\n`;
}

/**
 * The SHA-1 of the content that an earlier line of the same identity tells of: "" when it is known by its
 * ETag alone, and nothing when the line is another one or tells of a hole.
 */
export function contentInLine(
  line: string,
  identity: string,
  sha1: string | undefined,
): string | undefined {
  if (!line.startsWith(identity)) return undefined;
  const rest = line.slice(identity.length);
  if (rest.startsWith(',"path":')) return sha1 ?? "";
  return /^,"content":"([0-9a-f]{40})","path":/.exec(rest)?.[1];
}

/** Why an earlier line of the same identity says that nothing can be kept of this object; nothing when it does not. */
export function lastingHoleInLine(line: string, identity: string): string | undefined {
  if (!line.startsWith(`${identity},"hole":`)) return undefined;
  const { hole, lasting } = parseLine(line) ?? {};
  return lasting === true ? hole : undefined;
}

/** The key that a line begins with; nothing when it is not that of a file. */
export function keyInLine(line: string): string | undefined {
  if (!line.startsWith('{"key":"')) return undefined;
  const end = line.indexOf('"', 8);
  const key = line.slice(8, end);
  return key.includes("\\") ? parseLine(line)?.key : key;
}

const Line = z.object({
  folder: z.string().optional(),
  key: z.string().optional(),
  path: z.string().optional(),
  size: z.number().default(0),
  sha1: z.string().optional(),
  etag: z.string().optional(),
  bytes: z.number().optional(),
  content: z.string().optional(),
  hole: z.string().optional(),
  lasting: z.boolean().optional(),
  modified: z.number().optional(),
});

/** One line, read leniently: a newer Holdfast may add to it. Nothing when it cannot be read. */
export function parseLine(line: string): z.output<typeof Line> | undefined {
  try {
    return Line.safeParse(JSON.parse(line)).data;
  } catch {
    // Cut off, or not ours.
    return undefined;
  }
}

/** What the source of a snapshot said, out of a line. */
export function entryInLine(line: string): ObjectEntry | undefined {
  const {
    folder,
    key,
    path,
    size = 0,
    content,
    sha1 = content,
    modified,
    hole,
  } = parseLine(line) ?? {};
  const time = modified === undefined ? {} : { modified };
  if (folder !== undefined) return { kind: "folder", path: folder, ...time };
  if (key === undefined || path === undefined) return undefined;
  const claimed = sha1 === undefined ? {} : { sha1 };
  const refused = hole === undefined ? {} : { refused: hole };
  return { kind: "file", path, key, size, ...claimed, ...time, ...refused };
}

/** The lines of a manifest, in batches. Throws when it is not there or damaged. */
export async function* linesOf(path: string): AsyncGenerator<readonly string[]> {
  const file = createReadStream(path, { highWaterMark: 64 * 1024 });
  const text = createZstdDecompress({ chunkSize: 64 * 1024 });
  file.on("error", (error) => text.destroy(error));
  file.pipe(text);
  text.setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of text) {
      const lines = `${rest}${String(chunk)}`.split("\n");
      rest = lines.pop() ?? "";
      yield lines;
    }
  } finally {
    file.destroy();
  }
}

/** Writes a manifest. What is given goes to the disk when it is closed, or when somebody syncs. */
export class ManifestWriter implements AsyncDisposable {
  readonly #text = createZstdCompress({
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    chunkSize: 64 * 1024,
  });
  readonly #file;
  readonly #done: Promise<unknown>;

  constructor(path: string, store: string) {
    this.#file = createWriteStream(path);
    this.#done = finished(this.#text.pipe(this.#file));
    // Told by `write` or `close`, whichever comes next.
    this.#done.catch(() => this.#text.destroy());
    this.#text.write(`${JSON.stringify({ holdfast: 1, store })}\n`);
  }

  /** Throws what kept it from being written. */
  async write(lines: string): Promise<void> {
    if (lines === "" || this.#text.write(lines)) return;
    await Promise.race([this.#done, new Promise((resolve) => this.#text.once("drain", resolve))]);
  }

  async close(): Promise<void> {
    this.#text.end();
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#text.destroy();
    this.#file.destroy();
    await this.#done.catch(() => {
      // It is given up.
    });
  }
}
