// Knows: the texts that are made of the schema, and the configuration as it was understood. Must not know: where they go.
import { readFileSync } from "node:fs";
import { stringify } from "yaml";
import type { Config } from "./config.ts";
import {
  type SchemaNode,
  itemOf,
  jsonSchema,
  kindOf,
  kindsOf,
  memberOf,
  propertiesOf,
} from "./json-schema.ts";
import { readYaml } from "./yaml-text.ts";

export { exampleConfig } from "./example.ts";
export { jsonSchema } from "./json-schema.ts";
export { configReference } from "./reference.ts";

/**
 * The configuration as it was understood: with every default filled in, and with `***` for every
 * secret. Reads its file again, because what was loaded no longer knows how it was written.
 */
export function effectiveConfig({ file, state }: Config): unknown {
  const { value } = readYaml(readFileSync(file, "utf8"));
  return effective(jsonSchema(), { ...asMap(value), state });
}

/** The configuration as it was understood, in YAML. */
export function showConfig(config: Config): string {
  const shown = stringify(effectiveConfig(config), { lineWidth: 0, aliasDuplicateObjects: false });
  return `# ${config.file}\n${shown}`;
}

/** A value with defaults where it says nothing, and without its secrets. */
function effective(node: SchemaNode, value: unknown): unknown {
  const secret = kindsOf(node).some(({ writeOnly }) => writeOnly === true);
  if (secret) return typeof value === "string" ? "***" : value;
  const kind = kindOf(node, value);
  const item = itemOf(kind);
  if (Array.isArray(value))
    return item === undefined ? value : value.map((each) => effective(item, each));
  if (typeof value !== "object" || value === null) return value;

  const member = memberOf(kind);
  const given = asMap(value);
  if (member !== undefined) {
    return Object.fromEntries(
      Object.entries(given).map(([name, each]) => [name, effective(member, each)]),
    );
  }
  return Object.fromEntries(
    propertiesOf(kind).flatMap(([key, property]) => {
      const own = given[key] ?? property.default;
      return own === undefined ? [] : [[key, effective(property, own)]];
    }),
  );
}

function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}
