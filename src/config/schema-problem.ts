// Knows: how what the schema objects to is said in words. Must not know: which keys there are.
import { stringify } from "yaml";
import type * as z from "zod";
import { type KeyPath, type Problem, isShowable } from "./problem.ts";
import { exampleOf, keysOf, schemasAt, secretDepth, valueAt } from "./schema-tree.ts";
import { didYouMean } from "./suggest.ts";

type Issue = z.core.$ZodIssue;
type UnionIssue = Extract<Issue, { code: "invalid_union" }>;

/** A value, and the schema that it should follow. */
interface Judged {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
}

// Stands for a message until the issue is looked at as a whole.
const unsaid = "(unsaid)";

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a map of keys and values",
  record: "a map of keys and values",
};

/** Our words for what Zod finds. For `safeParse`; a schema that has words of its own keeps them. */
export function inOurWords(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type") {
    return wrongType(issue.input, [typeNames[issue.expected] ?? "something else"]);
  }
  if (issue.code === "invalid_value") return wrongChoice(issue.input, issue.values);
  if (issue.code === "too_small") return tooSmall(issue.origin, Number(issue.minimum));
  if (issue.code === "too_big") return tooBig(issue.origin, Number(issue.maximum));
  if (issue.code === "invalid_format") return "is not written in the expected form";
  // What a union or a record objects to is in the issues inside; see `explain`.
  return issue.code === "invalid_union" || issue.code === "invalid_key" ? unsaid : "is not valid";
}

function wrongType(input: unknown, expected: readonly string[]): string {
  const names = [...new Set(expected)].join(" or ");
  if (input === undefined) return "is missing";
  if (input === null) return `has no value: expected ${names}`;
  return `expected ${names}, not ${nameOfType(input)}`;
}

function nameOfType(input: unknown): string {
  if (Array.isArray(input)) return "a list";
  return typeNames[typeof input] ?? "something else";
}

function wrongChoice(input: unknown, choices: readonly unknown[]): string {
  if (input === undefined) return "is missing";
  const words = choices.map(String);
  const expected = `expected ${words.length > 1 ? "one of " : ""}${words.join(", ")}`;
  if (typeof input !== "string" || !isShowable(input)) return expected;
  return `"${input}" is not known: ${expected}${didYouMean(input, words)}`;
}

function tooSmall(origin: string, minimum: number): string {
  if (origin === "string") return "must not be empty";
  if (origin === "array") return `needs at least ${count(minimum, "entry", "entries")}`;
  return `must be at least ${minimum}`;
}

function tooBig(origin: string, maximum: number): string {
  if (origin === "string") return `must not be longer than ${count(maximum, "letter", "letters")}`;
  if (origin === "array") return `must not have more than ${count(maximum, "entry", "entries")}`;
  return `must be at most ${maximum}`;
}

function count(amount: number, one: string, many: string): string {
  return amount === 1 ? `one ${one}` : `${amount} ${many}`;
}

/** Says what is wrong with a value, given what the schema objects to (parsed with `inOurWords`). */
export function schemaProblems(issues: readonly Issue[], judged: Judged): readonly Problem[] {
  const found = issues.flatMap((issue) => explain(issue, [], judged));
  const secrets = new Set<string>();
  return found.flatMap((problem) => {
    const depth = secretDepth(judged.schema, problem.path, judged.value);
    if (depth === undefined) return [problem];
    const path = problem.path.slice(0, depth);
    // One wrong value can break several rules at once; of a secret only its place is told.
    if (secrets.has(JSON.stringify(path))) return [];
    secrets.add(JSON.stringify(path));
    return [secretProblem(path, judged.value)];
  });
}

const secretForms =
  "{ file: PATH }, { env: NAME }, { command: [PROGRAM, ARGUMENT] }, { keyring: NAME }, { credential: NAME }";

function secretProblem(path: KeyPath, root: unknown): Problem {
  const value = valueAt(root, path);
  if (value === undefined) {
    return { path, part: "key", message: "is missing", hint: `write one of ${secretForms}` };
  }
  const hint =
    typeof value === "number" || typeof value === "boolean"
      ? "put a secret that looks like a number, true or false in quotes"
      : `write one of ${secretForms}, or the secret itself in quotes`;
  return { path, part: "value", message: "is not a reference to a secret", hint };
}

