// Knows: how what the schema objects to is said in words. Must not know: which keys there are.
import { stringify } from "yaml";
import type * as z from "zod";
import { type KeyPath, type Problem, isShowable } from "./problem.ts";
import { exampleOf, keysOf, schemasAt, secretDepth, valueAt } from "./schema-tree.ts";
import { didYouMean, nearest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;
type UnionIssue = Extract<Issue, { code: "invalid_union" }>;

/** A value, and the schema that it should follow. */
interface Judged {
  readonly schema: z.core.$ZodType;
  readonly value: unknown;
}

// Begins every message of ours until `explain` has seen it: only to these it adds an example, because
// a schema that has words of its own has thought of what helps.
const ours = "\u0001";

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

/** Our words for what Zod finds, for `safeParse`. Only `schemaProblems` can read them. */
export function inOurWords(issue: z.core.$ZodRawIssue): string {
  return ours + wordsFor(issue);
}

function wordsFor(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type") {
    return wrongType(issue.input, [typeNames[issue.expected] ?? "something else"]);
  }
  if (issue.code === "invalid_value") return wrongChoice(issue.input, issue.values);
  if (issue.code === "too_small") return tooSmall(issue.origin, Number(issue.minimum));
  if (issue.code === "too_big") return tooBig(issue.origin, Number(issue.maximum));
  if (issue.code === "invalid_format") return "is not written in the expected form";
  // Of the others the issues inside are told, or there are none in our schemas.
  return "is not valid";
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

/** Says what is wrong with a value, given what its schema objects to (parsed with `inOurWords`). */
export function schemaProblems(issues: readonly Issue[], judged: Judged): readonly Problem[] {
  const found = issues.flatMap((issue) => explain(issue, [], judged));
  const misspelt = new Set(found.flatMap(({ explains = [] }) => explains.map(identityOf)));
  const secrets = new Set<string>();
  return found.flatMap(({ explains, ...problem }) => {
    if (explains === undefined && misspelt.has(identityOf(problem.path))) return [];
    const depth = secretDepth(judged.schema, problem.path, judged.value);
    if (depth === undefined) return [problem];
    const path = problem.path.slice(0, depth);
    // One wrong value can break several rules at once; of a secret only its place is told.
    if (secrets.has(identityOf(path))) return [];
    secrets.add(identityOf(path));
    return [secretProblem(path, judged.value)];
  });
}

/** A problem, with the paths at which others would only be its consequences. */
interface Explained extends Problem {
  readonly explains?: readonly KeyPath[];
}

function identityOf(path: KeyPath): string {
  return JSON.stringify(path);
}

const secretForms =
  "{ file: PATH }, { env: NAME }, { command: [PROGRAM, …] }, { keyring: NAME } or { credential: NAME }";

function secretProblem(path: KeyPath, root: unknown): Problem {
  const value = valueAt(root, path);
  const hint = `write ${secretForms}, or the secret itself in quotes`;
  if (value === undefined) return { path, part: "key", message: "is missing", hint };
  if (value === null) {
    return { path, part: "value", message: "has no value", hint: `${hint}; # begins a comment` };
  }
  if (value === "") return { path, part: "value", message: "is empty", hint };
  if (typeof value === "number" || typeof value === "boolean") {
    const quotes = "put a secret that looks like a number, true or false in quotes";
    return { path, part: "value", message: notASecret, hint: quotes };
  }
  const [meant] = Object.keys(value).flatMap((key) => nearest(key, secretKeys) ?? []);
  const known = Object.keys(value).some((key) => secretKeys.includes(key));
  const suggestion = meant === undefined || known ? "" : `, did you mean "${meant}"?`;
  return { path, part: "value", message: notASecret + suggestion, hint };
}

const notASecret = "is not a reference to a secret";
const secretKeys = ["file", "env", "command", "keyring", "credential"];

function explain(issue: Issue, base: KeyPath, judged: Judged): readonly Explained[] {
  const path = [...base, ...keysIn(issue.path)];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey(key, path, judged));
  }
  if (issue.code === "invalid_union") return explainUnion(issue, path, judged);
  if (issue.code === "invalid_key") {
    const message = issue.issues[0]?.message ?? issue.message;
    return [{ path, part: "key", message: message.replace(ours, "") }];
  }
  return [said(issue.message, path, judged)];
}

