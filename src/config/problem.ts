// Knows: how a fault in the configuration is told. Must not know: how it was found.
import { HoldfastError } from "../kernel/errors.ts";
import { redact } from "../kernel/secret.ts";

/** The way from the top of the file to a value: keys of maps and indexes of lists. */
export type KeyPath = readonly (string | number)[];

/** Something wrong at one place of the file. */
export interface Problem {
  readonly path: KeyPath;
  /** Whether the last key of the path is wrong itself, or the value it has. */
  readonly part: "key" | "value";
  /** What is wrong, to be read after the path. Never the text of a secret. */
  readonly message: string;
  readonly hint?: string;
  /** Where it is, when the path cannot say it: a fault of the notation. */
  readonly offset?: number;
}

/** A place in the file, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A problem whose place in the file was looked up. */
export interface PlacedProblem extends Problem, Position {}

/**
 * The error `config-invalid` that names all problems, one a line, in the order of the file:
 * `FILE:LINE:COLUMN: KEY: what is wrong`. There must be at least one.
 */
export function configInvalid(file: string, problems: readonly PlacedProblem[]): HoldfastError {
  const inOrder = withoutRepetitions(
    problems.toSorted((a, b) => a.line - b.line || a.column - b.column),
  );
  const [only] = inOrder;
  if (only !== undefined && inOrder.length === 1) {
    const { hint } = only;
    return new HoldfastError(
      "config-invalid",
      describe(file, only),
      hint === undefined ? {} : { hint },
    );
  }
  const lines = inOrder.slice(0, mostShown).map((problem) => {
    const line = describe(file, problem);
    return problem.hint === undefined ? line : `${line} (${problem.hint})`;
  });
  return new HoldfastError(
    "config-invalid",
    [`there are ${inOrder.length} problems in the configuration`, ...lines].join("\n"),
    inOrder.length > mostShown ? { hint: `only the first ${mostShown} are shown` } : {},
  );
}

// More than a person reads. A file that is something else altogether has a problem in every line.
const mostShown = 100;

// An anchor that is used in several places is wrong in all of them.
function withoutRepetitions(problems: readonly PlacedProblem[]): readonly PlacedProblem[] {
  const alike = Map.groupBy(
    problems,
    ({ line, column, path, message }) => `${line}:${column} ${path.at(-1)} ${message}`,
  );
  return [...alike.values()].flatMap((group) => group.slice(0, 1));
}

function describe(file: string, { path, line, column, message }: PlacedProblem): string {
  const key = path.length === 0 ? "" : `${formatKeyPath(path)}: `;
  return `${file}:${line}:${column}: ${key}${redact(message)}`;
}

/** Writes a path as people do: `jobs.documents.sources[0]`. */
export function formatKeyPath(path: KeyPath): string {
  return path.map((key, index) => formatKey(key, index)).join("");
}

function formatKey(key: string | number, index: number): string {
  if (typeof key === "number") return `[${key}]`;
  if (!isShowable(key)) return '["…"]';
  const name = key.includes(".") ? `"${key}"` : key;
  return index === 0 ? name : `.${name}`;
}

/**
 * Whether a word may be repeated in a message. Anything but a short word may hold a secret that
 * slipped out of its place, as in `{ password hunter2 }`.
 */
export function isShowable(word: string): boolean {
  return /^[\p{L}\p{N}._-]{1,40}$/u.test(word);
}
