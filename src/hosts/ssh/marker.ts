// Knows: the last line with which a script on another machine says how a command ended. Must not know: what ran.

/** How a command ended there, or why it did not start. */
export interface Ended {
  readonly exitStatus: number;
  /** When it ended, in seconds of a clock of that machine, where it has one to be read. */
  readonly at?: number;
  readonly trouble: "ok" | "missing" | "refused" | "interpreter" | "folder";
}

const troubles = ["missing", "refused", "interpreter", "folder"] as const;

/** Reads the line that begins with the token; undefined for any other line. */
export function readEnded(line: string, token: string): Ended | undefined {
  if (!line.startsWith(`${token} `)) return undefined;
  const [, status = "", word = "", at = ""] = line.split(" ");
  const trouble = troubles.find((known) => known === word) ?? "ok";
  const isTime = /^\d+(?:\.\d+)?$/.test(at);
  return { exitStatus: Number(status), trouble, ...(isTime ? { at: Number(at) } : {}) };
}

/** What came before the last line, without the line feed that was put between them; undefined without it. */
export function beforeMarker(text: string, token: string): string | undefined {
  const at = text.lastIndexOf(`\n${token}`);
  return at === -1 ? undefined : text.slice(0, at);
}

/**
 * What came after the line that says that the command begins. Before it are words of the login shell and its
 * files: they are not the command's. Of a text whose beginning is lost, `isWhole` is false.
 */
export function afterBeginning(
  text: string,
  token: string,
): { readonly text: string; readonly isWhole: boolean } {
  const word = " begun\n";
  const line = `\n${token}${word}`;
  const at = `\n${text}`.indexOf(line);
  if (at !== -1) return { text: text.slice(at + line.length - 1), isWhole: true };
  // Only its end may have been kept.
  const end = text.indexOf(word) + word.length;
  const isEnd = end >= word.length && line.endsWith(text.slice(0, end));
  return isEnd ? { text: text.slice(end), isWhole: true } : { text, isWhole: false };
}

/**
 * Passes lines on until the last one. Before that one stands an empty line when the output had ended
 * with a line feed: so an empty line is passed on only when another one follows.
 */
export class LinesBeforeMarker {
  readonly #receive: (line: string) => void;
  readonly #last: (line: string) => boolean;
  #empty = false;

  /** `last` says whether a line is the last one. */
  constructor(receive: (line: string) => void, last: (line: string) => boolean) {
    this.#receive = receive;
    this.#last = last;
  }

  push(line: string): void {
    if (this.#last(line)) {
      this.#empty = false;
      return;
    }
    if (this.#empty) this.#receive("");
    this.#empty = line === "";
    if (!this.#empty) this.#receive(line);
  }
}
