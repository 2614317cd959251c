// Knows: how `--only` names verbs.
import { type Verb, verbs } from "../jobs/program.ts";
import { chosen } from "./names.ts";

/** The verbs in a list such as `backup,copy`; all without a list. Throws `unknown-name`. */
export function verbsOf(list: string | undefined): readonly Verb[] {
  if (list === undefined) return verbs;
  const words = list.split(",").map((word) => word.trim());
  const names = chosen("verb", words, verbs);
  return verbs.filter((verb) => names.includes(verb));
}
