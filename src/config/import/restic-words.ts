// Knows: restic's own options, as programs around it pass them on, and their names here. Must not know: any such program.
import { Retention } from "../../policy/retention.ts";
import type { Entry } from "./imported.ts";
import type { Section } from "./section.ts";

const keepRules = [
  "last",
  "hourly",
  "daily",
  "weekly",
  "monthly",
  "yearly",
  "within",
  "within-hourly",
  "within-daily",
  "within-weekly",
  "within-monthly",
  "within-yearly",
];

/** The rules of a section with `keep-…`, and what of it is no such rule. */
export function keepIn(section: Section | undefined, to: string): Entry | undefined {
  if (section === undefined) return undefined;
  const keep: Record<string, unknown> = {};
  for (const rule of keepRules) {
    const key = `keep-${rule}`;
    if (!section.has(key)) continue;
    const text = section.text(key) ?? "";
    const value = rule.startsWith("within") ? text : Number(text);
    if (Retention.safeParse({ [rule]: value }).success) {
      keep[rule] = value;
      section.judge(key, "mapped", { to: `${to}.${rule}` });
    } else if (value === 0) section.judge(key, "unneeded", { message: "no rule" });
    else
      section.problem(
        key,
        rule.startsWith("within") ? "expected a span such as 14d" : "expected a whole number",
      );
  }
  const labels = section.texts("keep-tag", `${to}.labels`);
  if (labels !== undefined) keep["labels"] = labels;
  section.judge("prune", "mapped", { to: to.replace(/keep$/, "prune-every") });
  section.judgeAll(["group-by", "host", "tag", "path"], "unneeded", {
    message: "each job forgets its own snapshots alone, each series by itself",
  });
  return keep;
}

/** Options of `restic backup` that a job says in other words. */
export function selectionIn(section: Section | undefined, to: string): Entry {
  if (section === undefined) return {};
  const patterns = section.texts("exclude", `${to}.exclude`) ?? [];
  const insensitive = section.texts("iexclude");
  section.judge("iexclude", "changed", {
    to: `${to}.exclude`,
    message: "capital and small letters are the same in all patterns of the job now",
  });
  const caches = section.flag("exclude-caches", `${to}.exclude-if-present`) === true;
  const present = section.texts("exclude-if-present", `${to}.exclude-if-present`) ?? [];
  return {
    exclude: [...patterns, ...(insensitive ?? [])],
    "exclude-ignore-case": insensitive === undefined ? undefined : true,
    "exclude-files": section.texts("exclude-file", `${to}.exclude-files`),
    "exclude-if-present": [...present, ...(caches ? [cacheMark] : [])],
    "exclude-larger-than": section.text("exclude-larger-than", `${to}.exclude-larger-than`),
    "one-file-system": section.flag("one-file-system", `${to}.one-file-system`),
  };
}

// What restic's own --exclude-caches looks for.
const cacheMark = "CACHEDIR.TAG:Signature: 8a477f597d28d172789f06886806bc55";

/** Without what is empty or undefined. */
export function filled(entry: Entry): Entry {
  return Object.fromEntries(
    Object.entries(entry).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  );
}
