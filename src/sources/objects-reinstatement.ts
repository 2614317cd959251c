// Knows: how files of a snapshot become the objects again that they came from. Must not know: who restored them, and whose objects they are.
import { createReadStream, lstatSync } from "node:fs";
import { posix } from "node:path";
import { HoldfastError } from "../kernel/errors.ts";
import { formatSize } from "../kernel/figures.ts";
import type { ObjectFile } from "../kernel/prepared-source.ts";
import type { Store } from "../s3/store.ts";
import type {
  Reinstated,
  Reinstatement,
  ReinstateWish,
  ReinstateWork,
  RestoredCopy,
} from "./reinstatement.ts";

/** The bucket that is filled. */
export interface Target {
  readonly store: Store;
  /** What all keys of this source begin with. */
  readonly keyPrefix: string;
  /** How a key is described: what each file is stored under. */
  readonly keys: string;
  /** Of an application whose objects mean nothing by themselves: what else is to be restored, and what to do then. */
  readonly belongings?: { readonly warning: string; readonly next: readonly string[] };
}

const atOnce = 16;
const mostNamed = 20;

/**
 * Decides how files get back into a bucket under the keys that their rows have. Nothing that is there is ever
 * replaced. Throws `target-invalid` for a bucket that has such objects already, unless it is to be filled up.
 */
export async function planReinstatement(
  target: Target,
  wish: ReinstateWish,
  signal: AbortSignal,
): Promise<Reinstatement> {
  const { store, keyPrefix, keys, belongings } = target;
  const place = `bucket ${store.bucket}`;
  if (wish.database !== undefined) {
    const hint = "leave out the name of a database, which is restored from its own backup";
    throw new HoldfastError("target-invalid", `${place} holds objects, and no database`, { hint });
  }
  const isEmpty = await hasNothing(store, keyPrefix, signal);
  if (!isEmpty && !wish.force) {
    const hint = "add --force to store what is missing there: nothing is replaced";
    throw new HoldfastError("target-invalid", `${place} is not empty`, { hint });
  }
  return {
    place,
    steps: [
      `store each file of it in ${place} under the key that it had (${keys}); nothing that is there is replaced`,
    ],
    warnings: [
      ...(belongings === undefined ? [] : [belongings.warning]),
      ...(isEmpty ? [] : [`${place} is not empty: only what is missing there is stored`]),
    ],
    carryOut: async (copy, work) => await carryOut({ ...target, place }, copy, work),
  };
}

async function hasNothing(store: Store, prefix: string, signal: AbortSignal): Promise<boolean> {
  for await (const batch of store.list(prefix, signal)) return batch.length === 0;
  return true;
}

async function carryOut(
  { store, place, belongings }: Target & { readonly place: string },
  copy: RestoredCopy,
  work: ReinstateWork,
): Promise<Reinstated> {
  if (copy.entries === undefined) {
    const hint = "choose one snapshot that holdfast made";
    throw new HoldfastError("target-invalid", "it is not known which keys its files had", { hint });
  }
  const tally = new Tally();
  for await (const entries of copy.entries(work.signal)) {
    const files = entries.flatMap((entry) => (entry.kind === "file" ? entry : []));
    for (let at = 0; at < files.length; at += atOnce) {
      const some = files.slice(at, at + atOnce);
      await Promise.all(
        some.map(async (file) => await putBack({ store, copy, tally }, file, work.signal)),
      );
    }
    work.tell(tally.progress());
  }
  return {
    place,
    notes: tally.notes(),
    next: belongings?.next ?? [],
  };
}

async function putBack(
  {
    store,
    copy,
    tally,
  }: { readonly store: Store; readonly copy: RestoredCopy; readonly tally: Tally },
  { path, key, refused }: ObjectFile,
  signal: AbortSignal,
): Promise<void> {
  const file = insideOf(copy.folder, path);
  const size = file === undefined || refused !== undefined ? undefined : sizeOf(file);
  if (file === undefined || size === undefined) {
    tally.missing(path);
    return;
  }
  const isNew = await store.put({ key, size, content: () => createReadStream(file) }, signal);
  tally.stored(isNew, size);
}

/** Nothing: there is no such file, or cannot be one: a path may be too long for any file system. */
function sizeOf(file: string): number | undefined {
  try {
    const state = lstatSync(file, { throwIfNoEntry: false });
    return state?.isFile() === true ? state.size : undefined;
  } catch {
    // ENAMETOOLONG, or a part of the path is a file: it was not restored either.
    return undefined;
  }
}

/** Where a file was restored to. Nothing: such a path leads out of it, and no engine has followed it. */
function insideOf(folder: string, path: string): string | undefined {
  const inside = posix.normalize(path);
  const leadsOut = inside.startsWith("/") || inside === ".." || inside.startsWith("../");
  return leadsOut ? undefined : posix.join(folder, inside);
}

/** What has come of it so far. */
class Tally {
  #stored = 0;
  #bytes = 0;
  #wasThere = 0;
  #missing = 0;
  readonly #named: string[] = [];

  stored(isNew: boolean, bytes: number): void {
    if (!isNew) this.#wasThere += 1;
    else {
      this.#stored += 1;
      this.#bytes += bytes;
    }
  }

  missing(path: string): void {
    this.#missing += 1;
    if (this.#named.length < mostNamed) this.#named.push(JSON.stringify(path));
  }

  progress(): string {
    return `${this.#stored} objects stored, ${formatSize(this.#bytes)}`;
  }

  notes(): readonly string[] {
    const more = this.#missing > this.#named.length ? ", and others" : "";
    return [
      ...(this.#missing === 0
        ? []
        : [`${this.#missing} files are not in the snapshot: ${this.#named.join(", ")}${more}`]),
      ...(this.#wasThere === 0
        ? []
        : [`${this.#wasThere} objects were there already and were left as they are`]),
    ];
  }
}
