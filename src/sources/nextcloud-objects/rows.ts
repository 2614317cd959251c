// Knows: what the columns of a row mean. Must not know: which rows are wanted.
import type { Row } from "../../databases/database.ts";
import type { ObjectFile } from "../../kernel/prepared-source.ts";
import { sha1Of } from "./checksum.ts";
import { encryptedReason } from "./encryption.ts";

/** One file of the file cache. */
export interface FileRow {
  readonly number: number;
  readonly storage: number;
  readonly path: string;
  readonly type: number;
  /** What is said of its content, wherever it is kept. */
  readonly content: Omit<ObjectFile, "kind" | "path">;
}

/** Reads a row of `filesQuery`. Keys are its number after the prefix. */
export function readFileRow(row: Row, keyPrefix: string): FileRow {
  const [number, storage, path, type, size, mtime, encrypted, checksum = null] = row;
  const sha1 = sha1Of(checksum);
  const bytes = Number(size);
  const refused = refusal(encrypted, bytes);
  return {
    number: Number(number),
    storage: Number(storage),
    path: path ?? "",
    type: Number(type),
    content: {
      key: `${keyPrefix}${number}`,
      size: Math.max(0, bytes),
      ...(sha1 !== undefined && { sha1 }),
      ...modifiedOf(mtime),
      ...(refused !== undefined && { refused }),
    },
  };
}

function refusal(encrypted: string | null | undefined, bytes: number): string | undefined {
  if (Number(encrypted) !== 0) return encryptedReason;
  return bytes < 0 ? "Nextcloud does not know how large it is" : undefined;
}

/** When it was changed, as far as that is known. */
export function modifiedOf(mtime: string | null | undefined): { readonly modified?: number } {
  const seconds = mtime === null || mtime === undefined ? Number.NaN : Number(mtime);
  return Number.isFinite(seconds) ? { modified: seconds } : {};
}

/** Whether it is an upload that has not come to its end. Nextcloud lets nobody name a file so. */
export function isUnfinished(path: string): boolean {
  return path.endsWith(".part");
}
