// Knows: what became of each key of a file, and that none was passed over. Must not know: which keys there are.
import {
  configInvalid,
  formatKeyPath,
  isShowable,
  type KeyPath,
  type Position,
  type Problem,
} from "../problem.ts";

/**
 * What became of a key. `mapped`: it means the same now. `changed`: it means something slightly else.
 * `unmapped`: what it said is lost. `unneeded`: nothing is lost by leaving it out. `secret`: it held a secret.
 */
export type Verdict = "mapped" | "changed" | "unmapped" | "unneeded" | "secret";

/** What became of one key of the file that was read. */
export interface Finding extends Position {
  readonly verdict: Verdict;
  /** The key in the file that was read. */
  readonly key: string;
  /** The key of the configuration that says it now. */
  readonly to?: string;
  /** Why it means something else, or what to do. */
  readonly message?: string;
}

/** A file as it was parsed. */
export interface Parsed {
  readonly value: unknown;
  readonly locate: (path: KeyPath, part: "key" | "value") => Position;
  /** What a key is called in messages. Default: the path. */
  readonly show?: (path: KeyPath) => string;
}

/** Gathers what became of each key, and what is wrong in the file. */
export class Report {
  readonly #parsed: Parsed;
  readonly #file: string;
  readonly #findings: Finding[] = [];
  readonly #problems: Problem[] = [];
  readonly #judged = new Set<string>();

  constructor(file: string, parsed: Parsed) {
    this.#file = file;
    this.#parsed = parsed;
  }

  /** Says what became of a key, and with it of all below it. */
  judge(
    path: KeyPath,
    verdict: Verdict,
    said: { readonly to?: string; readonly message?: string },
  ): void {
    this.#judged.add(JSON.stringify(path));
    const key = this.#parsed.show?.(path) ?? formatKeyPath(path);
    this.#findings.push({ verdict, key, ...said, ...this.#parsed.locate(path, "key") });
  }

  /** Says what is wrong in the file. The import then fails, with all that is wrong. */
  problem(path: KeyPath, message: string, part: Problem["part"] = "value"): void {
    this.#problems.push({ path, part, message });
  }

  /**
   * All findings in the order of the file: those that a reader made, and one for each key that no reader
   * has judged. Throws `config-invalid` when something is wrong in the file.
   */
  finish(): readonly Finding[] {
    this.throwProblems();
    this.#judgeRest([], this.#parsed.value);
    return this.#findings.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** Throws `config-invalid` when something is wrong in the file. */
  throwProblems(): void {
    if (this.#problems.length === 0) return;
    const { locate } = this.#parsed;
    throw configInvalid(
      this.#file,
      this.#problems.map((problem) => ({ ...problem, ...locate(problem.path, problem.part) })),
    );
  }

  #judgeRest(path: KeyPath, value: unknown): void {
    if (this.#judged.has(JSON.stringify(path))) return;
    const below = childrenOf(value);
    if (below.length > 0) {
      for (const [key, child] of below) this.#judgeRest([...path, key], child);
      return;
    }
    if (path.length === 0) return;
    if (value === null || value === undefined || isEmpty(value)) {
      this.judge(path, "unneeded", { message: "says nothing" });
      return;
    }
    const name = this.#parsed.show?.(path) ?? String(path.at(-1));
    if (!isShowable(name)) {
      this.judge(path, "unmapped", { message: "is not a key that is known; look at it yourself" });
    } else {
      this.judge(path, "unmapped", {
        message: `"${name}" is not a key that is known: see in the manual of the tool what it did`,
      });
    }
  }
}

/** What is below a value key by key. A list of plain values is one value. */
function childrenOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.some((item) => typeof item === "object" && item !== null)
      ? items.map((item, index) => [index, item] as const)
      : [];
  }
  return typeof value === "object" && value !== null && !(value instanceof Date)
    ? Object.entries(value)
    : [];
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return (
    typeof value === "object" &&
    value !== null &&
    !(value instanceof Date) &&
    Object.keys(value).length === 0
  );
}
