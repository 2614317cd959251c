// Knows: files with one key and its value on a line, as many daemons have them. Must not know: what the keys mean.
import type { Parsed } from "./report.ts";

/** One line of such a file. */
export interface Line {
  /** What names the line among all: its number, from 1. */
  readonly name: string;
  readonly key: string;
  /** The rest of the line, without blanks around it. */
  readonly value: string;
}

/** A file of lines. The value of `parsed` is a map from the name of a line to its text. */
export interface LineFile {
  readonly lines: readonly Line[];
  readonly parsed: Parsed;
}

/** Reads lines of `KEY VALUE`. Empty lines and those that begin with # are passed over. */
export function readLines(text: string): LineFile {
  const all = text.split("\n");
  const lines = all.flatMap((line, index): readonly Line[] => {
    const [, key, value = ""] = /^\s*([^\s#]\S*)(?:\s+(.*?))?\s*$/.exec(line) ?? [];
    return key === undefined ? [] : [{ name: String(index + 1), key, value }];
  });
  const keys = new Map(lines.map(({ name, key }) => [name, key]));
  return {
    lines,
    parsed: {
      value: Object.fromEntries(lines.map(({ name, value }) => [name, value === "" ? "-" : value])),
      locate: ([name = "1"]) => {
        const column = (all[Number(name) - 1]?.search(/\S/) ?? 0) + 1;
        return { line: Number(name), column: Math.max(column, 1) };
      },
      show: ([name = ""]) => keys.get(String(name)) ?? "",
    },
  };
}
