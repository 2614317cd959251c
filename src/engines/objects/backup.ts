// Knows: how a snapshot is made from beginning to end, and when it becomes visible. Must not know: which snapshots are there.
import { mkdirSync, openSync, closeSync, fsyncSync, renameSync, existsSync } from "node:fs";
import type { Evidence } from "../../kernel/evidence.ts";
import type { PreparedObjects } from "../../kernel/prepared-source.ts";
import type { Work } from "../engine.ts";
import { explain } from "./errors.ts";
import { Doubts } from "./doubts.ts";
import { Fetching } from "./fetching.ts";
import { inOrder } from "./in-order.ts";
import { join, type Portion } from "./joining.ts";
import { hiddenPlace, manifestPlace, type Places, snapshotPlace } from "./layout.ts";
import { makePortion, type Workplace } from "./making.ts";
import { keyInLine, linesOf, ManifestWriter, parseLine } from "./manifest.ts";
import { Throttle } from "./pace.ts";
import { type Record, writeRecord } from "./record.ts";
import { Shelving } from "./shelving.ts";
import { Tally } from "./tally.ts";
import { Threads } from "./threads.ts";

/** A snapshot that is to be made. */
export interface Undertaking {
  readonly places: Places;
  readonly repository: string;
  /** What it will be called. */
  readonly name: string;
  readonly source: PreparedObjects;
  /** The last snapshot of the same store, to compare with. */
  readonly earlier?: string;
  readonly parallel: number;
  readonly bandwidth?: number;
  /** Puts all that was written on the disk. */
  readonly sync: () => Promise<void>;
  /** What is written down of it, besides its figures. */
  readonly about: Pick<Record, "job" | "labels" | "time">;
}

// So many portions are worked on at once: enough for all threads, and with little in memory.
const portionsAtOnce = 4;
// What waits for an object does not hold up the others.
const portionsWhileFetching = 16;
const reportEveryMs = 100;

/** Makes a snapshot: invisible until all of it is on the disk. Answers with what that proved. */
export async function makeSnapshot(undertaking: Undertaking, work: Work): Promise<Evidence> {
  const { places, repository, name, source, sync } = undertaking;
  // What still runs when something fails, ends with it.
  const stop = new AbortController();
  const signal = AbortSignal.any([work.signal, stop.signal]);
  const tree = hiddenPlace(places, name);
  for (const folder of [places.downloading, places.manifests, tree]) {
    mkdirSync(folder, { recursive: true });
  }
  const tally = new Tally();
  const meter = new Meter(tally, work);
  await using threads = new Threads(repository, signal);
  using _ = { [Symbol.dispose]: () => stop.abort() };
  const fetching = new Fetching({
    source,
    places,
    signal,
    parallel: undertaking.parallel,
    throttle: new Throttle(undertaking.bandwidth),
    shelving: new Shelving(places, sync),
    onBytes: (bytes) => meter.came(bytes),
  });
  const doubts = new Doubts(source, signal);
  const workplace = { places, tree, threads, fetching, doubts, tally };
  await makeTree(undertaking, { workplace, meter, stop, signal });
  if (fetching.etagsAreNoHashes) {
    tally.note(
      "the store's ETags are no checksums of content: what came was fetched twice to be believed",
    );
  }
  const { files, bytes } = tally;
  writeRecord(places, name, { ...undertaking.about, store: source.store, files, bytes });
  await publish(undertaking);
  return tally.evidence();
}

