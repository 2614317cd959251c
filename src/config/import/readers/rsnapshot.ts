// Knows: rsnapshot.conf, and what of it is taken over. Must not know: any other tool.
import { posix } from "node:path";
import type { Entry, Imported } from "../imported.ts";
import type { Line } from "../line-text.ts";
import type { Reader, Reading } from "../reader.ts";

/** Folders as trees of hard links, which take turns by name. */
export const rsnapshot: Reader = {
  name: "rsnapshot",
  title: "rsnapshot",
  formats: ["lines"],
  recognises: (_, lines) => lines.some(({ key }) => key === "snapshot_root"),
  read({ lines, report, imported }) {
    const root = lines.find(({ key }) => key === "snapshot_root");
    if (root === undefined) return report.problem(["1"], '"snapshot_root" is missing', "key");
    report.judge([root.name], "changed", {
      to: "repositories",
      message:
        "each folder gets a mirror of its own, below holdfast in it; what rsnapshot made stays beside it. The guide says how its newest copy becomes the first snapshot",
    });
    const common = commonOf(lines, report);
    let last: Line | undefined;
    for (const line of lines) {
      if (line.key !== "backup") continue;
      last = line;
      addBackup(imported, { line, root: trimmed(root.value), common, report });
    }
    if (last === undefined) report.problem([root.name], "nothing is backed up", "key");
    for (const line of lines) judgeOther(report, line);
  },
};

interface Common {
  readonly keep: Entry | undefined;
  readonly filters: readonly Entry[];
  readonly excludeFiles: readonly string[];
  readonly oneFileSystem: boolean;
}

function commonOf(lines: readonly Line[], report: Reading["report"]): Common {
  const of = (key: string): readonly string[] =>
    lines.filter((line) => line.key === key).map(({ value }) => value);
  return {
    keep: keepOf(lines, report),
    filters: lines.flatMap(({ key, value }) =>
      key === "include" || key === "exclude" ? [{ [key]: value }] : [],
    ),
    excludeFiles: of("exclude_file"),
    oneFileSystem: of("one_fs").at(-1) === "1",
  };
}

const byName: Readonly<Record<string, string>> = {
  hourly: "hourly",
  daily: "daily",
  weekly: "weekly",
  monthly: "monthly",
  yearly: "yearly",
};
const byRank = ["last", "daily", "weekly", "monthly", "yearly"];

/** Levels by their names, or, where these say nothing, by their order. */
function keepOf(lines: readonly Line[], report: Reading["report"]): Entry | undefined {
  const levels = lines.filter(({ key }) => key === "retain" || key === "interval");
  const rules = levels.map((line, rank) => {
    const [name = "", count = ""] = line.value.split(/\s+/);
    const rule = byName[name] ?? byRank[rank] ?? "yearly";
    if (!/^[1-9]\d*$/.test(count)) report.problem([line.name], "expected a name and a number");
    report.judge([line.name], "changed", {
      to: `keep.${rule}`,
      message: `is ${rule}: ${count} now, counted by the time of each snapshot and not by how often rsnapshot was started`,
    });
    return [rule, Number(count)] as const;
  });
  return rules.length === 0 ? undefined : Object.fromEntries(rules);
}

interface BackupLine {
  readonly line: Line;
  readonly root: string;
  readonly common: Common;
  readonly report: Reading["report"];
}

function addBackup(imported: Imported, { line, root, common, report }: BackupLine): void {
  const { source, target, options } = columnsOf(line);
  if (/^[a-z]+:\/\//.test(source)) {
    const message =
      "is read in a way that Holdfast has not: mount it, and write its folder as a source";
    return report.judge([line.name], "unmapped", { message });
  }
  const [, user, machine, far] = /^(?:([^@/]+)@)?([^@/:]+):(\/.*)$/.exec(source) ?? [];
  const path = trimmed(far ?? source);
  if (target === "") return report.problem([line.name], "expected what is backed up, and where to");
  if (!path.startsWith("/")) {
    return report.problem([line.name], "expected an absolute path, or USER@HOST:PATH");
  }
  const wanted = `${trimmed(target)}-${path.slice(1)}`;
  const plain = wanted.replaceAll(/[^A-Za-z0-9.]+/g, "-").replace(/-$/, "");
  // Two paths may differ in nothing else: each has a folder of its own.
  const name = imported.nameFor("repositories", plain);
  const repository = imported.add("repositories", name, {
    engine: "rsync",
    at: posix.join(root, "holdfast", name),
    snapshots: "hard-links",
    keep: common.keep,
    filters: listOf(common.filters),
  });
  const volume = machine === undefined ? undefined : volumeOn(imported, { user, machine });
  const job = imported.add("jobs", name, {
    sources: [volume === undefined ? path : `${volume}:${path.slice(1)}`],
    repository,
    "exclude-files": listOf(common.excludeFiles),
    "one-file-system": common.oneFileSystem ? true : undefined,
  });
  if (options === undefined) report.judge([line.name], "mapped", { to: `jobs.${job}` });
  else {
    const message = "its own options were left out: see what they said";
    report.judge([line.name], "changed", { to: `jobs.${job}`, message });
  }
}

/** What stands behind `backup`: tabs are between columns, but blanks are met as well. */
function columnsOf({ value }: Line): {
  readonly source: string;
  readonly target: string;
  readonly options: string | undefined;
} {
  const columns = value.split(/\t+/).map((part) => part.trim());
  const [source = "", target = "", options] = columns.length > 1 ? columns : value.split(/\s+/);
  return { source, target, options };
}

function listOf<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items;
}

function volumeOn(
  imported: Imported,
  { user, machine }: { readonly user: string | undefined; readonly machine: string },
): string {
  const known = imported.entries("volumes").find(([, { host }]) => host === machine);
  if (known !== undefined) return known[0];
  const host = imported.add("hosts", machine, { addresses: [machine], user });
  return imported.add("volumes", machine, { host, path: "/", marker: false });
}

const unneeded = new Set(
  "config_version no_create_root cmd_cp cmd_rm cmd_rsync cmd_ssh cmd_logger cmd_du cmd_rsnapshot_diff verbose loglevel logfile lockfile stop_on_stale_lockfile du_args link_dest sync_first use_lazy_deletes rsync_numtries".split(
    " ",
  ),
);

const carried: Readonly<Record<string, string>> = {
  include: "repositories filters",
  exclude: "repositories filters",
  exclude_file: "jobs exclude-files",
  one_fs: "jobs one-file-system",
};

const lost: readonly (readonly [keys: RegExp, message: string])[] = [
  [/^backup_(script|exec)$/, "write the command as a hook, and its folder as a source"],
  [/^cmd_(pre|post)exec$/, "write it as a hook of the jobs: hooks: { before: […], after: […] }"],
  [
    /^rsync_(short|long)_args$|^ssh_args$/,
    "see what it said: extra-options of the mirrors, or options of the host",
  ],
  [/^include_file$/, "write it as filter-file of the mirrors"],
];

function judgeOther(report: Reading["report"], { name, key }: Line): void {
  const to = carried[key];
  const message = lost.find(([keys]) => keys.test(key))?.[1];
  if (to !== undefined) report.judge([name], "mapped", { to });
  else if (message !== undefined) report.judge([name], "unmapped", { message });
  else if (unneeded.has(key)) {
    report.judge([name], "unneeded", { message: "was about rsnapshot itself" });
  }
}

function trimmed(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}
