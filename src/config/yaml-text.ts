// Knows: YAML, and where in the text each value stands. Must not know: what the values mean.
import {
  type Document,
  LineCounter,
  type Node,
  type Pair,
  type YAMLError,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
} from "yaml";
import type { KeyPath, Position, Problem } from "./problem.ts";
import { structureProblems, isMergeKey } from "./yaml-structure.ts";
import { explainYamlFault } from "./yaml-fault.ts";

/** A text read as YAML. */
export interface YamlText {
  /** What it says, as plain data. Undefined when the notation leaves it in doubt. */
  readonly value: unknown;
  /** What is wrong with its notation. */
  readonly problems: readonly Problem[];
  /** Whether it is clear what was meant, so that the value can be judged in spite of `problems`. */
  readonly clear: boolean;
  /** Where a problem is. What is not there is looked for where it would stand: at its parent. */
  locate(problem: Pick<Problem, "path" | "part" | "offset">): Position;
}

/** Reads YAML 1.2 with merge keys, and so JSON too. Never throws. */
export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "error",
    merge: true,
    resolveKnownTags: false,
    uniqueKeys: (a, b) => isScalar(a) && isScalar(b) && String(a.value) === String(b.value),
    // `~` alone is the home directory here, as in every shell, and not YAML's "nothing".
    customTags: (tags) =>
      tags.map((tag) =>
        typeof tag === "object" && !tag.collection && tag.tag === "tag:yaml.org,2002:null"
          ? { ...tag, test: /^(?:[Nn]ull|NULL)?$/ }
          : tag,
      ),
  });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };

  const notation = notationProblems(document, (offset) => position(offset).line);
  const structure = notation.clear ? structureProblems(document) : [];
  const clear = notation.clear && structure.length === 0;
  return {
    // Aliases were counted above, with their places; a second count could only disagree.
    value: clear ? document.toJS({ maxAliasCount: -1 }) : undefined,
    problems: [
      ...notation.problems,
      ...structure.map((problem) => ({
        ...problem,
        path: pathAt(document.contents, problem.offset),
        part: "value" as const,
      })),
    ],
    clear,
    locate: ({ path, part, offset }) => position(offset ?? offsetOf(document, path, part)),
  };
}

/** Faults of the notation. Of one line only the first: the others mostly follow from it. */
function notationProblems(
  document: Document.Parsed,
  lineOf: (offset: number) => number,
): { readonly problems: readonly Problem[]; readonly clear: boolean } {
  const faults: readonly YAMLError[] = [
    ...document.errors,
    // The one about indentation is about taste: a closing bracket below the key it belongs to.
    ...document.warnings.filter(({ code }) => code !== "BAD_INDENT"),
  ];
  const ofLine = new Map<number, Problem>();
  // Everything that is not closed is missed at the same place, the end: the innermost comes first.
  for (const fault of firstOfEachPlace(faults)) {
    const { message, hint, unclosed } = explainYamlFault(fault);
    // What is not closed reaches to the end of the file; it is looked for where it begins.
    const inside = pathAt(document.contents, fault.pos[0] - (unclosed === undefined ? 0 : 1));
    const path = unclosed === "bracket" ? bracketAround(document, inside) : inside;
    const offset = unclosed === undefined ? fault.pos[0] : offsetOf(document, path, "value");
    const problem: Problem = {
      path,
      part: "value",
      message,
      offset,
      ...(hint === undefined ? {} : { hint }),
    };
    if (!ofLine.has(lineOf(offset))) ofLine.set(lineOf(offset), problem);
  }
  const clear = faults.every((fault) => explainYamlFault(fault).harmless === true);
  return { problems: [...ofLine.values()], clear };
}

function firstOfEachPlace(faults: readonly YAMLError[]): readonly YAMLError[] {
  const byPlace = Map.groupBy(faults, ({ pos }) => pos[0]);
  return [...byPlace.values()].flatMap((group) => group.slice(0, 1));
}

/** The nearest list or map in brackets on the way to a value. */
function bracketAround(document: Document.Parsed, path: KeyPath): KeyPath {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if ((isMap(node) || isSeq(node)) && node.flow === true) return path.slice(0, length);
  }
  return [];
}

/** The keys that lead to what stands at an offset. */
function pathAt(root: unknown, offset: number): KeyPath {
  const path: (string | number)[] = [];
  let node: unknown = root;
  while (isMap(node) || isSeq(node)) {
    const step: readonly [key: string | number, child: unknown] | undefined = isMap(node)
      ? pairAt(node.items, offset)
      : itemAt(node.items, offset);
    if (step === undefined) return path;
    path.push(step[0]);
    node = step[1];
  }
  return path;
}

function pairAt(pairs: readonly Pair[], offset: number): readonly [string, unknown] | undefined {
  const pair = pairs.findLast(({ key }) => startOf(key) <= offset);
  if (pair === undefined || offset > Math.max(endOf(pair.key), endOf(pair.value))) return undefined;
  const inValue = isNode(pair.value) && startOf(pair.value) <= offset;
  return [keyOf(pair), inValue ? pair.value : undefined];
}

function itemAt(items: readonly unknown[], offset: number): readonly [number, unknown] | undefined {
  const index = items.findLastIndex((item) => startOf(item) <= offset);
  if (index < 0 || offset > endOf(items[index])) return undefined;
  return [index, items[index]];
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? Infinity) : Infinity;
}

function endOf(node: unknown): number {
  return isNode(node) ? (node.range?.[2] ?? -1) : -1;
}

function keyOf(pair: Pair): string {
  if (isMergeKey(pair)) return "<<";
  // A list or a map as a key is refused; writing it out could fail on what is wrong inside.
  return isScalar(pair.key) ? String(pair.key.value) : "?";
}

/** Where a path leads: to the value, or to its key. What is missing is looked for at its parent. */
function offsetOf(document: Document.Parsed, path: KeyPath, part: "key" | "value"): number {
  let node: unknown = document.contents;
  let found = Number.isFinite(startOf(node)) ? startOf(node) : 0;
  for (const [index, key] of path.entries()) {
    const step = childOf(document, node, key);
    if (step === undefined) return found;
    const wantsKey = part === "key" && index === path.length - 1;
    const start = wantsKey ? step.key : startOf(step.value);
    found = Number.isFinite(start) ? start : step.key;
    // The parent of something missing is named by its own key, as a person would point at it.
    if (
      index < path.length - 1 &&
      childOf(document, step.value, path[index + 1] ?? "") === undefined
    ) {
      return step.key;
    }
    node = step.value;
  }
  return found;
}

interface Child {
  readonly value: unknown;
  /** Where its key stands; in a list the entry itself. */
  readonly key: number;
}

function childOf(document: Document, parent: unknown, key: string | number): Child | undefined {
  const node: unknown = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq(node)) {
    const item = node.items[Number(key)];
    return item === undefined ? undefined : { value: item, key: startOf(item) };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((candidate) => keyOf(candidate) === String(key));
  if (pair !== undefined) return { value: pair.value, key: startOf(pair.key) };
  return mergedMaps(document, node.items)
    .map((merged) => childOf(document, merged, key))
    .find((child) => child !== undefined);
}

function mergedMaps(document: Document, pairs: readonly Pair[]): readonly Node[] {
  return pairs.filter(isMergeKey).flatMap(({ value }) => {
    const merged: unknown = isAlias(value) ? value.resolve(document) : value;
    return (isSeq(merged) ? merged.items : [merged]).filter((item) => isNode(item));
  });
}
