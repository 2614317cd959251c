// Knows: how to walk a schema along a value. Must not know: which schema it is.
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import type { KeyPath } from "./problem.ts";

type Schema = z.core.$ZodType;

/** The value that a path leads to, or undefined. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, key) => memberOf(value, key), root);
}

function memberOf(value: unknown, key: string | number): unknown {
  return isContainer(value) && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Every schema that may judge the value at a path. Where one of several kinds is named, only that. */
export function schemasAt(root: Schema, path: KeyPath, value: unknown): readonly Schema[] {
  let schemas: readonly Schema[] = [root];
  let current = value;
  for (const key of path) {
    schemas = schemas
      .flatMap((schema) => alternatives(schema, current))
      .flatMap((schema) => childOf(schema, key));
    current = memberOf(current, key);
  }
  return schemas;
}

/** The keys that a map may have, by what its schemas say. Empty when any key will do. */
export function keysOf(schemas: readonly Schema[], value: unknown): readonly string[] {
  const objects = schemas
    .flatMap((schema) => alternatives(schema, value))
    .filter((schema) => schema instanceof z.ZodObject);
  return [...new Set(objects.flatMap(({ shape }) => Object.keys(shape)))];
}

/** The first example that the documentation of a value gives. */
export function exampleOf(schemas: readonly Schema[]): unknown {
  for (const schema of schemas) {
    for (let next: Schema | undefined = schema; next !== undefined; next = inner(next)) {
      const examples = z.globalRegistry.get(next)?.["examples"];
      if (Array.isArray(examples) && examples.length > 0) return examples[0];
    }
  }
  return undefined;
}

/** A value of the configuration that is a secret, or may be one. */
export interface SecretPlace {
  readonly path: KeyPath;
  readonly value: unknown;
  /** False where plain text is allowed as well, as among environment variables. */
  readonly certain: boolean;
}

/** All places of a value where its schema wants a secret. */
export function secretsIn(
  schema: Schema,
  value: unknown,
  path: KeyPath = [],
): readonly SecretPlace[] {
  const schemas = alternatives(schema, value);
  const secrets = schemas.filter(isSecret);
  if (secrets.length > 0) return [{ path, value, certain: secrets.length === schemas.length }];
  if (!isContainer(value)) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const key = Array.isArray(value) ? Number(name) : name;
    return schemas
      .flatMap((candidate) => childOf(candidate, key))
      .flatMap((child) => secretsIn(child, member, [...path, key]));
  });
}

/** How many keys of a path lead to a secret, when it leads to or into one. */
export function secretDepth(root: Schema, path: KeyPath, value: unknown): number | undefined {
  for (let depth = 0; depth <= path.length; depth += 1) {
    const start = path.slice(0, depth);
    const there = valueAt(value, start);
    const schemas = schemasAt(root, start, value).flatMap((schema) => alternatives(schema, there));
    if (schemas.some(isSecret)) return depth;
  }
  return undefined;
}

/** Whether a schema is that of a reference to a secret. */
export function isSecret(schema: Schema): boolean {
  // `meta` makes a copy of a schema; what is inside stays the same.
  return schema instanceof z.ZodPipe && schema.in === SecretReference.in;
}

/** The schemas that a schema consists of: itself, or the kinds of a union that the value can be. */
function alternatives(schema: Schema, value: unknown): readonly Schema[] {
  if (isSecret(schema)) return [schema];
  if (schema instanceof z.ZodUnion) {
    const named = schema.options.filter((option) => isNamedBy(option, value));
    return (named.length > 0 ? named : schema.options).flatMap((option) =>
      alternatives(option, value),
    );
  }
  const next = inner(schema);
  return next === undefined ? [schema] : alternatives(next, value);
}

/** Whether an object schema has a fixed word, such as `engine: restic`, that the value has too. */
function isNamedBy(schema: Schema, value: unknown): boolean {
  return alternatives(schema, value).some(
    (option) =>
      option instanceof z.ZodObject &&
      Object.entries(option.shape).some(
        ([key, member]) =>
          member instanceof z.ZodLiteral && member.values.has(Reflect.get(Object(value), key)),
      ),
  );
}

/** What is behind "optional", a default or a transformation: that which judges the input. */
function inner(schema: Schema): Schema | undefined {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  ) {
    return schema.unwrap();
  }
  if (schema instanceof z.ZodPipe) {
    return schema.in instanceof z.ZodTransform ? schema.out : schema.in;
  }
  return undefined;
}

function childOf(schema: Schema, key: string | number): readonly Schema[] {
  if (schema instanceof z.ZodObject) {
    const member: unknown = Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
    return member instanceof z.ZodType ? [member] : [];
  }
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  if (schema instanceof z.ZodArray) return [schema.element];
  if (schema instanceof z.ZodTuple) {
    const { items, rest } = schema.def;
    const item = items[Number(key)] ?? rest;
    return item === null ? [] : [item];
  }
  return [];
}
