// Knows: how an example is made of the schema and its words. Must not know: which keys there are.
import { stringify } from "yaml";
import {
  type SchemaNode,
  itemOf,
  jsonSchema,
  kindOf,
  kindsOf,
  memberOf,
  propertiesOf,
} from "./json-schema.ts";

const introduction = [
  "The configuration of Holdfast, with every key there is. A line that begins with #: is not in use:",
  "take the #: away and change the rest. Keys without it are a complete configuration already.",
  "",
  "  Check it:         holdfast config check",
  "  Help in editors:  holdfast config schema > holdfast.schema.json",
  "                    and here, as the first line: # yaml-language-server: $schema=holdfast.schema.json",
];

const width = 96;

/** A commented configuration with every key there is. It loads as it is. */
export function exampleConfig(): string {
  const sections = propertiesOf(jsonSchema()).flatMap(([key, node]) => [
    "",
    ...entry(key, node, {
      value: firstExample(node),
      indent: "",
      active: memberOf(node) !== undefined,
    }),
  ]);
  return `${[...introduction.map((line) => `# ${line}`.trimEnd()), ...sections].join("\n")}\n`;
}

interface Shown {
  readonly value: unknown;
  readonly indent: string;
  /** In use, or only shown. */
  readonly active: boolean;
}

/** A key with its description above it. */
function entry(key: string, node: SchemaNode, shown: Shown): readonly string[] {
  return [...comment(node.description ?? "", shown.indent), ...keyAndValue(key, node, shown)];
}

function keyAndValue(
  key: string,
  node: SchemaNode,
  { value, indent, active }: Shown,
): readonly string[] {
  if (!active) return [`${indent}#: ${key}: ${inFlowStyle(value ?? placeholder(node))}`];
  const member = memberOf(node);
  if (member === undefined || !isMap(value)) return [`${indent}${key}: ${inFlowStyle(value)}`];
  const inner = `${indent}  `;
  return [
    `${indent}${key}:`,
    ...Object.entries(value).flatMap(([name, named]) => [
      `${inner}${name}:`,
      ...keysOf(kindOf(member, named), named, `${inner}  `),
    ]),
    ...otherKinds(member, Object.values(value), inner),
  ];
}

/** All keys of a map: those that the example has in use, the others only shown. */
function keysOf(node: SchemaNode, example: unknown, indent: string): readonly string[] {
  return propertiesOf(node).flatMap(([key, property]) => {
    const value: unknown = isMap(example) ? example[key] : undefined;
    const active = value !== undefined;
    return entry(key, property, { value: value ?? firstExample(property), indent, active });
  });
}

/** The kinds that the example does not use, each with the keys that it cannot do without. */
function otherKinds(
  member: SchemaNode,
  used: readonly unknown[],
  indent: string,
): readonly string[] {
  const usedKinds = used.map((value) => kindOf(member, value));
  return kindsOf(member)
    .filter((kind) => !usedKinds.includes(kind) && kind.type === "object")
    .flatMap((kind) => {
      const needed = propertiesOf(kind).filter(([key]) => kind.required?.includes(key));
      const name = needed.map(([, { const: word }]) => word).find((word) => word !== undefined);
      const text = needed.map(([key, node]) => `${key}: ${inFlowStyle(valueFor(node))}`).join(", ");
      const words = needed.map(([, node]) =>
        node.const === undefined ? "" : (node.description ?? ""),
      );
      return ["", ...comment(words.join(""), indent), `${indent}#: ${String(name)}: {${text}}`];
    });
}

function valueFor(node: SchemaNode): unknown {
  return node.const ?? firstExample(node) ?? placeholder(node);
}

function firstExample({ examples }: SchemaNode): unknown {
  return Array.isArray(examples) ? examples[0] : undefined;
}

/** Something to show where nobody thought of an example. */
function placeholder(node: SchemaNode): unknown {
  if (node.default !== undefined) return node.default;
  const [kind = node] = kindsOf(node);
  if (kind.const !== undefined) return kind.const;
  if (kind.enum !== undefined) return kind.enum[0];
  if (kind.type === "array") {
    const item = itemOf(kind);
    return item === undefined ? [] : [valueFor(item)];
  }
  if (kind.type === "integer" || kind.type === "number") return kind.minimum ?? 1;
  if (kind.type === "object") return {};
  return kind.type === "boolean" ? false : "…";
}

/** A value on one line. */
export function inFlowStyle(value: unknown): string {
  return stringify(value, {
    collectionStyle: "flow",
    flowCollectionPadding: false,
    lineWidth: 0,
  }).trim();
}

function comment(text: string, indent: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter((part) => part !== "")) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= width)
      lines.push(`${lines.pop()} ${word}`);
    else lines.push(`${indent}# ${word}`);
  }
  return lines;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
