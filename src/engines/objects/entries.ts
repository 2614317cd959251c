// Knows: what a snapshot held under which keys. Must not know: who wants to know it.
import { existsSync } from "node:fs";
import { HoldfastError } from "../../kernel/errors.ts";
import type { ObjectEntry } from "../../kernel/prepared-source.ts";
import { manifestPlace } from "./layout.ts";
import type { Library } from "./listing.ts";
import { entryInLine, linesOf } from "./manifest.ts";

/**
 * All that the source of a snapshot said; what is not in it is refused, with the reason. Throws
 * `repository-unsupported` for a snapshot of the predecessor, which kept no keys.
 */
export async function* entriesIn(
  { places }: Library,
  snapshot: string,
): AsyncGenerator<readonly ObjectEntry[]> {
  const manifest = manifestPlace(places, snapshot);
  if (!existsSync(manifest)) {
    throw new HoldfastError(
      "repository-unsupported",
      `it is not known which objects the files of snapshot ${snapshot} came from: another program made it`,
      { hint: `its files are in ${places.snapshots}/${snapshot}` },
    );
  }
  for await (const lines of linesOf(manifest)) {
    yield lines.flatMap((line) => entryInLine(line) ?? []);
  }
}
