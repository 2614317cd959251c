// Knows: which files a configuration keeps secrets in. Must not know: what stands in them.
import { formatKeyPath } from "./problem.ts";
import { ConfigFile } from "./schema.ts";
import { secretsIn, valueAt } from "./schema-tree.ts";
import { readYaml } from "./yaml-text.ts";

/** A file that a configuration refers to as `{ file: PATH }`, with the key that does. */
export interface SecretFile {
  readonly key: string;
  /** As it is written, with `~`. */
  readonly file: string;
}

/** All files that a configuration keeps secrets in. Pure. */
export function secretFilesIn(text: string): readonly SecretFile[] {
  return secretsIn(ConfigFile, readYaml(text).value).flatMap(({ path, value }) => {
    const file = valueAt(value, ["file"]);
    return typeof file === "string" ? [{ key: formatKeyPath(path), file }] : [];
  });
}