interface Making {
  readonly workplace: Workplace;
  readonly meter: Meter;
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

async function makeTree(
  { places, name, repository, source, earlier }: Undertaking,
  { workplace, meter, stop, signal }: Making,
): Promise<void> {
  const path = manifestPlace(places, name);
  await using manifest = new ManifestWriter(`${path}.new`, source.store);
  const lines =
    earlier === undefined ? nothing() : whileReadable(linesOf(manifestPlace(places, earlier)));
  const failures: unknown[] = [];
  // The others need not go on; what ends them must not be taken for the cause.
  const fail = (error: unknown): void => {
    failures.push(explain(error, repository));
    stop.abort(failures[0]);
  };
  const make = async (portion: Portion): Promise<string> => {
    meter.begin(portion);
    try {
      return await makePortion(workplace, portion);
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      meter.report();
    }
  };
  try {
    const most = (): number => (workplace.fetching.isBusy ? portionsWhileFetching : portionsAtOnce);
    const portions = telling(join(source, lines, signal), fail);
    for await (const made of inOrder(portions, most, make)) await manifest.write(made);
  } catch (error) {
    throw failures[0] ?? error;
  }
  await manifest.close();
  await setFolderTimes(workplace, `${path}.new`);
  renameSync(`${path}.new`, path);
}

async function* telling(
  portions: AsyncIterable<Portion>,
  fail: (error: unknown) => void,
): AsyncGenerator<Portion> {
  try {
    yield* portions;
  } catch (error) {
    fail(error);
    throw error;
  }
}

async function* nothing(): AsyncGenerator<readonly string[]> {
  // There is no earlier snapshot.
}

/** A manifest that cannot be read saves no work: then everything is looked at. */
async function* whileReadable(
  lines: AsyncIterable<readonly string[]>,
): AsyncGenerator<readonly string[]> {
  try {
    yield* lines;
  } catch {
    // It was deleted, or damaged by whatever: `check` tells.
  }
}

/** At the end, because each name that comes into a folder changes the folder's time. */
async function setFolderTimes(
  { threads, tree }: Pick<Workplace, "threads" | "tree">,
  manifest: string,
): Promise<void> {
  for await (const lines of linesOf(manifest)) {
    const folders = lines.flatMap((line) => {
      const { folder, modified } = parseLine(line) ?? {};
      return folder === undefined || modified === undefined ? [] : `${folder}\0${modified}`;
    });
    if (folders.length > 0) await threads.run({ work: "times", tree, rows: folders.join("\0") });
    // Folders come first.
    if (lines.some((line) => keyInLine(line) !== undefined)) return;
  }
}

/** Gives a snapshot its name when all of it is on the disk. */
export async function publish({
  places,
  name,
  sync,
}: Pick<Undertaking, "places" | "name" | "sync">): Promise<void> {
  await sync();
  const to = snapshotPlace(places, name);
  // An empty folder would be replaced without a word.
  if (existsSync(to)) throw new Error(`${to} has come into being while its snapshot was made`);
  renameSync(hiddenPlace(places, name), to);
  const folder = openSync(places.snapshots, "r");
  fsyncSync(folder);
  closeSync(folder);
}

/** How far it has come. */
class Meter {
  readonly #tally: Tally;
  readonly #work: Work;
  readonly #startedMs = performance.now();
  #reportedMs = 0;
  #files = 0;
  #bytes = 0;
  #onTheWay = 0;

  constructor(tally: Tally, work: Work) {
    this.#tally = tally;
    this.#work = work;
  }

  begin(portion: Portion): void {
    if (portion.kind === "folders") return;
    this.#files += portion.files.length;
    for (const { entry } of portion.files) this.#bytes += entry.size;
  }

  /** Bytes that came over the line. */
  came(bytes: number): void {
    this.#onTheWay += bytes;
    this.report();
  }

  report(): void {
    const now = performance.now();
    if (now - this.#reportedMs < reportEveryMs) return;
    this.#reportedMs = now;
    const { files, bytes, added } = this.#tally;
    // What has come and is not yet in the snapshot.
    const pending = Math.max(0, this.#onTheWay - added);
    this.#work.progress({
      filesDone: files,
      filesTotal: this.#files,
      bytesDone: Math.min(bytes + pending, this.#bytes),
      bytesTotal: this.#bytes,
      secondsElapsed: (now - this.#startedMs) / 1000,
    });
  }
}
