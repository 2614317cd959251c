// Knows: which word somebody may have meant. Must not know: what the words stand for.

/**
 * The candidate that was probably meant, or none. Case and the ways of joining words (`fooBar`,
 * `foo_bar`) count for nothing, a slip of the finger for little.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance <= tolerance(wanted, candidate) && distance < (best?.distance ?? Infinity)) {
      best = { candidate, distance };
    }
  }
  return best?.candidate;
}

/** `, did you mean "x"?`, or nothing when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates);
  return meant === undefined || meant === word ? "" : `, did you mean "${meant}"?`;
}

// A third of the letters may be wrong; in words of one or two letters none, or everything fits.
function tolerance(word: string, candidate: string): number {
  return Math.floor(Math.max(word.length, candidate.length) / 3);
}

function plain(word: string): string {
  return word
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/[_ ]/g, "-")
    .toLowerCase();
}

/** Letters to insert, drop, replace, or swap with their neighbour, to make one word the other. */
function editDistance(a: string, b: string): number {
  let twoAbove: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (twoAbove[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    twoAbove = above;
    above = current;
  }
  return above[b.length] ?? 0;
}
