// Knows: how a stream of bytes becomes lines, of which some are far too long to be looked at whole. Must not know: what they say.

const newline = 0x0a;
const headLength = 256;

/** What becomes of the lines. */
export interface LineReader {
  /** Whether a line that begins so is wanted: the others are passed over without being kept. */
  isWanted(head: string): boolean;
  line(text: string): void;
}

/** Cuts bytes into lines. What is not wanted costs no memory, however long it is. */
export class LineCutter {
  readonly #reader: LineReader;
  #kept: Buffer[] = [];
  #keptLength = 0;
  #state: "deciding" | "keeping" | "passing" = "deciding";

  constructor(reader: LineReader) {
    this.#reader = reader;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(newline, at);
      const isWhole = end !== -1;
      this.#take(chunk.subarray(at, isWhole ? end : chunk.length), isWhole);
      at = isWhole ? end + 1 : chunk.length;
    }
  }

  /** The last line need not have an end. */
  end(): void {
    if (this.#keptLength > 0) this.#take(Buffer.alloc(0), true);
  }

  #take(part: Buffer, isWhole: boolean): void {
    if (this.#state !== "passing") {
      // The chunk it is a part of is not overwritten: streams of files and unpackers make new ones.
      this.#kept.push(part);
      this.#keptLength += part.length;
    }
    if (this.#state === "deciding" && (isWhole || this.#keptLength >= headLength)) this.#decide();
    if (!isWhole) return;
    if (this.#state === "keeping") this.#reader.line(this.#text());
    this.#forget();
    this.#state = "deciding";
  }

  #decide(): void {
    const head = this.#kept.length === 1 ? this.#kept[0] : Buffer.concat(this.#kept);
    const text = head?.subarray(0, headLength).toString("utf8") ?? "";
    this.#state = this.#reader.isWanted(text) ? "keeping" : "passing";
    if (this.#state === "passing") this.#forget();
  }

  #text(): string {
    const [only] = this.#kept;
    const whole = this.#kept.length === 1 && only ? only : Buffer.concat(this.#kept);
    return whole.toString("utf8");
  }

  #forget(): void {
    this.#kept = [];
    this.#keptLength = 0;
  }
}
