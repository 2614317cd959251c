// Knows: how rows and objects are handed over together. Must not know: where they come from, and who keeps them.
import { HoldfastError } from "../../kernel/errors.ts";
import type {
  ObjectEntry,
  ObjectFile,
  PreparedObjects,
  StoredObject,
} from "../../kernel/prepared-source.ts";
import type { Store } from "../../s3/store.ts";
import { Census } from "./census.ts";
import { refuseEncrypted } from "./encryption.ts";
import { planReading, readEntries, type Reading } from "./entries.ts";
import type { Options } from "./options.ts";
import { filesByIdQuery } from "./queries.ts";
import { readFileRow } from "./rows.ts";
import type { View } from "./setting.ts";
import type { Forest } from "./trees.ts";

/** What a prepared source is made of. It disposes of both. */
export interface Parts {
  readonly view: View;
  readonly store: Store;
  readonly keyPrefix: string;
  readonly options: Pick<Options, "trees" | "include" | "exclude-mimetypes">;
}

// A bucket with the ordinary keys is Nextcloud's own, so that what else is in it is worth telling.
const ordinaryKeys = "urn:oid:";
const numbersAtOnce = 500;

/** Rows and objects of one Nextcloud, side by side. */
export function prepareObjects(parts: Parts): PreparedObjects {
  const { view, store } = parts;
  const progress = new Progress(parts);
  return {
    kind: "objects",
    store: `s3://${store.bucket}`,
    entries: (signal) => entriesOf(parts, progress, signal),
    objects: (signal) => objectsOf(parts, progress, signal),
    read: async (request, signal) =>
      await refuseEncrypted(await store.read(request, signal), request),
    ...(view.isLive && {
      again: async (key: string, signal: AbortSignal) =>
        await lookAgain(parts, { key, forest: progress.forest }, signal),
    }),
    evidence: () => progress.census.evidence(),
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await view[Symbol.asyncDispose]();
    },
  };
}

/** What both sides have come to, which are read by turns. */
class Progress {
  readonly census: Census;
  readonly #view: View;
  forest: Forest | undefined;
  rowsHaveEnded = false;
  objectsHaveEnded = false;

  constructor({ view, keyPrefix }: Parts) {
    this.#view = view;
    this.census = new Census(keyPrefix);
  }

  /** Compares them once both are through. */
  async compareAtEnd(signal: AbortSignal): Promise<void> {
    if (!this.rowsHaveEnded || !this.objectsHaveEnded) return;
    const view = this.#view;
    const ask = async (numbers: readonly number[]) => await stillThere(view, numbers, signal);
    await this.unlessItFails(
      async () => await this.census.compare(view.isLive ? ask : undefined),
      signal,
    );
  }

  /** Does what is for the report only: that it cannot be done keeps nobody from a backup. */
  async unlessItFails(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal.aborted || !(error instanceof HoldfastError)) throw error;
      this.census.notCompared(error.message);
    }
  }
}

async function* entriesOf(
  parts: Parts,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<readonly ObjectEntry[]> {
  const reading: Reading = { ...parts, census: progress.census };
  const plan = await planReading(reading, signal);
  progress.forest = plan.forest;
  yield* readEntries(reading, plan, signal);
  progress.rowsHaveEnded = true;
  await progress.compareAtEnd(signal);
}

async function* objectsOf(
  { store, keyPrefix }: Parts,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredObject[]> {
  const { census } = progress;
  const listing = store.list(keyPrefix === ordinaryKeys ? "" : keyPrefix, signal);
  const batches = listing[Symbol.asyncIterator]();
  const next = async (): Promise<readonly StoredObject[] | undefined> => {
    const { done, value } = await batches.next();
    progress.objectsHaveEnded = done === true;
    if (done === true) return undefined;
    for (const object of value) census.object(object);
    return value;
  };
  try {
    for (let batch = await next(); batch !== undefined; batch = await next()) yield batch;
  } finally {
    // Whoever joins them stops after the last row: what comes behind it is looked at all the same.
    const isLeft = progress.rowsHaveEnded && !progress.objectsHaveEnded && !signal.aborted;
    if (isLeft) await progress.unlessItFails(async () => await drain(next), signal);
    await batches.return?.();
    await progress.compareAtEnd(signal);
  }
}

async function drain(next: () => Promise<unknown>): Promise<void> {
  while ((await next()) !== undefined);
}

async function lookAgain(
  { view, keyPrefix }: Parts,
  { key, forest }: { readonly key: string; readonly forest: Forest | undefined },
  signal: AbortSignal,
): Promise<readonly ObjectFile[]> {
  const number = Number(key.slice(keyPrefix.length));
  if (forest === undefined || !Number.isSafeInteger(number)) return [];
  const found: ObjectFile[] = [];
  for await (const { rows } of view.rows([filesByIdQuery(view.tables, [number])], signal)) {
    for (const row of rows) {
      const { storage, path, content } = readFileRow(row, keyPrefix);
      const paths = forest.pathsOf(storage, path);
      found.push(...paths.map((target) => ({ kind: "file" as const, path: target, ...content })));
    }
  }
  return found;
}

/** Which of these files have a row by now. */
async function stillThere(
  view: View,
  numbers: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const queries: string[] = [];
  for (let at = 0; at < numbers.length; at += numbersAtOnce) {
    queries.push(filesByIdQuery(view.tables, numbers.slice(at, at + numbersAtOnce)));
  }
  const found = new Set<number>();
  for await (const { rows } of view.rows(queries, signal)) {
    for (const [number] of rows) found.add(Number(number));
  }
  return found;
}