/** A problem with a message of ours, which gets a hint, or with a schema's own. */
function said(message: string, path: KeyPath, judged: Judged): Problem {
  const part = partOf(path, judged);
  if (!message.startsWith(ours)) return { path, part, message };
  const plain = message.slice(ours.length);
  const hint = hintFor(plain, path, judged);
  return { path, part, message: plain, ...(hint === undefined ? {} : { hint }) };
}

// What is longer is read better in the commented example.
const longestExample = 100;

function hintFor(message: string, path: KeyPath, { schema, value }: Judged): string | undefined {
  const input = valueAt(value, path);
  if (message.startsWith("expected a text, not ") && typeof input !== "object") {
    return "put it in quotes";
  }
  if (message.startsWith("expected true or false") && typeof input === "string") {
    return "yes, no, on and off are texts in YAML 1.2";
  }
  const example = exampleOf(schemasAt(schema, path, value));
  if (example === undefined) return undefined;
  const text = inFlowStyle(path, example);
  return text.length <= longestExample ? `for example: ${text}` : "see: holdfast config example";
}

/** What is missing is shown at the map that lacks it. */
function partOf(path: KeyPath, { value }: Judged): Problem["part"] {
  return valueAt(value, path) === undefined ? "key" : "value";
}

function unknownKey(key: string, parent: KeyPath, { schema, value }: Judged): Explained {
  const known = keysOf(schemasAt(schema, parent, value), valueAt(value, parent));
  // Without what was stuck to it, as in { password=… }.
  const meant = nearest(key.split(/[\s=:]/)[0] ?? "", known);
  const unknown = { path: [...parent, key], part: "key" as const };
  if (meant !== undefined) {
    const message = `unknown key, did you mean "${meant}"?`;
    const hint = isShowable(key) ? {} : { hint: `write ${meant}: VALUE` };
    const lacking = [...parent, meant];
    const explains = valueAt(value, lacking) === undefined ? [parent, lacking] : [];
    return { ...unknown, message, ...hint, explains };
  }
  return {
    ...unknown,
    message: "unknown key",
    ...(known.length === 0 ? {} : { hint: `keys here: ${known.join(", ")}` }),
  };
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

function explainUnion(issue: UnionIssue, path: KeyPath, judged: Judged): readonly Explained[] {
  const input = valueAt(judged.value, path);
  if ("options" in issue && Array.isArray(issue.options)) {
    const missing = input === undefined ? { hint: `one of ${issue.options.join(", ")}` } : {};
    const message = wrongChoice(input, issue.options);
    return [{ path, part: partOf(path, judged), message, ...missing }];
  }

  const kinds = issue.errors.filter((branch) => !branch.some(isWrongKind));
  if (kinds.length === 0) return [said(wrongKindMessage(issue, input), path, judged)];
  const best = kinds.toSorted((a, b) => misfit(a, input) - misfit(b, input))[0] ?? [];
  const inBest = (): readonly Explained[] => best.flatMap((each) => explain(each, path, judged));
  if (best.some((each) => isMissing(each, input))) {
    const known = keysOf(schemasAt(judged.schema, path, judged.value), input);
    const strange = Object.keys(Object(input)).filter((key) => !known.includes(key));
    if (strange.length > 0) return strange.map((key) => unknownKey(key, path, judged));
    if (kinds.length > 1) return [said(`${ours}needs one of ${known.join(", ")}`, path, judged)];
    return inBest();
  }
  // The words of the whole say more than ours for the part that comes nearest.
  const onlyOurs = best.every((each) => each.path.length === 0 && each.message.startsWith(ours));
  const wordless = issue.message.startsWith(ours);
  return onlyOurs && !wordless ? [said(issue.message, path, judged)] : inBest();
}

function wrongKindMessage(issue: UnionIssue, input: unknown): string {
  const wrongKinds = issue.errors.flatMap((branch) => branch.filter(isWrongKind));
  const missing = input === undefined || input === null;
  return issue.message.startsWith(ours) || missing
    ? ours + wrongType(input, wrongKinds.map(expectedName))
    : issue.message;
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
