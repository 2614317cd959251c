// Knows: what tar says of its work. Must not know: what follows from it.

/** One thing that tar says on standard error while it makes an archive. */
export type Said =
  /** A member was begun. */
  | {
      readonly kind: "member";
      readonly type: string;
      readonly bytes: number;
      /** As tar quotes it; what a link leads to may follow. */
      readonly name: string;
    }
  | { readonly kind: "checkpoint"; readonly number: number }
  /** A file that could not be read; it is not in the archive. */
  | { readonly kind: "unreadable"; readonly path: string }
  /** A file that changed or vanished while it was read: what is in the archive may be torn. */
  | { readonly kind: "changed"; readonly message: string }
  | { readonly kind: "chatter" }
  /** Anything else that tar complains about. */
  | { readonly kind: "complaint"; readonly message: string };

const begun =
  /^([-bcdhlpsMVC])[-rwxsStT]{9}[+.]?\s+.*?\s+(\d+(?:,\d+)?) \d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d+)?)? (.*)$/;
const checkpoint = /^(?:tar: )?checkpoint (\d+)$/;
const unreadable =
  /^tar: (.*): (?:Warning: )?Cannot (?:open|read|stat|readlink|savedir|opendir|read link|change mode)[^:]*: .*$/;
const unreadableAt = /^tar: (.*): (?:Warning: )?Read error at byte \d+.*$/;
const changed =
  /^tar: (.*: (?:file changed as we read it|File removed before we read it|File shrank by .*|file is unchanged.*|socket ignored|Unknown file type; file ignored|contents unchanged.*))$/;
const chatter =
  /^tar: (?:.*: Directory is new|.*: Directory has been renamed(?: from .*)?|.*: Directory has been replaced.*|.*: name changed from .*|Exiting with failure status due to previous errors|Removing leading .*|Exiting with failure status due to previous errors)$/;

const readings: readonly (readonly [RegExp, (match: RegExpExecArray) => Said])[] = [
  [
    begun,
    ([, type = "", bytes, name = ""]) => ({
      kind: "member",
      type,
      bytes: Number(bytes) || 0,
      name,
    }),
  ],
  [checkpoint, ([, number]) => ({ kind: "checkpoint", number: Number(number) })],
  [unreadable, ([, path = ""]) => ({ kind: "unreadable", path })],
  [unreadableAt, ([, path = ""]) => ({ kind: "unreadable", path })],
  [changed, ([, message = ""]) => ({ kind: "changed", message })],
  [chatter, () => ({ kind: "chatter" })],
  [/^tar: /, ({ input }) => ({ kind: "complaint", message: input })],
];

/** tar calls itself by the path with which it was started. */
function underItsName(line: string): string {
  return line.replace(/^\/\S*\/tar: /, "tar: ");
}

/** Reads one line of `tar --create -vv` in the C locale (tar 1.29 to 1.35). */
export function readCreateLine(text: string): Said {
  const line = underItsName(text);
  for (const [pattern, said] of readings) {
    const match = pattern.exec(line);
    if (match !== null) return said(match);
  }
  return { kind: "chatter" };
}

/** What `tar --extract` complains about, without what only repeats it. */
export function readExtractErrors(stderr: string): {
  readonly notFound: readonly string[];
  readonly problems: readonly string[];
} {
  const notFound: string[] = [];
  const problems: string[] = [];
  for (const line of stderr.split("\n").map(underItsName)) {
    const absent = /^tar: (.*): Not found in archive$/.exec(line)?.[1];
    if (absent !== undefined) notFound.push(absent);
    else if (line.startsWith("tar: ") && !isHarmless(line)) problems.push(line.slice(5));
  }
  return { notFound, problems };
}

function isHarmless(line: string): boolean {
  return /Exiting with failure status|Removing leading|time stamp .* in the future|implausibly old time stamp|^tar: Deleting /.test(
    line,
  );
}

/** One member in a listing (`tar --list -v --full-time --quoting-style=escape`). */
export interface Member {
  /** As tar names it: without a leading slash. */
  readonly path: string;
  readonly bytes: number;
  readonly modified: Date;
}

