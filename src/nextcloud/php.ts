// Knows: the part of PHP that configuration files are written in. Must not know: what their keys mean.

/** A value that only PHP itself can work out. */
export interface Computed {
  readonly computed: true;
}

/** An array as PHP has it: keys in order, whole numbers and texts alike. */
export type PhpArray = ReadonlyMap<string, PhpValue>;
export type PhpValue = null | boolean | number | string | PhpArray | Computed;

/** A file that is no configuration, or one that only PHP can read. */
export class UnreadablePhp extends Error {
  readonly line: number;

  constructor(reason: string, line: number) {
    super(reason);
    this.name = "UnreadablePhp";
    this.line = line;
  }
}

const computed: Computed = { computed: true };

/**
 * Reads what a file assigns to `$CONFIG`: literals, arrays, arithmetic with literals, comments. A value that
 * is more than that is `Computed`; a file whose statements are more than that throws `UnreadablePhp`.
 */
export function readPhpConfig(text: string): PhpArray {
  return new ConfigReader(text).read();
}

/** Whether it is, or anywhere holds, what only PHP can work out. */
export function isComputed(value: PhpValue): boolean {
  if (value instanceof Map) return [...value.values()].some((one) => isComputed(one));
  return typeof value === "object" && value !== null && "computed" in value;
}

/** As `json_encode` has it: an array whose keys are 0, 1, 2 … is a list. Computed values become null. */
export function plainOf(value: PhpValue): unknown {
  if (!(value instanceof Map)) return isComputed(value) ? null : value;
  const entries = [...value].map(([key, one]) => [key, plainOf(one)] as const);
  if (entries.every(([key], index) => key === String(index))) return entries.map(([, one]) => one);
  return Object.fromEntries(entries);
}

/** What a piece of the text may begin with, and what it then is. */
const patterns = {
  blank: /(?:\s+|\/\/[^\n]*?(?=\n|\?>|$)|#(?!\[)[^\n]*?(?=\n|\?>|$)|\/\*[\s\S]*?\*\/)*/y,
  number:
    /0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+(?![\d.eE])|(?:\d[\d_]*)?\.\d+(?:[eE][+-]?\d+)?|\d[\d_]*\.?(?:[eE][+-]?\d+)?/y,
  word: /\\?[A-Za-z_][\w\\]*/y,
  single: /'((?:[^'\\]|\\[\s\S])*)'/y,
  double: /"((?:[^"\\]|\\[\s\S])*)"/y,
  variable: /\$CONFIG\b/y,
  declaration: /declare\s*\(\s*strict_types\s*=\s*[01]\s*\)\s*;/y,
} as const;

class ConfigReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): PhpArray {
    if (!this.#text.startsWith("<?php")) {
      throw this.#failure(
        this.#text.trim() === "" ? "it is empty" : "something stands before <?php",
      );
    }
    this.#at = "<?php".length;
    const config = new Map<string, PhpValue>();
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length || this.#peek("?>")) return config;
      if (this.#match("declaration") === undefined) this.#assignment(config);
    }
  }

  #assignment(config: Map<string, PhpValue>): void {
    if (this.#match("variable") === undefined) {
      throw this.#failure("it is more than a list of values");
    }
    const keys = this.#subscripts();
    this.#expect("=");
    const value = this.#element([";"]);
    this.#expect(";");
    if (keys.length > 0) {
      assign(config, keys, value);
      return;
    }
    if (!(value instanceof Map)) throw this.#failure("its values are computed");
    config.clear();
    for (const [key, one] of value) config.set(key, one);
  }

  /** `['a'][]`: their keys; an empty pair of brackets, which appends, is undefined. */
  #subscripts(): readonly (string | undefined)[] {
    const keys: (string | undefined)[] = [];
    while (this.#take("[")) {
      if (this.#take("]")) {
        keys.push(undefined);
        continue;
      }
      const key = keyOf(this.#element(["]"]));
      if (key === undefined) throw this.#failure("the name of a value is computed");
      keys.push(key);
      this.#expect("]");
    }
    return keys;
  }

  /** A value up to one of these; where it is no literal, it is passed over. */
  #element(ends: readonly string[]): PhpValue {
    const start = this.#at;
    try {
      const value = this.#sum();
      this.#skipBlank();
      if (ends.some((end) => this.#peek(end))) return value;
    } catch (error) {
      if (!(error instanceof UnreadablePhp)) throw error;
    }
    this.#at = start;
    this.#passOver(ends);
    return computed;
  }

  #sum(): PhpValue {
    let value = this.#product();
    for (;;) {
      if (this.#take("+")) value = calculate(value, this.#product(), (a, b) => a + b);
      else if (this.#take("-")) value = calculate(value, this.#product(), (a, b) => a - b);
      else if (this.#take(".")) value = join(value, this.#product());
      else return value;
    }
  }

  #product(): PhpValue {
    let value = this.#unary();
    while (this.#take("*")) value = calculate(value, this.#unary(), (a, b) => a * b);
    return value;
  }

  #unary(): PhpValue {
    if (this.#take("-")) return calculate(0, this.#unary(), (a, b) => a - b);
    if (!this.#take("!")) return this.#primary();
    const value = this.#unary();
    return typeof value === "boolean" ? !value : computed;
  }

  #primary(): PhpValue {
    if (this.#take("(")) {
      const value = this.#element([")"]);
      this.#expect(")");
      return value;
    }
    if (this.#take("[")) return this.#array("]");
    const single = this.#match("single");
    if (single !== undefined) return single.slice(1, -1).replaceAll(/\\(['\\])/g, "$1");
    const double = this.#match("double");
    if (double !== undefined) return unescape(double.slice(1, -1));
    const number = this.#match("number");
    if (number !== undefined) return numberOf(number);
    return this.#word();
  }

  #word(): PhpValue {
    const word = this.#match("word")?.toLowerCase().replace(/^\\/, "");
    if (word === "true" || word === "false") return word === "true";
    if (word === "null") return null;
    if (word === "array" && this.#take("(")) return this.#array(")");
    throw this.#failure("a value is computed");
  }

  #array(end: "]" | ")"): PhpValue {
    const array = new Map<string, PhpValue>();
    let isWhole = true;
    while (!this.#take(end)) {
      const first = this.#element([",", "=>", end]);
      if (this.#take("=>")) {
        const key = keyOf(first);
        const value = this.#element([",", end]);
        if (key === undefined) isWhole = false;
        else array.set(key, value);
      } else {
        array.set(nextKey(array), first);
      }
      if (!this.#take(",") && !this.#isAt(end)) throw this.#failure("an array has no end");
    }
    return isWhole ? array : computed;
  }

  /** Passes over anything up to one of these, brackets and quoted texts being wholes. */
  #passOver(ends: readonly string[]): void {
    const open: string[] = [];
    for (;;) {
      this.#skipBlank();
      if (open.length === 0 && ends.some((end) => this.#peek(end))) return;
      if (this.#at >= this.#text.length || this.#peek("?>") || this.#peek("<<<")) {
        throw this.#failure("it is cut off, or more than a list of values");
      }
      if (this.#match("single") !== undefined || this.#match("double") !== undefined) continue;
      const character = this.#text.charAt(this.#at);
      this.#at += 1;
      const partner = { "(": ")", "[": "]", "{": "}" }[character];
      if (partner !== undefined) open.push(partner);
      else if (")]}".includes(character) && open.pop() !== character) {
        throw this.#failure("its brackets do not match");
      }
    }
  }

  #skipBlank(): void {
    this.#match("blank");
  }

  #match(name: keyof typeof patterns): string | undefined {
    if (name !== "blank") this.#match("blank");
    const pattern = patterns[name];
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found === undefined) return undefined;
    this.#at += found.length;
    return found;
  }

  #peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #isAt(text: string): boolean {
    this.#skipBlank();
    return this.#peek(text);
  }

  #take(text: string): boolean {
    if (!this.#isAt(text)) return false;
    // `=` is not the beginning of `=>` or `==`, and so on.
    const next = this.#text.charAt(this.#at + text.length);
    if ("=+-*.".includes(text) && (next === text || next === "=" || next === ">")) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#failure(`${text} is missing`);
  }

  #failure(reason: string): UnreadablePhp {
    return new UnreadablePhp(reason, this.#text.slice(0, this.#at).split("\n").length);
  }
}

function assign(
  array: Map<string, PhpValue>,
  [first, ...rest]: readonly (string | undefined)[],
  value: PhpValue,
): void {
  const key = first ?? nextKey(array);
  if (rest.length === 0) {
    array.set(key, value);
    return;
  }
  const inner = array.get(key);
  const copy = new Map(inner instanceof Map ? inner : []);
  assign(copy, rest, value);
  array.set(key, copy);
}

/** A number and the text of it are the same key. */
function keyOf(value: PhpValue): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(Math.trunc(value));
  if (typeof value === "boolean") return value ? "1" : "0";
  return value === null ? "" : undefined;
}

function nextKey(array: PhpArray): string {
  const numbers = [...array.keys()].filter((key) => /^(0|-?[1-9]\d*)$/.test(key)).map(Number);
  return String(Math.max(-1, ...numbers) + 1);
}

function numberOf(text: string): number {
  const digits = text.replaceAll("_", "");
  // PHP's way of writing octal numbers, which JavaScript does not know.
  const [, octal] = /^0[oO]?([0-7]+)$/.exec(digits) ?? [];
  return octal === undefined ? Number(digits) : Number.parseInt(octal, 8);
}

function calculate(a: PhpValue, b: PhpValue, how: (a: number, b: number) => number): PhpValue {
  return typeof a === "number" && typeof b === "number" ? how(a, b) : computed;
}

function join(a: PhpValue, b: PhpValue): PhpValue {
  return typeof a === "string" && typeof b === "string" ? a + b : computed;
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  v: "\v",
  e: "\u001B",
  f: "\f",
  "\\": "\\",
  $: "$",
  '"': '"',
};

function unescape(text: string): PhpValue {
  // A variable inside of it.
  if (/(?<!\\)(?:\\\\)*(?:\$[A-Za-z_{]|\{\$)/.test(text)) return computed;
  let isText = true;
  const read = text.replaceAll(
    /\\(?:u\{[\da-fA-F]+\}|x[\da-fA-F]{1,2}|[0-7]{1,3}|[\s\S])/g,
    (escape) => {
      const letter = escapes[escape.slice(1)];
      if (letter !== undefined) return letter;
      const code = codeOf(escape.slice(1));
      if (code === undefined) return escape;
      // Bytes, several of which may make one character.
      if (code > 127 && !escape.startsWith("\\u")) isText = false;
      return String.fromCodePoint(code);
    },
  );
  return isText ? read : computed;
}

function codeOf(escape: string): number | undefined {
  if (escape.startsWith("u{")) return Number.parseInt(escape.slice(2, -1), 16);
  if (/^x./.test(escape)) return Number.parseInt(escape.slice(1), 16);
  return /^[0-7]/.test(escape) ? Number.parseInt(escape, 8) % 256 : undefined;
}
