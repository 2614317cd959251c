// Knows: bytes that a process writes, kept within bounds or cut into lines. Must not know: processes.
import { StringDecoder } from "node:string_decoder";

const pageBytes = 64 * 1024;

/** Keeps the last bytes of what it is given, and memory within one page of that. */
export class Tail {
  readonly #limit: number;
  // Pages instead of the chunks themselves: a tool that writes byte by byte would else cost a
  // hundred times what it writes.
  #pages: Buffer[] = [];
  #usedOfLast = pageBytes;
  #seen = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** More was given than is kept. */
  get truncated(): boolean {
    return this.#seen > this.#limit;
  }

  push(chunk: Buffer): void {
    this.#seen += chunk.length;
    let taken = 0;
    while (taken < chunk.length) {
      const page = this.#roomyPage();
      const copied = chunk.copy(page, this.#usedOfLast, taken);
      this.#usedOfLast += copied;
      taken += copied;
    }
  }

  /** What is kept, as text. It never begins in the middle of a character. */
  text(): string {
    const last = this.#pages.at(-1);
    if (last === undefined) return "";
    const kept = Buffer.concat([...this.#pages.slice(0, -1), last.subarray(0, this.#usedOfLast)]);
    if (!this.truncated) return kept.toString("utf8");
    let start = kept.length - this.#limit;
    while (isContinuation(kept[start])) start += 1;
    return kept.toString("utf8", start);
  }

  #roomyPage(): Buffer {
    const last = this.#pages.at(-1);
    if (last !== undefined && this.#usedOfLast < pageBytes) return last;
    const page = Buffer.allocUnsafe(pageBytes);
    this.#pages.push(page);
    this.#usedOfLast = 0;
    if ((this.#pages.length - 2) * pageBytes >= this.#limit) this.#pages.shift();
    return page;
  }
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0b1100_0000) === 0b1000_0000;
}

// Half of the longest string that V8 can hold. No tool writes such a line; /dev/zero does.
const longestLine = 256 * 1024 * 1024;

/**
 * Cuts bytes into lines, which end with a line feed and nothing else, because a file name may end with
 * a carriage return; unless `atReturns` is set. Invalid UTF-8 becomes U+FFFD. A line beyond 256 Mi characters comes in pieces.
 */
export class Lines {
  readonly #receive: (line: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  readonly #atReturns: boolean;
  #pieces: string[] = [];
  #pending = 0;

  constructor(receive: (line: string) => void, { atReturns = false } = {}) {
    this.#receive = receive;
    this.#atReturns = atReturns;
  }

  push(chunk: Buffer): void {
    const decoded = this.#decoder.write(chunk);
    const text = this.#atReturns ? decoded.replaceAll("\r", "\n") : decoded;
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#keep(text.slice(start, end));
      this.#deliver();
      start = end + 1;
    }
    if (start < text.length) this.#keep(text.slice(start));
    if (this.#pending >= longestLine) this.#deliver();
  }

  /** Delivers a last line that had no end. */
  end(): void {
    this.#keep(this.#decoder.end());
    if (this.#pending > 0) this.#deliver();
  }

  #keep(piece: string): void {
    this.#pieces.push(piece);
    this.#pending += piece.length;
  }

  #deliver(): void {
    const line = this.#pieces.join("");
    this.#pieces = [];
    this.#pending = 0;
    this.#receive(line);
  }
}
