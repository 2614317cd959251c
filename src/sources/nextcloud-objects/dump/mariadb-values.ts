// Knows: how MariaDB and MySQL write rows into INSERT statements. Must not know: which rows.
import type { Row } from "../../../databases/database.ts";

/** A statement that is not as the database's own tools write it. */
export class BrokenDump extends Error {
  override readonly name = "BrokenDump";
}

const escapes: Readonly<Record<string, string>> = {
  "0": "\0",
  b: "\b",
  n: "\n",
  r: "\r",
  t: "\t",
  Z: "\u001A",
};

/**
 * The rows of a part of an INSERT statement, from after VALUES or from the beginning of a further line.
 * `ended`: the statement ends here, and does not go on in the next line.
 */
export function readTuples(
  text: string,
  from: number,
): { readonly rows: readonly Row[]; readonly ended: boolean } {
  const rows: Row[] = [];
  const reader = new TupleReader(text, from);
  for (;;) {
    const next = reader.skipBlanks();
    if (next === "") return { rows, ended: false };
    if (next === ";") return { rows, ended: true };
    if (next === ",") {
      reader.skip(1);
      continue;
    }
    rows.push(reader.tuple());
  }
}

class TupleReader {
  readonly #text: string;
  #at: number;
  // Where the next backslash is: known once, so that texts without any are read fast.
  #backslash = -1;

  constructor(text: string, from: number) {
    this.#text = text;
    this.#at = from;
  }

  /** The next character that means something. Empty: there is none. */
  skipBlanks(): string {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\r") this.#at += 1;
    return this.#text[this.#at] ?? "";
  }

  skip(count: number): void {
    this.#at += count;
  }

  tuple(): Row {
    this.#expect("(");
    const values: (string | null)[] = [];
    for (;;) {
      values.push(this.#value());
      if (this.#text[this.#at] === ")") break;
      this.#expect(",");
    }
    this.#at += 1;
    return values;
  }

  #value(): string | null {
    if (this.#text[this.#at] === "'") return this.#quoted();
    const end = this.#endOfWord();
    const word = this.#text.slice(this.#at, end);
    this.#at = end;
    // `_binary 'text'`
    if (word.startsWith("_") && this.skipBlanks() === "'") return this.#quoted();
    if (word === "NULL") return null;
    if (/^0x[0-9a-f]*$/i.test(word)) return Buffer.from(word.slice(2), "hex").toString("utf8");
    if (/^-?[0-9.]+(e[+-]?\d+)?$/i.test(word)) return word;
    throw this.#broken(`"${word.slice(0, 40)}" is no value`);
  }

  #endOfWord(): number {
    let end = this.#at;
    while (end < this.#text.length && !", )'".includes(this.#text[end] ?? "")) end += 1;
    return end;
  }

  #quoted(): string {
    this.#at += 1;
    let read = "";
    for (;;) {
      const quote = this.#text.indexOf("'", this.#at);
      if (quote === -1) throw this.#broken("a text has no end");
      if (this.#backslash < this.#at) this.#backslash = this.#nextBackslash();
      if (this.#backslash < quote) {
        read += this.#text.slice(this.#at, this.#backslash);
        read += unescaped(this.#text[this.#backslash + 1] ?? "");
        this.#at = this.#backslash + 2;
        continue;
      }
      read += this.#text.slice(this.#at, quote);
      this.#at = quote + 1;
      if (this.#text[this.#at] !== "'") return read;
      // Two quotes stand for one.
      read += "'";
      this.#at += 1;
    }
  }

  #nextBackslash(): number {
    const next = this.#text.indexOf("\\", this.#at);
    return next === -1 ? Number.POSITIVE_INFINITY : next;
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw this.#broken(`"${character}" is missing`);
    this.#at += 1;
  }

  #broken(reason: string): BrokenDump {
    return new BrokenDump(
      `${reason}: …${this.#text.slice(Math.max(0, this.#at - 60), this.#at + 20)}`,
    );
  }
}

function unescaped(character: string): string {
  return escapes[character] ?? character;
}