const listed =
  /^[-bcdhlpsMVC][-rwxsStT]{9}[+.]?\s+.*?\s+(\d+)(?:,\d+)? (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? +(.*)$/s;

/** Reads one line of a listing; undefined for what is no member. */
export function readListLine(line: string): Member | undefined {
  const [, bytes, date, time, name] = listed.exec(line) ?? [];
  if (name === undefined) return undefined;
  const bare = line.startsWith("l")
    ? name.replace(/ -> .*$/, "")
    : name.replace(/ link to .*$/, line.startsWith("h") ? "" : "$&");
  const path = unescape(bare).replace(/\/$/, "");
  return { path, bytes: Number(bytes), modified: new Date(`${date}T${time}`) };
}

const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** What a listing (`tar --list -vv --incremental`) is read for. */
export interface ListListener {
  /** A member of the archive. */
  readonly member: (member: Member) => void;
  /** A file that was there and is not in the archive, because it had not changed. */
  readonly unchanged?: (path: string) => void;
  /** A folder that was moved here and is not in the archive, because nothing in it had changed. */
  readonly moved?: (to: string) => void;
}

/** Reads a listing line by line: each folder is followed by what was in it, and an empty line. */
export class ListReader {
  readonly #listener: ListListener;
  #folder: string | undefined;
  #entry: string | undefined;

  constructor(listener: ListListener) {
    this.#listener = listener;
  }

  readonly hear = (line: string): void => {
    const member = readListLine(line);
    if (member === undefined) return this.#hearEntry(line);
    this.#endEntry();
    this.#folder = line.startsWith("d") ? member.path : undefined;
    this.#listener.member(member);
  };

  // Names stand here as they are: what begins like no entry goes on with the one before.
  #hearEntry(line: string): void {
    if (this.#folder === undefined) return;
    if (line !== "" && !/^[A-Z] /.test(line)) {
      if (this.#entry !== undefined) this.#entry += `\n${line}`;
      return;
    }
    this.#endEntry();
    // An empty line ends what was in the folder, or stands in a name: only the next member tells.
    this.#entry = line === "" ? undefined : line;
  }

  #endEntry(): void {
    const [, kind, name] = /^([NT]) (.*)$/s.exec(this.#entry ?? "") ?? [];
    this.#entry = undefined;
    if (name === undefined || this.#folder === undefined) return;
    if (kind === "N") this.#listener.unchanged?.(`${this.#folder}/${name}`);
    else this.#listener.moved?.(name);
  }
}

/** Undoes tar's quoting style "escape". What is no UTF-8 is shown with replacement characters. */
export function unescape(text: string): string {
  const bytes: Buffer[] = [];
  for (const [part = ""] of text.matchAll(/\\[0-7]{3}|\\.|[^\\]+/gs)) {
    if (!part.startsWith("\\")) bytes.push(Buffer.from(part));
    else if (part.length === 4) bytes.push(Buffer.from([Number.parseInt(part.slice(1), 8)]));
    else bytes.push(Buffer.from([escapes[part.slice(1)] ?? part.charCodeAt(1)]));
  }
  return Buffer.concat(bytes).toString();
}

/**
 * Reads a state file of tar (`.snar`, format 2), whose fields come one at a time: a version with a time in
 * seconds and its nanoseconds, then for every directory six fields, its entries, and two empty fields. A
 * line feed in a field comes as byte 1.
 */
export class StateReader {
  /** Entries of every kind but directories. */
  files = 0;
  /** When tar began; undefined when this is no state file of that format. */
  seconds: number | undefined;
  /** The directory `.`. */
  top: { readonly inode: string; readonly names: string[] } | undefined;
  #phase: "header" | "directory" | "entries" | "end" = "header";
  #left = 2;
  #inode = "";
  #isTop = false;

  /** Whether the last directory has been read to its end. */
  get isWhole(): boolean {
    return this.#phase === "directory" && this.#left === directoryFields;
  }

  hear(field: string): void {
    switch (this.#phase) {
      case "header":
        if (this.#left === 2) this.seconds = secondsIn(field);
        this.#count("directory");
        return;
      case "directory":
        if (this.#left === 2) this.#inode = field;
        if (this.#left === 1) this.#begin(field);
        this.#count("entries");
        return;
      case "entries":
        if (field === "") this.#phase = "end";
        else this.#hearEntry(field);
        return;
      case "end":
        this.#phase = "directory";
    }
  }

  #count(next: "directory" | "entries"): void {
    this.#left -= 1;
    if (this.#left > 0) return;
    this.#phase = next;
    this.#left = directoryFields;
  }

  #begin(name: string): void {
    this.#isTop = name === ".";
    if (this.#isTop) this.top = { inode: this.#inode, names: [] };
  }

  #hearEntry(field: string): void {
    if (field.startsWith("Y") || field.startsWith("N")) this.files += 1;
    if (this.#isTop) this.top?.names.push(field.slice(1));
  }
}

const directoryFields = 6;

function secondsIn(header: string): number | undefined {
  const [version = "", time = ""] = header.split("\u0001");
  const [, seconds] = /^GNU tar-.*-2 (\d+)$/.exec(`${version} ${time}`) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}
