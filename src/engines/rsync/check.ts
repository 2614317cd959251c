// Knows: what can be wrong with a mirror, and how its files are compared with others. Must not know: what is done about it.
import { createHash } from "node:crypto";
import type { CheckLevel, CheckResult, Work } from "../engine.ts";
import type { Host } from "../../hosts/host.ts";
import { filesCommand } from "./commands.ts";
import { protectionArguments } from "./filters.ts";
import { folderOf, type Standing } from "./layout.ts";
import type { Mirror } from "./mirror.ts";
import { parseItemized } from "./output.ts";
import { lookAtSources } from "./sources.ts";
import { isReachable, routeBetween, transferCommand, type Transfer } from "./transfer.ts";

/** What is compared with the files of a snapshot. */
interface Comparison {
  readonly id: string;
  readonly host: Host;
  /** As rsync takes them. */
  readonly words: readonly string[];
  readonly with: string;
}

/** What is to be seen without reading files. Pure. */
function structureProblems(mirror: Mirror, standing: Standing): CheckResult {
  const { latest, snapshots, strays, leftovers, halfDeleted } = standing;
  const { layout } = mirror.places;
  const writable = snapshots.filter((snapshot) => layout === "btrfs" && snapshot.writable);
  return {
    problems: [
      ...(latest.kind === "broken"
        ? [`latest leads to ${latest.target}, which is no snapshot`]
        : []),
      ...writable.map(({ id }) => `snapshot ${id} is not read-only: it may have been changed`),
    ],
    notes: [
      ...(latest.kind === "missing" ? ["there is no link latest; the next backup makes it"] : []),
      ...(strays.length > 0 ? [`not of this repository, in snapshots: ${strays.join(", ")}`] : []),
      ...(halfDeleted.length > 0
        ? [`not deleted to the end; the next prune does it: ${halfDeleted.join(", ")}`]
        : []),
      ...(leftovers.length > 0 ? [`left by an interrupted run: ${leftovers.join(", ")}`] : []),
    ],
  };
}

// So many damaged files are told one by one.
const told = 100;

/**
 * Compares files by what they hold. One of the same size and time with other contents was damaged here or
 * there; whatever else differs has changed since.
 */
async function compare(
  mirror: Mirror,
  comparison: Comparison,
  { share, work }: { readonly share: number; readonly work: Work },
): Promise<CheckResult> {
  const folder = folderOf(mirror.places, comparison.id);
  const chosen = share >= 1 ? undefined : await sample(mirror, { folder, share }, work.signal);
  if (chosen?.length === 0) return { problems: [], notes: ["no file was chosen to be compared"] };
  const transfer = comparisonTransfer(mirror, comparison, chosen);
  const damaged: string[] = [];
  let count = 0;
  const { far } = transfer.route;
  if (far !== undefined) await far.reach(work.signal);
  const { exitStatus } = await transfer.route.runner.run(
    { ...transferCommand(transfer), okExits: [0, 23, 24] },
    work.signal,
    {
      stdoutLine(line) {
        const item = parseItemized(line);
        if (item === undefined || !isDamage(item.what)) return;
        count += 1;
        if (damaged.length < told) damaged.push(item.name);
      },
    },
  );
  const problems = damaged.map(
    (name) =>
      `${name} in snapshot ${comparison.id} differs from ${comparison.with}, at the same size and time: one of the two is damaged`,
  );
  const incomplete = "not every file could be compared: some are gone from there, or unreadable";
  return {
    problems: count > told ? [...problems, `and ${count - told} more`] : problems,
    notes: exitStatus === 0 ? [] : [incomplete],
  };
}

/** `fc........`: the contents differ, and neither size nor time do. */
function isDamage(what: string): boolean {
  return what[1] === "f" && what[2] === "c" && what[3] === "." && what[4] === ".";
}

const looking = ["--recursive", "--links", "--times", "--checksum", "--dry-run", "--existing"];

