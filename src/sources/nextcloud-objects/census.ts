// Knows: which rows and which objects there are, and what that says of a store. Must not know: how either is read.
import type { Evidence } from "../../kernel/evidence.ts";
import type { StoredObject } from "../../kernel/prepared-source.ts";
import { NumberSet } from "./number-set.ts";

const mostNamed = 100;
// More than anybody would look into one by one; each is asked for again before it is named.
const mostAskedAgain = 10_000;

/** Names of which the first are told, and the rest counted. */
class Names {
  readonly #named: string[] = [];
  #count = 0;

  add(name: string): void {
    this.#count += 1;
    if (this.#named.length < mostNamed) this.#named.push(name);
  }

  /** `3 THINGS: a, b, c`; nothing when there are none. */
  sentence(one: string, several: string): readonly string[] {
    if (this.#count === 0) return [];
    const more = this.#count - this.#named.length;
    const names = this.#named.map((name) => JSON.stringify(name)).join(", ");
    const rest = more === 0 ? "" : `, and ${more} more`;
    return [`${this.#count === 1 ? `1 ${one}` : `${this.#count} ${several}`}: ${names}${rest}`];
  }
}

/** Whether these files have a row by now: answers with the numbers of those that do. */
export type AskAgain = (numbers: readonly number[]) => Promise<ReadonlySet<number>>;

/** Counts rows and objects as they pass, and says in the end what does not belong together. */
export class Census {
  readonly #keyPrefix: string;
  readonly #rows = new NumberSet();
  readonly #objects = new NumberSet();
  readonly #orphans = new Names();
  readonly #foreign = new Names();
  readonly #unfinished = new Names();
  #notCompared: string | undefined;
  readonly #empty: { readonly name: string; readonly reason: string }[] = [];

  constructor(keyPrefix: string) {
    this.#keyPrefix = keyPrefix;
  }

  row(number: number): void {
    this.#rows.add(number);
  }

  object({ key }: StoredObject): void {
    const number = key.startsWith(this.#keyPrefix) ? key.slice(this.#keyPrefix.length) : "";
    if (/^[1-9]\d{0,14}$/.test(number)) this.#objects.add(Number(number));
    else this.#foreign.add(key);
  }

  unfinished(path: string): void {
    this.#unfinished.add(path);
  }

  emptyTree(name: string, reason: string): void {
    this.#empty.push({ name, reason });
  }

  notCompared(reason: string): void {
    this.#notCompared = reason;
  }

  /**
   * Once all rows and all objects have passed. An object that came while they did has its row before it has
   * its bytes: what has no row is asked for again, where that is possible.
   */
  async compare(askAgain: AskAgain | undefined): Promise<void> {
    const candidates = [...this.#objects.without(this.#rows)].toSorted((a, b) => a - b);
    const asked = askAgain === undefined ? [] : candidates.slice(0, mostAskedAgain);
    const known = asked.length === 0 ? undefined : await askAgain?.(asked);
    for (const number of candidates) {
      if (known?.has(number) !== true) this.#orphans.add(`${this.#keyPrefix}${number}`);
    }
  }

  evidence(): Evidence {
    const notes = [
      ...this.#empty.map(({ name, reason }) => `${name}: ${reason}`),
      ...this.#unfinished.sentence(
        "upload is under way or was never finished",
        "uploads are under way or were never finished",
      ),
      ...this.#orphans.sentence(
        "object has no row in the database, so that no file is in it",
        "objects have no row in the database, so that no file is in them",
      ),
      ...this.#foreign.sentence(
        "object in the bucket is not one of Nextcloud's files",
        "objects in the bucket are not Nextcloud's files",
      ),
      ...(this.#notCompared === undefined
        ? []
        : [`it was not found out which objects have no row: ${this.#notCompared}`]),
    ];
    return {
      ...(notes.length > 0 && { notes }),
      ...(this.#empty.length > 0 && { emptySources: this.#empty.map(({ name }) => name) }),
    };
  }
}
