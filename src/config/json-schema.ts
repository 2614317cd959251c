// Knows: the configuration's schema as plain data, for editors and for what is made from it. Must not know: any file.
import * as z from "zod";
import { isSecret } from "./schema-tree.ts";
import { ConfigFile } from "./schema.ts";

/** A part of a JSON Schema. */
export type SchemaNode = z.core.JSONSchema.BaseSchema;

/**
 * The JSON Schema (draft 2020-12) of the configuration file, as an editor wants it: of what is
 * written, before defaults are filled in. Secrets are marked `writeOnly`.
 */
export function jsonSchema(): SchemaNode {
  const { $schema, ...schema } = z.toJSONSchema(ConfigFile, {
    io: "input",
    override: ({ zodSchema, jsonSchema: node }) => {
      if (isSecret(zodSchema)) node.writeOnly = true;
      // Zod takes examples for results of a transformation; ours are what a person writes.
      const examples = z.globalRegistry.get(zodSchema)?.["examples"];
      if (Array.isArray(examples)) node.examples = examples;
    },
  });
  return {
    $schema: $schema ?? "https://json-schema.org/draft/2020-12/schema",
    title: "Holdfast configuration",
    description: "What Holdfast backs up, where to, when, and who is told.",
    ...schema,
  };
}

/**
 * The keys of a map with what may stand there, first the one that says what kind of map it is (such
 * as `engine: restic`). Empty for anything else.
 */
export function propertiesOf({
  properties = {},
}: SchemaNode): readonly (readonly [string, SchemaNode])[] {
  const all = Object.entries(properties).flatMap(([key, node]) =>
    typeof node === "object" ? [[key, node] as const] : [],
  );
  return [...all.filter(namesKind), ...all.filter((property) => !namesKind(property))];
}

/** Whether a key says by its one possible word what kind of map it is in. */
export function namesKind([, { const: word }]: readonly [string, SchemaNode]): boolean {
  return typeof word === "string";
}

/** What may stand under any name of a map whose names are free. */
export function memberOf({ additionalProperties }: SchemaNode): SchemaNode | undefined {
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** What may stand in a list. */
export function itemOf({ items, prefixItems }: SchemaNode): SchemaNode | undefined {
  const first: unknown = prefixItems?.[0];
  if (isNode(first)) return first;
  return isNode(items) ? items : undefined;
}

function isNode(value: unknown): value is SchemaNode {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The kinds of value that a node allows: itself, when it is of one kind. A secret is one kind. */
export function kindsOf(node: SchemaNode): readonly SchemaNode[] {
  const kinds = node.writeOnly === true ? undefined : (node.anyOf ?? node.oneOf);
  return kinds === undefined
    ? [node]
    : kinds.flatMap((kind) => (typeof kind === "object" ? kindsOf(kind) : []));
}

/** The kind that a value is of, as far as its type and its fixed words (`engine: restic`) say. */
export function kindOf(node: SchemaNode, value: unknown): SchemaNode {
  const kinds = kindsOf(node);
  return kinds.find((kind) => fits(kind, value)) ?? kinds[0] ?? node;
}

function fits(node: SchemaNode, value: unknown): boolean {
  if (typeof value === "string") return node.type === "string";
  if (Array.isArray(value)) return node.type === "array";
  if (!isNode(value)) return node.type === typeof value;
  const keys = Object.keys(value);
  const known = propertiesOf(node);
  return (
    node.type === "object" &&
    known.every(
      ([key, { const: word }]) =>
        word === undefined ||
        Reflect.get(value, key) === word ||
        (!keys.includes(key) && node.required?.includes(key) !== true),
    ) &&
    (memberOf(node) !== undefined || keys.every((key) => known.some(([name]) => name === key)))
  );
}
