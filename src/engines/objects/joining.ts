// Knows: how what is wanted, what the store lists and what the last snapshot held are brought together. Must not know: what is done with them.
import type {
  ObjectEntry,
  ObjectFile,
  PreparedObjects,
  StoredObject,
} from "../../kernel/prepared-source.ts";
import { compareKeys } from "./keys.ts";
import { keyInLine } from "./manifest.ts";

/** A file that the snapshot is to hold. */
export interface Wanted {
  readonly entry: ObjectFile;
  /** What the store lists under its key, if anything. */
  readonly object: StoredObject | undefined;
  /** What the manifest of the last snapshot says under its key, if anything. */
  readonly earlier: string | undefined;
}

export type FolderEntry = Extract<ObjectEntry, { readonly kind: "folder" }>;

/** A part of what the snapshot is to hold. */
export type Portion =
  | { readonly kind: "folders"; readonly folders: readonly FolderEntry[] }
  | { readonly kind: "files"; readonly files: readonly Wanted[] };

const portionSize = 1000;

/**
 * Goes through entries, listing and manifest side by side, each of them once and in the order of the bytes of
 * their keys: nothing has to be looked up, and no more than a few batches are ever held.
 */
export async function* join(
  source: PreparedObjects,
  earlier: AsyncIterable<readonly string[]>,
  signal: AbortSignal,
): AsyncGenerator<Portion> {
  await using objects = new Cursor(source.objects(signal), ({ key }) => key);
  await using lines = new Cursor(earlier, keyInLine);
  let folders: FolderEntry[] = [];
  let files: Wanted[] = [];
  let last = "";
  for await (const batch of source.entries(signal)) {
    for (const entry of batch) {
      if (entry.kind === "folder") {
        folders.push(entry);
        continue;
      }
      const { key } = entry;
      if (compareKeys(last, key) > 0) throw outOfOrder(last, key);
      last = key;
      if (!objects.seek(key)) await objects.find(key);
      if (!lines.seek(key)) await lines.find(key);
      files.push({ entry, object: objects.found, earlier: lines.found });
      if (files.length < portionSize) continue;
      if (folders.length > 0) yield { kind: "folders", folders };
      yield { kind: "files", files };
      [folders, files] = [[], []];
    }
    if (folders.length < portionSize) continue;
    yield { kind: "folders", folders };
    folders = [];
  }
  if (folders.length > 0) yield { kind: "folders", folders };
  if (files.length > 0) yield { kind: "files", files };
}

function outOfOrder(first: string, second: string): Error {
  return new Error(
    `keys are out of order: ${JSON.stringify(second)} came after ${JSON.stringify(first)}`,
  );
}

/** A place in a long list that is in the order of keys. */
class Cursor<Item> implements AsyncDisposable {
  readonly #batches: AsyncIterator<readonly Item[]>;
  readonly #keyOf: (item: Item) => string | undefined;
  #batch: readonly Item[] = [];
  #at = 0;
  #ended = false;
  #last = "";
  /** What the last search came to. */
  found: Item | undefined;

  constructor(batches: AsyncIterable<readonly Item[]>, keyOf: (item: Item) => string | undefined) {
    this.#batches = batches[Symbol.asyncIterator]();
    this.#keyOf = keyOf;
  }

  /** Looks for a key that is not before the last one, in what was read. False: more has to be read. */
  seek(key: string): boolean {
    for (; this.#at < this.#batch.length; this.#at += 1) {
      const item = this.#batch[this.#at];
      const itsKey = item === undefined ? undefined : this.#keyOf(item);
      if (itsKey === undefined) continue;
      if (itsKey === key) {
        this.found = item;
        return true;
      }
      if (compareKeys(this.#last, itsKey) > 0) throw outOfOrder(this.#last, itsKey);
      this.#last = itsKey;
      if (compareKeys(itsKey, key) > 0) {
        this.found = undefined;
        return true;
      }
    }
    this.found = undefined;
    return this.#ended;
  }

  /** The same, and reads on. */
  async find(key: string): Promise<void> {
    while (!this.seek(key)) {
      const next = await this.#batches.next();
      this.#ended = next.done === true;
      this.#batch = next.done === true ? [] : next.value;
      this.#at = 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.#batches.return?.();
  }
}
