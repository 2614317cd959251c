// Knows: how work shares disks: one piece on each at a time, several on different ones. Must not know: what the work is.

/** A piece of work and the names of what no other piece may use meanwhile. */
export interface Piece<T> {
  readonly uses: ReadonlySet<string>;
  readonly work: () => Promise<T>;
}

/**
 * Does all pieces, in their order as far as what they use allows, at most `limit` at once. Answers
 * in their order. A piece must not throw: the others would be left alone.
 */
export async function sideBySide<T>(
  pieces: readonly Piece<T>[],
  limit: number,
): Promise<readonly T[]> {
  const results = new Map<number, T>();
  const waiting = new Map(pieces.entries());
  const running = new Map<number, Promise<void>>();
  const inUse = new Set<string>();

  const startWhatCan = (): void => {
    for (const [index, piece] of Array.from(waiting)) {
      if (running.size >= limit) return;
      if (!piece.uses.isDisjointFrom(inUse)) continue;
      waiting.delete(index);
      for (const name of piece.uses) inUse.add(name);
      running.set(index, perform(index, piece));
    }
  };
  const perform = async (index: number, piece: Piece<T>): Promise<void> => {
    try {
      results.set(index, await piece.work());
    } finally {
      running.delete(index);
      for (const name of piece.uses) inUse.delete(name);
    }
  };

  for (startWhatCan(); running.size > 0; startWhatCan()) await Promise.race(running.values());
  return pieces.flatMap((_, index) => {
    const result = results.get(index);
    return result === undefined ? [] : [result];
  });
}
