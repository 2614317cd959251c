// Knows: what YAML allows and no configuration can mean: strange keys, anchors, aliases and merge keys.
// Must not know: what they are used for.
import {
  type Document,
  type Node,
  type Pair,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
} from "yaml";

/** A fault of one key, alias or merge key. */
export interface StructureProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

// A file that was made to exhaust memory has more after a few lines, an honest one never.
const mostValues = 100_000;

interface Anchored {
  readonly node: Node;
  /** How many values it stands for; undefined while they are being counted. */
  size: number | undefined;
}

interface Walk {
  /** By name. As everywhere in YAML, a name stands for the anchor that was begun last. */
  readonly anchors: Map<string, Anchored>;
  readonly problems: StructureProblem[];
  exhausted: boolean;
}

/**
 * Finds keys that are lists or maps, aliases without an anchor before them, anchors that hold
 * themselves, merge keys (`<<`) that merge something else than maps, and files that would expand to
 * an unreasonable size.
 */
export function structureProblems(document: Document.Parsed): readonly StructureProblem[] {
  const walk: Walk = { anchors: new Map(), problems: [], exhausted: false };
  sizeOf(document.contents, walk);
  return walk.problems;
}

/** How many values a node stands for, with every alias written out. */
function sizeOf(node: unknown, walk: Walk): number {
  if (isAlias(node)) return aliasSize(node, walk);
  if (isPair(node)) return pairSize(node, walk);
  if (!isMap(node) && !isSeq(node) && !isScalar(node)) return 0;

  const anchored: Anchored = { node, size: undefined };
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, anchored);
  let size = 1;
  if (!isScalar(node)) {
    for (const item of node.items) size += sizeOf(item, walk);
  }
  anchored.size = size;
  return size;
}

function pairSize(pair: Pair, walk: Walk): number {
  const { key, value } = pair;
  if (isMergeKey(pair)) {
    checkMerge(pair, walk);
  } else if (isNode(key) && !isScalar(key)) {
    walk.problems.push({ offset: key.range?.[0] ?? 0, message: "a key must be a text" });
  }
  return sizeOf(key, walk) + sizeOf(value, walk);
}

function aliasSize(alias: { source: string } & Pick<Node, "range">, walk: Walk): number {
  const offset = alias.range?.[0] ?? 0;
  const anchored = walk.anchors.get(alias.source);
  if (anchored === undefined) {
    walk.problems.push({
      offset,
      message:
        "the value begins with * and so stands for an anchor (&name), which does not exist above",
      hint: "if the asterisk belongs to the value, put the value in quotes",
    });
    return 1;
  }
  if (anchored.size === undefined) {
    walk.problems.push({ offset, message: "an alias (*name) stands inside its own anchor" });
    return 1;
  }
  if (anchored.size > mostValues && !walk.exhausted) {
    walk.exhausted = true;
    walk.problems.push({
      offset,
      message: `aliases expand to more than ${mostValues} values`,
    });
  }
  return Math.min(anchored.size, mostValues + 1);
}

/** Whether a pair is `<<: …`, which puts the keys of other maps into this one. */
export function isMergeKey(pair: Pair): boolean {
  return isScalar(pair.key) && typeof pair.key.value === "symbol";
}

function checkMerge(pair: Pair, walk: Walk): void {
  const target = (node: unknown): unknown =>
    isAlias(node) ? walk.anchors.get(node.source)?.node : node;
  const value = target(pair.value);
  const merged = isSeq(value) ? value.items.map(target) : [value];
  if (merged.every((node) => isMap(node) || node === undefined)) return;
  const start = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
  walk.problems.push({
    offset: start ?? 0,
    message: "a merge key (<<) needs a map, an alias of a map, or a list of these",
  });
}
