// Knows: what the faults of YAML's notation are called in words. Must not know: the text; a fault near a secret must not repeat it.
import type { YAMLError } from "yaml";

/** One fault, as the parser reports it. Its own message may repeat the text, so it is never shown. */
export type YamlFault = Pick<YAMLError, "code" | "message">;

/** A fault in words. */
export interface FaultInWords {
  readonly message: string;
  readonly hint?: string;
  /** The text says clearly what was meant all the same, so that the rest can be judged too. */
  readonly harmless?: true;
  /** Something was opened and not closed: what matters is where it begins. */
  readonly unclosed?: "quote" | "bracket";
}

const quoteIt = "put the value in quotes";

const words: Readonly<Record<YAMLError["code"], FaultInWords>> = {
  ALIAS_PROPS: { message: "an alias (*name) stands alone, without a tag or an anchor" },
  BAD_ALIAS: {
    message:
      "an alias (*) or anchor (&) has no usable name; to mean the sign itself, write it in quotes",
  },
  BAD_COLLECTION_TYPE: { message: "a tag does not fit what it stands before", harmless: true },
  BAD_DIRECTIVE: { message: "a line that begins with % is not understood", harmless: true },
  BAD_DQ_ESCAPE: {
    message: "a backslash in double quotes is followed by something it cannot escape",
    hint: "use single quotes, in which a backslash is a backslash",
  },
  BAD_INDENT: { message: "the indentation does not fit the lines above" },
  BAD_PROP_ORDER: { message: "a tag or anchor stands before the sign that it has to follow" },
  BAD_SCALAR_START: {
    message: "the value begins with a sign that YAML keeps for itself",
    hint: quoteIt,
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second "key: value" on one line',
    hint: 'begin inner keys on a new, indented line; put a value that holds ": " in quotes',
  },
  BLOCK_IN_FLOW: { message: "indented lines inside [ ] or { }" },
  DUPLICATE_KEY: {
    message: "the key is written twice in one map",
    hint: "keep one of the two",
    harmless: true,
  },
  IMPOSSIBLE: { message: "is not YAML" },
  KEY_OVER_1024_CHARS: { message: "a key is longer than 1024 letters" },
  MISSING_CHAR: { message: "a sign is missing here: a comma, a colon, a space or a bracket" },
  MULTILINE_IMPLICIT_KEY: { message: 'a line without a colon: expected "key: value"' },
  MULTIPLE_ANCHORS: { message: "a value can have only one anchor (&name)" },
  MULTIPLE_DOCS: {
    message: "a second document begins here (---)",
    hint: "one file holds one configuration",
  },
  MULTIPLE_TAGS: { message: "a value can have only one tag (!name)" },
  NON_STRING_KEY: { message: "a key must be a text" },
  RESOURCE_EXHAUSTION: { message: "is nested too deeply" },
  TAB_AS_INDENT: { message: "a tab is used for indentation", hint: "indent with spaces" },
  TAG_RESOLVE_FAILED: {
    message: "the value begins with a tag (!) that is not known",
    hint: `if the exclamation mark belongs to the value, ${quoteIt}`,
    harmless: true,
  },
  UNEXPECTED_TOKEN: { message: "something here does not follow the rules of YAML" },
};

// One code stands for several faults; only the parser's sentence tells them apart.
const refinements: readonly (readonly [pattern: RegExp, words: FaultInWords])[] = [
  [/^Missing closing/, { message: "a quote is opened here and not closed", unclosed: "quote" }],
  [
    /must be sufficiently indented|end with a [\]}]/i,
    {
      message: "a bracket is opened here and not closed",
      hint: "lines inside brackets must be indented more than the key they belong to",
      unclosed: "bracket",
    },
  ],
  [/^Missing ,/, { message: "a comma is missing before this" }],
  [
    /^Implicit map keys need to be followed/,
    { message: 'a line without a colon: expected "key: value"' },
  ],
  [/^Comments must be separated/, { message: "a space is missing before #" }],
  [/^Sequence item without/, { message: 'a list entry has to begin with "- "' }],
  [
    /at node end$|in YAML stream/,
    {
      message: "something follows that does not belong to the value before it",
      hint: "check the quotes, brackets and indentation of this line",
    },
  ],
  [/^Block scalar header/, { message: "a text follows | or > on the same line", hint: quoteIt }],
];

/** Says what a fault means in our own words. */
export function explainYamlFault({ code, message }: YamlFault): FaultInWords {
  const refined = refinements.find(([pattern]) => pattern.test(message));
  // Duplicate keys and the like have one meaning; their sentence needs no second look.
  return refined?.[1] ?? words[code];
}