function explain(issue: Issue, base: KeyPath, judged: Judged): readonly Problem[] {
  const path = [...base, ...issue.path.map((key) => (typeof key === "symbol" ? "" : key))];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey(key, path, judged));
  }
  if (issue.code === "invalid_union") return explainUnion(issue, path, judged);
  if (issue.code === "invalid_key") {
    return [{ path, part: "key", message: issue.issues[0]?.message ?? "is not a usable name" }];
  }
  return [withHint({ path, part: partOf(path, judged), message: issue.message }, judged)];
}

/** What is missing is shown at the map that lacks it. */
function partOf(path: KeyPath, { value }: Judged): Problem["part"] {
  return valueAt(value, path) === undefined ? "key" : "value";
}

function unknownKey(key: string, parent: KeyPath, { schema, value }: Judged): Problem {
  const known = keysOf(schemasAt(schema, parent, value), valueAt(value, parent));
  const suggestion = didYouMean(key.split(/[\s=:]/)[0] ?? "", known);
  return {
    path: [...parent, key],
    part: "key",
    message: `unknown key${suggestion}`,
    ...(suggestion === "" && known.length > 0 ? { hint: `keys here: ${known.join(", ")}` } : {}),
  };
}

function withHint(problem: Problem, { schema, value }: Judged): Problem {
  const input = valueAt(value, problem.path);
  if (problem.message.startsWith("expected a text, not ") && typeof input !== "object") {
    return { ...problem, hint: "put it in quotes" };
  }
  const example = exampleOf(schemasAt(schema, problem.path, value));
  if (example === undefined) return problem;
  return { ...problem, hint: `for example: ${inFlowStyle(problem.path, example)}` };
}

/** `key: value` on one line, as it could stand in the file. */
function inFlowStyle(path: KeyPath, value: unknown): string {
  const text = stringify(value, {
    collectionStyle: "flow",
    flowCollectionPadding: false,
    lineWidth: 0,
  }).trim();
  const key = path.at(-1);
  return typeof key === "string" ? `${key}: ${text}` : text;
}

function explainUnion(issue: UnionIssue, path: KeyPath, judged: Judged): readonly Problem[] {
  const input = valueAt(judged.value, path);
  if ("options" in issue && Array.isArray(issue.options)) {
    const message = wrongChoice(input, issue.options);
    const hint = input === undefined ? { hint: `one of ${issue.options.join(", ")}` } : {};
    return [{ path, part: partOf(path, judged), message, ...hint }];
  }

  const kinds = issue.errors.filter((branch) => !branch.some(isWrongKind));
  const whole = (message: string): readonly Problem[] => [
    withHint(
      {
        path,
        part: partOf(path, judged),
        message: issue.message === unsaid || input === undefined ? message : issue.message,
      },
      judged,
    ),
  ];
  if (kinds.length === 0) {
    const expected = issue.errors.flatMap((branch) => branch.filter(isWrongKind)).map(expectedName);
    return whole(wrongType(input, expected));
  }

  const best = kinds.toSorted((a, b) => misfit(a, input) - misfit(b, input))[0] ?? [];
  if (!best.some((inBranch) => isMissing(inBranch, input))) {
    return best.flatMap((inBranch) => explain(inBranch, path, judged));
  }
  const known = keysOf(schemasAt(judged.schema, path, judged.value), input);
  const strange = Object.keys(Object(input)).filter((key) => !known.includes(key));
  if (strange.length > 0) return strange.map((key) => unknownKey(key, path, judged));
  return kinds.length === 1
    ? best.flatMap((inBranch) => explain(inBranch, path, judged))
    : whole(`needs one of the keys ${known.join(", ")}`);
}

/** The value is of another type altogether than this branch of a union wants. */
function isWrongKind(issue: Issue): boolean {
  return issue.code === "invalid_type" && issue.path.length === 0;
}

function isMissing(issue: Issue, input: unknown): boolean {
  return issue.path.length > 0 && valueAt(input, keysIn(issue.path)) === undefined;
}

function keysIn(path: readonly PropertyKey[]): KeyPath {
  return path.filter((key) => typeof key !== "symbol");
}

// What is missing says most about a branch: it was not the one that was meant.
function misfit(issues: readonly Issue[], input: unknown): number {
  return issues
    .map((issue) => {
      if (isMissing(issue, input)) return 10;
      return issue.code === "unrecognized_keys" ? 5 * issue.keys.length : 1;
    })
    .reduce((sum, cost) => sum + cost, 0);
}

function expectedName(issue: Issue): string {
  return issue.code === "invalid_type"
    ? (typeNames[issue.expected] ?? "something else")
    : "something else";
}
