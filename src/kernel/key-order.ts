// Knows: in which order a store lists its objects. Must not know: any store.

/**
 * Orders keys by the bytes of their UTF-8, as stores do. Comparing texts in JavaScript differs from that where
 * one holds characters beyond U+FFFF and the other some just below it.
 */
export function compareKeys(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    const [left, right] = [one.charCodeAt(index), other.charCodeAt(index)];
    if (left !== right) return placeOf(left) - placeOf(right);
  }
  return one.length - other.length;
}

/** Halves of a surrogate pair stand for what comes after all that is one unit long. */
function placeOf(unit: number): number {
  return unit >= 0xd8_00 && unit <= 0xdf_ff ? unit + 0x1_00_00 : unit;
}