/** Looks and changes nothing. Pure. */
function comparisonTransfer(
  mirror: Mirror,
  { id, host, words }: Comparison,
  chosen: readonly string[] | undefined,
): Transfer {
  const { access, places } = mirror;
  const list = ["--files-from=-", "--from0"];
  return {
    route: routeBetween({ from: host, to: access.host, here: access.here }),
    options: [
      ...protectionArguments(),
      ...looking,
      "--out-format=%i %n",
      ...(chosen === undefined ? [] : list),
    ],
    sources: words,
    target: `${folderOf(places, id)}/`,
    effect: "reads",
    ...(chosen === undefined ? {} : { stdin: chosen.map((path) => `./${path}\0`).join("") }),
  };
}

/** Some of the files, the same ones each time. */
async function sample(
  mirror: Mirror,
  { folder, share }: { readonly folder: string; readonly share: number },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const files: string[] = [];
  const { stdout } = await mirror.run(filesCommand(folder), signal);
  for (const path of stdout.split("\0")) if (path !== "" && isChosen(path, share)) files.push(path);
  return files;
}

function isChosen(path: string, share: number): boolean {
  const hash = createHash("sha256").update(path).digest().readUInt32BE(0);
  return hash / 2 ** 32 < share;
}

/** What there is to compare a snapshot with: first the source, then another repository. */
async function comparisonFor(
  mirror: Mirror,
  {
    ids,
    level: { source },
    other,
  }: {
    readonly ids: readonly string[];
    readonly level: CheckLevel;
    readonly other: Mirror | undefined;
  },
  signal: AbortSignal,
): Promise<Comparison | undefined> {
  const { host } = mirror.access;
  const newest = ids.at(-1);
  if (newest === undefined) return undefined;
  if (source?.what.kind === "paths" && isReachable(source.host, host)) {
    const { words } = await lookAtSources(source.host, source.what.paths, signal);
    return { id: newest, host: source.host, words, with: "the source" };
  }
  if (other === undefined || !isReachable(other.access.host, host)) return undefined;
  const common = await newestCommon(ids, other, signal);
  if (common === undefined) return undefined;
  return {
    id: common,
    host: other.access.host,
    words: [`${folderOf(other.places, common)}/`],
    with: `repository "${other.subject.name}"`,
  };
}

/** Checks structure, and as much of the data as asked for, against what there is to compare with. */
export async function checkMirror(
  mirror: Mirror,
  { level, other }: { readonly level: CheckLevel; readonly other: Mirror | undefined },
  work: Work,
): Promise<CheckResult> {
  const { structure, ids } = await structureOf(mirror, work.signal);
  if (level.readData === undefined) return structure;
  if (ids.length === 0) return withNote(structure, "there is no snapshot to compare");
  const comparison = await comparisonFor(mirror, { ids, level, other }, work.signal);
  if (comparison === undefined) {
    return withNote(
      structure,
      "no file was compared: a mirror has no checksums of its own, and neither its source nor another repository of the job is within reach",
    );
  }
  const share = Number.parseFloat(level.readData) / 100;
  const found = await compare(mirror, comparison, { share, work });
  return {
    problems: [...structure.problems, ...found.problems],
    notes: [...(structure.notes ?? []), ...(found.notes ?? [])],
  };
}

function withNote(result: CheckResult, note: string): CheckResult {
  return { ...result, notes: [...(result.notes ?? []), note] };
}

async function structureOf(
  mirror: Mirror,
  signal: AbortSignal,
): Promise<{ readonly structure: CheckResult; readonly ids: readonly string[] }> {
  if (mirror.places.layout === "none") {
    const record = await mirror.mirrorRecord(signal);
    const unfinished = "the last backup was interrupted: the mirror is a mixture of two states";
    return record?.complete === false
      ? { structure: { problems: [], notes: [unfinished] }, ids: [] }
      : { structure: { problems: [] }, ids: record === undefined ? [] : [record.id] };
  }
  const standing = await mirror.standing(signal);
  const ids = standing.snapshots.map(({ id }) => id);
  return { structure: structureProblems(mirror, standing), ids };
}

/** The newest snapshot that both have. */
async function newestCommon(
  ids: readonly string[],
  other: Mirror,
  signal: AbortSignal,
): Promise<string | undefined> {
  const theirs = new Set((await structureOf(other, signal)).ids);
  return ids.findLast((id) => theirs.has(id));
}
