// Knows: how work shares disks: one piece on each at a time, several on different ones. Must not know: what the work is.

/** What a piece of work takes for itself, and what it only looks at. */
export interface Demand {
  /** Names of what no other piece may use or read meanwhile. */
  readonly uses: ReadonlySet<string>;
  /** Names of what others may read as well, but not use. */
  readonly reads: ReadonlySet<string>;
}

/** Whether two pieces must not be worked at together. */
export function areInEachOthersWay(one: Demand, other: Demand): boolean {
  return !(
    one.uses.isDisjointFrom(other.uses) &&
    one.uses.isDisjointFrom(other.reads) &&
    one.reads.isDisjointFrom(other.uses)
  );
}

/** A piece of work. */
export interface Piece<T> extends Demand {
  /** The places in the list of those pieces that must have ended before, however they ended. */
  readonly after: readonly number[];
  readonly work: () => Promise<T>;
}

/**
 * Does all pieces, in their order as far as what they use and wait for allows, at most `limit` at
 * once. Answers in their order. When one throws, the others are done all the same, and then the first
 * error is thrown.
 */
export async function sideBySide<T>(
  pieces: readonly Piece<T>[],
  limit: number,
): Promise<readonly T[]> {
  const results = new Map<number, T>();
  const waiting = new Map(pieces.entries());
  const running = new Map<number, { readonly piece: Piece<T>; readonly end: Promise<void> }>();
  const errors: unknown[] = [];

  const mayStart = (piece: Piece<T>): boolean =>
    piece.after.every((index) => !waiting.has(index) && !running.has(index)) &&
    running.values().every((other) => !areInEachOthersWay(piece, other.piece));
  const startWhatCan = (): void => {
    for (const [index, piece] of Array.from(waiting)) {
      if (running.size >= limit) return;
      if (!mayStart(piece)) continue;
      waiting.delete(index);
      running.set(index, { piece, end: perform(index, piece) });
    }
  };
  const perform = async (index: number, piece: Piece<T>): Promise<void> => {
    try {
      results.set(index, await piece.work());
    } catch (error) {
      errors.push(error);
    }
    running.delete(index);
  };

  for (startWhatCan(); running.size > 0; startWhatCan()) {
    await Promise.race(running.values().map(({ end }) => end));
  }
  if (errors.length > 0) throw errors[0];
  if (waiting.size > 0) throw new Error("pieces of work wait for each other");
  return pieces.flatMap((_, index) => {
    const result = results.get(index);
    return result === undefined ? [] : [result];
  });
}
