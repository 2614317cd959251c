// Knows: how things are worked on side by side, and come out in the order they went in. Must not know: what they are.

/** Works on so many at once, asked for anew each time. The first failure is thrown when its turn comes; nothing new is begun then. */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  most: () => number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Told when its turn comes.
      result.catch(() => {});
      running.push(result);
      if (running.length < most()) continue;
      const first = running.shift();
      if (first !== undefined) yield await first;
    }
    for (let first = running.shift(); first !== undefined; first = running.shift())
      yield await first;
  } finally {
    await Promise.allSettled(running);
  }
}
