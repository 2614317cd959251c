// Knows: the order of the bytes of texts. Must not know: what they name.

/** Compares as their UTF-8 bytes compare, which is how stores list keys. Negative: `a` comes first. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const one = a.charCodeAt(at);
    const other = b.charCodeAt(at);
    if (one !== other) return weight(one) - weight(other);
  }
  return a.length - b.length;
}

/** Halves of characters beyond U+FFFF come after everything that is written with one unit. */
function weight(unit: number): number {
  if (unit < 0xd8_00) return unit;
  return unit < 0xe0_00 ? unit + 0x1_00_00 : unit;
}
