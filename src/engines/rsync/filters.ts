// Knows: how rules of selection become arguments of rsync, and which of them are never dropped. Must not know: what is mirrored.
import { posix } from "node:path";
import * as z from "zod";
import type { Selection } from "../engine.ts";

const text = z
  .string()
  .min(1)
  .refine((rule) => !/[\n\r\0]/.test(rule), { error: "a rule is one line" });

const DirMerge = z.union([
  text,
  z.strictObject({
    path: text.meta({ description: "The name of the file in each folder." }),
    "exclude-self": z.boolean().default(false).meta({
      description: "The file itself is left out.",
    }),
  }),
]);

/** One rule of selection: rsync's own notation, or one of four kinds by name. */
export const Filter = z
  .union([
    text
      .refine((rule) => !/^\s*(!|clear\b)/.test(rule), {
        error: "clearing the list would drop the rules that protect the repository",
      })
      .refine((rule) => !/^\s*$/.test(rule), { error: "a rule is not empty" }),
    z.strictObject({ include: text.meta({ description: "What this pattern matches stays in." }) }),
    z.strictObject({
      exclude: text.meta({ description: "What this pattern matches is left out." }),
    }),
    z.strictObject({ merge: text.meta({ description: "A file with rules, one a line." }) }),
    z.strictObject({
      "dir-merge": DirMerge.meta({
        description: "Files with rules, in the folders that they are for.",
      }),
    }),
  ])
  .meta({
    description:
      "A filter rule of rsync as text, or { include: PATTERN }, { exclude: PATTERN }, { merge: FILE }, { dir-merge: NAME }.",
    examples: [{ exclude: "*.tmp" }, { "dir-merge": ".rsync-filter" }, "H .git"],
  });
export type Filter = z.output<typeof Filter>;

/** The rule in rsync's own notation. Rules are separated from their word by `_`, so that a pattern may begin with a space. */
function ruleOf(filter: Filter): string {
  if (typeof filter === "string") return filter;
  if ("include" in filter) return `+ ${filter.include}`;
  if ("exclude" in filter) return `- ${filter.exclude}`;
  if ("merge" in filter) return `merge ${filter.merge}`;
  const merge = filter["dir-merge"];
  if (typeof merge === "string") return `dir-merge ${merge}`;
  return `dir-merge${merge["exclude-self"] ? ",e" : ""} ${merge.path}`;
}

/** What rsync leaves of a file that it could not finish. */
export const partialDir = ".rsync-partial";

/**
 * What belongs to the repository and not to what is mirrored: neither sent nor deleted, whatever else is
 * configured. What interrupted transfers left is taken up again, and tidied away once that is done.
 */
const protection = [
  "H .nbkp-*",
  "P .nbkp-*",
  "H /.holdfast-*",
  "P /.holdfast-*",
  `H ${partialDir}/`,
  `R ${partialDir}/`,
] as const;

/** The arguments that protect the repository. They come first: the first rule that fits counts. */
export function protectionArguments(): readonly string[] {
  return protection.map((rule) => `--filter=${rule}`);
}

/** What a configuration and a job leave out. */
export interface Rules {
  readonly filters: readonly Filter[];
  readonly filterFile?: string;
  readonly selection?: Selection;
  /** The sources; patterns of a job that begin with the path of the only one are anchored in it. */
  readonly paths: readonly string[];
}

/** What a configuration and a job leave out, as arguments. */
export function filterArguments(rules: Rules): readonly string[] {
  const { filters, filterFile, selection, paths } = rules;
  return [
    ...filters.map((filter) => `--filter=${ruleOf(filter)}`),
    ...(filterFile === undefined ? [] : [`--filter=merge ${filterFile}`]),
    ...(selection === undefined ? [] : selectionArguments(selection, paths)),
  ];
}

/** The files whose rules are read in when a backup begins: none may clear the list. */
export function mergedFiles({ filters, filterFile }: Rules): readonly string[] {
  const merged = filters.flatMap((filter) => {
    if (typeof filter === "string")
      return /^(?:merge|\.)(?:,\S*?)?[ _](.+)$/.exec(filter)?.[1] ?? [];
    return "merge" in filter ? [filter.merge] : [];
  });
  return filterFile === undefined ? merged : [...merged, filterFile];
}

function selectionArguments(selection: Selection, paths: readonly string[]): readonly string[] {
  const { exclude, excludeFiles, excludeLargerThanBytes, oneFileSystem } = selection;
  return [
    // Not `--exclude`, for which "!" alone clears the list of rules and "+ x" includes.
    ...exclude.map((pattern) => `--filter=- ${anchored(pattern, paths)}`),
    ...excludeFiles.map((file) => `--exclude-from=${file}`),
    // rsync leaves out what is larger than this, and we what is larger than that: the same.
    ...(excludeLargerThanBytes === undefined ? [] : [`--max-size=${excludeLargerThanBytes}`]),
    ...(oneFileSystem ? ["--one-file-system"] : []),
  ];
}

/** rsync anchors patterns at the root of what is sent: an absolute path would never fit anything. */
function anchored(pattern: string, paths: readonly string[]): string {
  for (const path of paths) {
    const folder = path === "/" ? "/" : `${path}/`;
    if (!pattern.startsWith(folder)) continue;
    const below = pattern.slice(folder.length);
    return paths.length === 1 ? `/${below}` : `/${posix.basename(path)}/${below}`;
  }
  return pattern;
}
