// Knows: the order in which PHP merges files of a configuration. Must not know: what is in them.

/** Compares names by PHP's natural order: `9.config.php` comes before `10.config.php`. */
export function naturalOrder(a: string, b: string): number {
  const [left, right] = [chunksOf(a), chunksOf(b)];
  for (const [index, chunk] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (chunk === other) continue;
    const [one, two] = [Number(chunk), Number(other)];
    if (!Number.isNaN(one) && !Number.isNaN(two) && one !== two) return one - two;
    return chunk < other ? -1 : 1;
  }
  return left.length - right.length;
}

function chunksOf(name: string): readonly string[] {
  return name.match(/\d+|\D+/g) ?? [];
}
