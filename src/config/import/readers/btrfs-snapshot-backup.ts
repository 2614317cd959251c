// Knows: backup_config.toml of btrfs-snapshot-backup, and what of it is continued. Must not know: any other tool.
import { posix } from "node:path";
import type { Imported } from "../imported.ts";
import type { Reader, Reading } from "../reader.ts";
import type { Section } from "../section.ts";

/** Snapshots of subvolumes, sent to a second disk of the same machine. */
export const btrfsSnapshotBackup: Reader = {
  name: "btrfs-snapshot-backup",
  title: "btrfs-snapshot-backup",
  formats: ["toml"],
  recognises: (root) => root.has("backup_pairs"),
  read(reading) {
    const { root } = reading;
    const global = root.section("global");
    const dry = global?.flag("dry_run") === true;
    global?.judge("default_verbose", "unneeded", {
      message: "had no effect; to see more, say: holdfast run --verbose",
    });
    if (dry) {
      global?.judge("dry_run", "changed", {
        message:
          "it had no effect: the script executed everything. Holdfast follows it: the jobs are at rest (enabled: false) until you take that away",
      });
    } else
      global?.judge("dry_run", "unneeded", {
        message: "to try a run, say: holdfast run --dry-run",
      });

    const names = new Set<string>();
    for (const pair of root.list("backup_pairs")) readPair(reading, pair, { dry, names });
    if (names.size === 0) root.report.problem(root.at("backup_pairs"), "holds no pair");
  },
};

function readPair(
  { imported, report }: Reading,
  pair: Section,
  { dry, names }: { readonly dry: boolean; readonly names: Set<string> },
): void {
  const name = pair.needed("name");
  const volume = pair.needed("original_volume");
  const source = pair.needed("source");
  const target = pair.needed("target");
  if (names.has(name)) {
    report.judge(pair.path, "unmapped", {
      message:
        "another pair has this name: the script never used this one. Give it a name of its own",
    });
    return;
  }
  names.add(name);

  const repository = imported.add("repositories", name, {
    engine: "btrfs",
    at: trimmed(source),
    keep: keep(pair, "retention_count", "retention_days"),
  });
  const copy = imported.add("repositories", `${name}-target`, {
    engine: "btrfs",
    at: targetPlace(imported, trimmed(target)),
    keep: keep(pair, "target_retention_count", "target_retention_days"),
  });
  const job = imported.add("jobs", name, {
    sources: [{ subvolume: trimmed(volume) }],
    repository,
    copies: [copy],
    ...(dry ? { enabled: false } : {}),
  });
  imported.comment(
    ["jobs", job],
    'The script was started by something else. Say here when: schedule: "0 * * * *", with holdfast daemon.',
  );
  pair.judge("name", "mapped", { to: `jobs.${job}` });
  pair.judge("original_volume", "mapped", { to: `jobs.${job}.sources` });
  pair.judge("source", "mapped", { to: `repositories.${repository}.at` });
  pair.judge("target", "changed", {
    to: `repositories.${copy}.at`,
    message:
      "the folder above it is a volume now, which holdfast init marks: while its disk is not mounted nothing is sent into the empty folder",
  });
  judgeKeep(pair, "retention", `repositories.${repository}.keep`);
  judgeKeep(pair, "target_retention", `repositories.${copy}.keep`);
}

/** A place on a volume of the folder above: only what is marked counts as there. */
function targetPlace(imported: Imported, target: string): string {
  const above = posix.dirname(target);
  if (above === "/" || !target.startsWith("/")) return target;
  const known = imported.entries("volumes").find(([, { path }]) => path === above);
  const volume = known?.[0] ?? imported.add("volumes", posix.basename(above), { path: above });
  return `${volume}:${posix.basename(target)}`;
}

function keep(pair: Section, countKey: string, daysKey: string): object | undefined {
  const count = wanted(pair, countKey);
  const days = wanted(pair, daysKey);
  if (count === undefined || days === undefined) return undefined;
  return {
    // Without any rule everything would stay, where the script would delete all.
    last: count === 0 && days === 0 ? 1 : count || undefined,
    within: days === 0 ? undefined : `${days}d`,
  };
}

function wanted(pair: Section, key: string): number | undefined {
  if (!pair.has(key)) pair.report.problem(pair.path, `"${key}" is missing`, "key");
  return pair.count(key);
}

function judgeKeep(pair: Section, prefix: string, to: string): void {
  const count = pair.raw(`${prefix}_count`);
  pair.judge(`${prefix}_count`, count === 0 ? "changed" : "mapped", {
    to: `${to}.last`,
    ...(count === 0 ? { message: "at least the newest snapshot always stays" } : {}),
  });
  pair.judge(`${prefix}_days`, "changed", {
    to: `${to}.within`,
    message:
      "days are counted back from the newest snapshot, not from today; what a copy has not received yet, and the newest that both sides have, stay as well",
  });
}

function trimmed(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}
