// Knows: how very many numbers are kept in little memory. Must not know: what they count.

const firstCapacity = 1024;

/** A list that takes eight bytes a number. */
export class Numbers {
  #values = new Float64Array(firstCapacity);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  /** In ascending order. */
  sorted(): Float64Array {
    return this.#values.subarray(0, this.length).toSorted();
  }
}

/** Where a value is in ascending numbers, or -1. */
export function indexIn(sorted: Float64Array, value: number): number {
  let from = 0;
  let to = sorted.length - 1;
  while (from <= to) {
    const middle = (from + to) >> 1;
    const found = sorted[middle] ?? 0;
    if (found === value) return middle;
    if (found < value) from = middle + 1;
    else to = middle - 1;
  }
  return -1;
}
