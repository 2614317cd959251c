// Knows: TOML, and about where in the text each key stands. Must not know: what the keys mean.
import { parse, TomlError } from "smol-toml";
import { configInvalid, type KeyPath, type Position } from "../problem.ts";
import type { Parsed } from "./report.ts";

/** Reads TOML. Throws `config-invalid`, which names the place. */
export function readToml(file: string, text: string): Parsed {
  try {
    const value: unknown = parse(text, { maxDepth: 100, unsafeKeyBehaviour: "throw" });
    return { value, locate: locator(text) };
  } catch (cause) {
    if (cause instanceof RangeError) throw fault(file, { line: 1, column: 1 }, "nested too deep");
    if (!(cause instanceof TomlError)) throw cause;
    // What follows the first line is a piece of the file, which may hold a secret.
    const [first = ""] = cause.message.split("\n");
    const what = first.replace(/^Invalid TOML document: /, "");
    throw fault(file, { line: cause.line, column: cause.column }, what);
  }
}

function fault(file: string, at: Position, message: string): Error {
  return configInvalid(file, [{ path: [], part: "value", message, ...at }]);
}

/**
 * Where keys begin, line by line: headings of tables, and keys with the table they are in. A key inside of a
 * list or map on one line is looked for at the key that holds it.
 */
function locator(text: string): Parsed["locate"] {
  const places = new Map<string, Position>();
  const counts = new Map<string, number>();
  let table: KeyPath = [];
  for (const [index, line] of text.split("\n").entries()) {
    const column = line.search(/\S/) + 1;
    const heading = /^\s*(\[\[?)\s*([^\]]+?)\s*\]/.exec(line);
    if (heading !== null) {
      table = tablePath(heading[2] ?? "", heading[1] === "[[", counts);
      remember(places, table, { line: index + 1, column });
      continue;
    }
    const key =
      /^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=/.exec(
        line,
      );
    if (key !== null)
      remember(places, [...table, ...words(key[1] ?? "")], { line: index + 1, column });
  }
  return (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const place = places.get(keyOf(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return { line: 1, column: 1 };
  };
}

/** The path of a table; of one in a list with its number, which the tables below it have as well. */
function tablePath(text: string, inList: boolean, counts: Map<string, number>): KeyPath {
  const path: (string | number)[] = [];
  const names = words(text);
  for (const [index, name] of names.entries()) {
    path.push(name);
    const key = keyOf(path);
    const isLast = index === names.length - 1;
    if (isLast && inList) counts.set(key, (counts.get(key) ?? -1) + 1);
    const count = counts.get(key);
    if (count !== undefined) path.push(count);
  }
  return path;
}

function remember(places: Map<string, Position>, path: KeyPath, at: Position): void {
  for (let length = path.length; length > 0; length -= 1) {
    const key = keyOf(path.slice(0, length));
    if (!places.has(key)) places.set(key, at);
  }
}

function words(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}

function keyOf(path: KeyPath): string {
  return JSON.stringify(path.map(String));
}
