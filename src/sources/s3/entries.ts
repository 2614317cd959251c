// Knows: how keys of a bucket are taken for paths. Must not know: which bucket.
import type { ObjectEntry, StoredObject } from "../../kernel/prepared-source.ts";

/**
 * A file for each object, at the path that is its key. A key that ends in a slash stands for a folder, as consoles
 * make them. That a key may be no good path (`..`, a slash at its beginning, empty names) is for the reader.
 */
export async function* entriesOf(
  listing: AsyncIterable<readonly StoredObject[]>,
): AsyncGenerator<readonly ObjectEntry[]> {
  for await (const batch of listing) yield batch.map(entryOf);
}

function entryOf({ key, size, modified }: StoredObject): ObjectEntry {
  if (key.endsWith("/") && size === 0) return { kind: "folder", path: key.replace(/\/+$/, "") };
  return { kind: "file", path: key, key, size, modified: Math.floor(modified / 1000) };
}
