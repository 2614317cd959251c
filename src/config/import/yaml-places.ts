// Knows: where all keys and values of a YAML text are, for files with thousands of them. Must not know: what they mean.
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { KeyPath, Position } from "../problem.ts";

type Locate = (path: KeyPath, part: "key" | "value") => Position | undefined;

/**
 * Finds places in a text that was read as YAML without complaint. Each is looked up at once, where
 * `YamlText.locate` walks. What is only there by an alias has no place here.
 */
export function placesIn(text: string): Locate {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: "error",
  });
  const places = new Map<string, { readonly key: number; readonly value: number }>();
  remember(document.contents, [], places);
  return (path, part) => {
    const offset = places.get(JSON.stringify(path.map(String)))?.[part];
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
}

function remember(
  node: unknown,
  path: readonly string[],
  places: Map<string, { readonly key: number; readonly value: number }>,
): void {
  const children = isMap(node)
    ? node.items.map(({ key, value }) => ({
        name: isScalar(key) ? String(key.value) : "",
        key,
        value,
      }))
    : isSeq(node)
      ? node.items.map((value, index) => ({ name: String(index), key: value, value }))
      : [];
  for (const { name, key, value } of children) {
    const start = startOf(key) ?? startOf(value);
    if (start === undefined) continue;
    const below = [...path, name];
    places.set(JSON.stringify(below), { key: start, value: startOf(value) ?? start });
    remember(value, below, places);
  }
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
