// Knows: what every reader makes of a file: the parts of a configuration, with comments. Must not know: any reader, and how it is written.
import { inspect } from "node:util";

/** The parts of a configuration that hold named entries. */
export const parts = ["hosts", "volumes", "repositories", "notifiers", "jobs"] as const;
export type Part = (typeof parts)[number];

/** What stands under one name. What is undefined is left out; a `FoundSecret` becomes a reference. */
export type Entry = Readonly<Record<string, unknown>>;

/**
 * A secret that stood in a file as it is. Prints as `***`. It is not made known to `redact`: a password
 * that is an ordinary word would be cut out of the configuration that is printed.
 */
export class FoundSecret {
  /** What its file is to be called. */
  readonly name: string;
  readonly #text: string;

  constructor(name: string, text: string) {
    this.name = name;
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "***";
  }
}

/** The path of the file of a secret, where a value has to name it inside of something longer. */
export class SecretFileOf {
  readonly secret: FoundSecret;

  constructor(secret: FoundSecret) {
    this.secret = secret;
  }
}

/** Words of a person above a key of the configuration. */
export interface Comment {
  readonly path: readonly (string | number)[];
  readonly text: string;
}

/** The configuration that a reader makes, part by part. Names are made to fit, and are each there once. */
export class Imported {
  readonly #entries = new Map<Part, Map<string, Entry>>(parts.map((part) => [part, new Map()]));
  readonly comments: Comment[] = [];

  /** Adds an entry under a name like this one, and answers with the name it got. */
  add(part: Part, wanted: string, entry: Entry): string {
    const name = this.nameFor(part, wanted);
    this.#of(part).set(name, entry);
    return name;
  }

  /** The name that the next entry like this would get. */
  nameFor(part: Part, wanted: string): string {
    const fitting = nameLike(wanted, part);
    const taken = this.#of(part);
    if (!taken.has(fitting)) return fitting;
    for (let count = 2; ; count += 1) {
      const name = `${fitting.slice(0, 90)}-${count}`;
      if (!taken.has(name)) return name;
    }
  }

  /** Says something above a key of an entry. */
  comment(path: Comment["path"], text: string): void {
    this.comments.push({ path, text });
  }

  /** Changes an entry that was added. */
  change(part: Part, name: string, changes: Entry): void {
    this.#of(part).set(name, { ...this.get(part, name), ...changes });
  }

  get(part: Part, name: string): Entry | undefined {
    return this.#of(part).get(name);
  }

  /** All entries of a part, in the order in which they were added. */
  entries(part: Part): readonly (readonly [name: string, entry: Entry])[] {
    return [...this.#of(part)];
  }

  #of(part: Part): Map<string, Entry> {
    const found = this.#entries.get(part);
    if (found === undefined) throw new Error(`there is no part ${part}`);
    return found;
  }
}

// A volume of such a name would make a place ambiguous.
const services = /^(s3|rest|sftp|b2|azure|gs|swift|rclone|local|https?|[a-z])$/i;

function nameLike(wanted: string, part: Part): string {
  const clean = wanted
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .replace(/-+$/, "")
    .slice(0, 100);
  const name = clean === "" ? part.slice(0, -1).replace("repositorie", "repository") : clean;
  return part === "volumes" && services.test(name) ? `volume-${name}` : name;
}
