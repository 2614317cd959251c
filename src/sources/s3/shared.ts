// Knows: how two readers of one sweep, side by side, make no second one of it. Must not know: what is swept.

/** One iterable for each of two readers. What one of them has read is held until the other one has read it too. */
export function shared<Item>(
  items: AsyncIterable<Item>,
): readonly [AsyncGenerator<Item>, AsyncGenerator<Item>] {
  const source = items[Symbol.asyncIterator]();
  const waiting: [Promise<IteratorResult<Item>>[], Promise<IteratorResult<Item>>[]] = [[], []];
  const left = new Set([0, 1]);

  const fresh = (other: 0 | 1): Promise<IteratorResult<Item>> => {
    const next = source.next();
    if (left.has(other)) waiting[other].push(next);
    return next;
  };

  async function* reader(own: 0 | 1): AsyncGenerator<Item> {
    try {
      for (;;) {
        const { done, value } = await (waiting[own].shift() ?? fresh(own === 0 ? 1 : 0));
        if (done === true) return;
        yield value;
      }
    } finally {
      left.delete(own);
      waiting[own] = [];
      if (left.size === 0) await source.return?.();
    }
  }

  return [reader(0), reader(1)];
}
