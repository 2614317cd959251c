// Knows: states of a store that follow each other, and what a tree of each has to hold. Must not know: who backs them up.
import { createHash } from "node:crypto";
import { MemoryStore } from "./objects-source.ts";

const files = 200;

/** Of ten files one changes from state to state, one has the content of another, and one is empty. */
function contentOf(number: number, generation: number): string {
  if (number % 10 === 0) return `${number} in ${generation}\n`.repeat((number % 7) * 1000 + 1);
  if (number % 10 === 1) return "the same everywhere\n";
  return number % 10 === 2 ? "" : `${number}\n`.repeat((number % 5) + 1);
}

function pathOf(number: number): string {
  return `alice/files/${number % 13}/file ${number}`;
}

/** A store in one of its states. */
export function generationOf(generation: number): MemoryStore {
  const store = new MemoryStore("s3://generations");
  for (let number = 1; number <= files; number += 1) {
    const content = contentOf(number, generation);
    const sha1 = createHash("sha1").update(content).digest("hex");
    store.add(pathOf(number), content, {
      key: `urn:oid:${number}`,
      modified: 1_700_000_000 + number,
      ...(number % 3 === 0 ? { sha1 } : {}),
    });
  }
  return store;
}

/** Paths and contents of the files of a tree of this state. */
export function expectedOf(generation: number): Readonly<Record<string, string>> {
  const numbers = Array.from({ length: files }, (_, index) => index + 1);
  return Object.fromEntries(
    numbers.map((number) => [pathOf(number), contentOf(number, generation)]),
  );
}
