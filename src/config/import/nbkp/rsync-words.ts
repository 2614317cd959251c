// Knows: which of the options and filters that nbkp gave to rsync a mirror may have. Must not know: what is mirrored.
import { AnyRepository } from "../../../engines/index.ts";
import type { Entry } from "../imported.ts";
import { asMap, type Section } from "../section.ts";

/** The options of a sync, in the words of a mirror. */
export function optionsOf(sync: Section, to: string): Entry {
  const isList = Array.isArray(sync.raw("rsync-options"));
  const given = isList ? undefined : sync.section("rsync-options");
  const replaced = isList
    ? allowed(sync, "rsync-options", { to, key: "options" })
    : given && allowed(given, "default-options-override", { to, key: "options" });
  // In the first generation they stood beside the others, not among them.
  const adding = given?.has("extra-options") === true ? given : sync;
  const added = allowed(adding, "extra-options", { to, key: "extra-options" }) ?? [];
  return {
    options: replaced ?? ["--archive"],
    ...switches(given, to),
    "extra-options": added.length === 0 ? undefined : added,
  };
}

function switches(given: Section | undefined, to: string): Entry {
  return Object.fromEntries(
    ["compress", "checksum"].flatMap((key) =>
      given?.flag(key, `${to}.${key}`) === true ? [[key, true] as const] : [],
    ),
  );
}

// What protects the mirror and keeps it like its source is always there.
const always =
  /^--(delete|delete-excluded|partial-dir=.*|partial|safe-links|delete-after|delete-during|delete-delay|delete-before)$/;

/** Those of these words that a mirror may have. What it may not is told. */
function allowed(
  section: Section,
  key: string,
  { to, key: target }: { readonly to: string; readonly key: string },
): readonly string[] | undefined {
  const words = section.texts(key);
  if (words === undefined) return undefined;
  const kept: string[] = [];
  const dropped: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    const next = words[index + 1];
    if (always.test(word)) continue;
    if (isFine([word])) kept.push(word);
    else if (next !== undefined && isFine([word, next])) {
      kept.push(word, next);
      index += 1;
    } else dropped.push(word);
  }
  section.judge(key, dropped.length === 0 ? "mapped" : "changed", {
    to: `${to}.${target}`,
    ...(dropped.length === 0
      ? {}
      : {
          message: `left out, because a mirror may not have it or does it by itself: ${dropped.join(" ")}`,
        }),
  });
  return kept;
}

function isFine(words: readonly string[]): boolean {
  return isMirror({ "extra-options": words });
}

function isMirror(keys: Entry): boolean {
  return AnyRepository.safeParse({ engine: "rsync", at: "/mirror", snapshots: "none", ...keys })
    .success;
}

/** The rules of a sync, in the words of a mirror. */
export function filtersOf(
  sync: Section,
  { to, home }: { readonly to: string; readonly home: string },
): Entry {
  const value = sync.raw("filters");
  const rules: readonly unknown[] = Array.isArray(value) ? value : [];
  if (value !== undefined && !Array.isArray(value)) sync.problem("filters", "expected a list");
  const folded = rules.map(withDashes);
  const kept = folded.filter((rule) => isMirror({ filters: [rule] }));
  const dropped = rules.length - kept.length;
  sync.judge("filters", dropped === 0 ? "mapped" : "changed", {
    to: `${to}.filters`,
    ...(dropped === 0
      ? {}
      : { message: `${dropped} of the rules cannot be kept: look at them yourself` }),
  });
  const file = sync.text("filter-file", `${to}.filter-file`);
  return {
    filters: kept.length === 0 ? undefined : kept,
    "filter-file": file === undefined ? undefined : file.replace(/^~(?=\/)/, home),
  };
}

function withDashes(rule: unknown): unknown {
  const map = asMap(rule);
  if (map === undefined) return rule;
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [key.replaceAll("_", "-"), withDashes(value)]),
  );
}
