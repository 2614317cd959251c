// Knows: which secrets a configuration refers to, and which files keep them. Must not know: what stands in them.
import { SecretReference } from "../kernel/secret-reference.ts";
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

/** A secret that a configuration refers to, and the thing whose key does, such as `notifiers` and `phone`. */
export interface SecretUse {
  readonly key: string;
  readonly section: string;
  readonly name: string;
  readonly reference: SecretReference;
}

/** All secrets that a configuration refers to; not those that stand in it as plain text. Pure. */
export function secretUsesIn(text: string): readonly SecretUse[] {
  return secretsIn(ConfigFile, readYaml(text).value).flatMap(({ path, value }) => {
    const parsed = SecretReference.safeParse(value);
    if (!parsed.success || "text" in parsed.data) return [];
    const [section = "", name = ""] = path.map(String);
    return [{ key: formatKeyPath(path), section, name, reference: parsed.data }];
  });
}
