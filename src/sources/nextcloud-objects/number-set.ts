// Knows: how many whole numbers are remembered in little memory. Must not know: what they are the numbers of.

const bitsPerPage = 65_536;

/** A set of whole numbers of which many lie close together: a bit for each, in pages of 8 KiB. */
export class NumberSet {
  readonly #pages = new Map<number, Uint8Array>();

  add(number: number): void {
    const index = Math.floor(number / bitsPerPage);
    const page = this.#pages.get(index) ?? new Uint8Array(bitsPerPage / 8);
    this.#pages.set(index, page);
    const bit = number % bitsPerPage;
    page[bit >> 3] = (page[bit >> 3] ?? 0) | (1 << (bit & 7));
  }

  has(number: number): boolean {
    const bit = number % bitsPerPage;
    const byte = this.#pages.get(Math.floor(number / bitsPerPage))?.[bit >> 3] ?? 0;
    return (byte & (1 << (bit & 7))) !== 0;
  }

  /** The numbers that another set lacks, in no order. */
  *without(other: NumberSet): Generator<number> {
    for (const number of this.#numbers()) {
      if (!other.has(number)) yield number;
    }
  }

  *#numbers(): Generator<number> {
    for (const [index, page] of this.#pages) {
      for (const [at, byte] of page.entries()) {
        for (const bit of bitsOf(byte)) yield index * bitsPerPage + at * 8 + bit;
      }
    }
  }
}

function* bitsOf(byte: number): Generator<number> {
  for (let bit = 0; byte >> bit !== 0; bit += 1) {
    if ((byte & (1 << bit)) !== 0) yield bit;
  }
}
