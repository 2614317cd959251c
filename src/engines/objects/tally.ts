// Knows: what a backup has come to so far. Must not know: how it got there.
import type { Evidence } from "../../kernel/evidence.ts";

// So many are named; all are counted.
const named = 100;
const namedInNotes = 5;

/** Counts things, and names the first of them. */
class Noted {
  readonly first: string[] = [];
  count = 0;

  add(what: string, most: number): void {
    this.count += 1;
    if (this.first.length < most) this.first.push(what);
  }
}

/** What a backup proves, as it goes on. */
export class Tally {
  files = 0;
  bytes = 0;
  added = 0;
  readonly #warned = new Noted();
  readonly #known = new Noted();
  readonly #notes = new Set<string>();

  /** A file that the snapshot holds. */
  kept(bytes: number): void {
    this.files += 1;
    this.bytes += bytes;
  }

  /** A file that it does not hold, or not as it should. */
  warn(path: string, reason: string): void {
    this.#warned.add(`${path}: ${reason}`, named);
  }

  /** A file about which somebody was warned when it first was so. */
  remind(path: string): void {
    this.#known.add(path, namedInNotes);
  }

  note(sentence: string): void {
    this.#notes.add(sentence);
  }

  evidence(): Evidence {
    const { files, bytes, added } = this;
    const { count, first } = this.#warned;
    const notes = [...this.#notes, ...this.#reminder()];
    return {
      files,
      bytes,
      added,
      ...(count === 0 ? {} : { unreadable: first, unreadableCount: count }),
      ...(notes.length === 0 ? {} : { notes }),
    };
  }

  #reminder(): readonly string[] {
    const { count, first } = this.#known;
    if (count === 0) return [];
    const more = count > first.length ? `, and ${count - first.length} more` : "";
    const what = count === 1 ? "1 file holds" : `${count} files hold`;
    return [
      `${what} something else than the application believes, as an earlier backup has said: ${first.join(", ")}${more}`,
    ];
  }
}
