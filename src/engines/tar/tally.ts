// Knows: what tar says while it makes an archive, and what that comes to. Must not know: what follows from it.
import type { Evidence } from "../../kernel/evidence.ts";
import type { Work } from "../engine.ts";
import { bytesPerRecord } from "./commands.ts";
import type { Manifest } from "./manifest.ts";
import { memberNamed, type Naming, pathOf } from "./members.ts";
import { readCreateLine, unescape } from "./output.ts";

// So many unreadable files are named; all are counted.
export const namedUnreadable = 100;
const namedChanged = 10;

/** What tar says while it works. */
export class Tally {
  bytes = 0;
  readonly complaints: string[] = [];
  readonly #work: Work;
  readonly #naming: Naming;
  readonly #expected: number;
  readonly #lacked: Map<string, string>;
  readonly #unreadable: string[] = [];
  #unreadableCount = 0;
  readonly #changed: string[] = [];
  #changedCount = 0;
  #written = 0;
  #begunBefore = 0;
  #files = 0;

  constructor(work: Work, naming: Naming, base: Manifest | undefined) {
    this.#work = work;
    this.#naming = naming;
    this.#expected = base?.bytes ?? 0;
    const lacked = base?.unreadable ?? [];
    this.#lacked = new Map(lacked.map((path) => [unescape(memberNamed(path, naming)), path]));
  }

  /** What could not be read for the full archive, and still is in no archive: named without a word of tar. */
  get stillLacking(): readonly string[] {
    return [...this.#lacked.values()];
  }

  readonly hear = (line: string): void => {
    const said = readCreateLine(line);
    switch (said.kind) {
      case "member":
        this.#begunBefore = this.bytes;
        if (said.type === "-") this.bytes += said.bytes;
        this.#files += 1;
        if (this.#lacked.size > 0) this.#lacked.delete(unescape(said.name).replace(/\/$/, ""));
        this.#report();
        return;
      case "checkpoint":
        this.#written = said.number * bytesPerRecord;
        this.#report();
        return;
      case "unreadable":
        this.#unreadableCount += 1;
        this.#lacked.delete(unescape(said.path));
        if (this.#unreadable.length < namedUnreadable) {
          this.#unreadable.push(pathOf(said.path, this.#naming));
        }
        return;
      case "changed":
        this.#changedCount += 1;
        if (this.#changed.length < namedChanged) this.#changed.push(said.message);
        return;
      case "complaint":
        this.complaints.push(said.message);
        return;
      case "chatter":
    }
  };

  /** Whether something is known that makes tar fail in the end. */
  get isExplained(): boolean {
    return this.#unreadableCount > 0 || this.#changedCount > 0;
  }

  #report(): void {
    // A file is announced when it is begun; of a sparse one little is written.
    const bytesDone = Math.max(this.#begunBefore, this.#written);
    const bytesTotal = Math.max(this.#expected, this.bytes, bytesDone);
    this.#work.progress({ bytesDone, bytesTotal, filesDone: this.#files });
  }

  evidence(): Evidence {
    const more = this.#changedCount - this.#changed.length;
    const notes = [...this.#changed, ...(more > 0 ? [`and ${more} more that changed`] : [])];
    return {
      ...(this.#unreadableCount === 0
        ? {}
        : { unreadable: this.#unreadable, unreadableCount: this.#unreadableCount }),
      ...(notes.length === 0 ? {} : { notes }),
    };
  }
}
