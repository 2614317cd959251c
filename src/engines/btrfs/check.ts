// Knows: what shows that snapshots are whole. Must not know: what is done about those that are not.
import { createHash } from "node:crypto";
import { CommandFailed } from "../../hosts/command-failed.ts";
import type { Host } from "../../hosts/host.ts";
import type { CheckLevel, CheckResult, Work } from "../engine.ts";
import { scrubStatusCommand, snapshotPath } from "./commands.ts";
import { parseScrub } from "./output.ts";
import type { Side } from "./side.ts";
import { flawOf, keptIn, linkOf, type Kept } from "./snapshots.ts";

/** Another repository that may hold the same snapshots. */
export interface OtherSide {
  readonly name: string;
  readonly host: Host;
  readonly location: string;
  /** What snapshots are known by on every side, and their names there. */
  readonly names: ReadonlyMap<string, string>;
}

/**
 * Looks for snapshots that are not whole, and at what the last scrub of the disk found. With data: reads
 * files again, which their checksums prove, and compares them with another repository that is there.
 */
export async function checkSide(
  side: Side,
  asked: { readonly level: CheckLevel; readonly other: OtherSide | undefined },
  work: Work,
): Promise<CheckResult> {
  const view = await side.look(work.signal);
  const problems = view.entries.flatMap((entry) => {
    const flaw = flawOf(entry);
    return flaw === undefined ? [] : [`${entry.name} is no complete snapshot: ${flaw}`];
  });
  const kept = keptIn(view);
  const known = kept.flatMap(linkOf);
  const notes: string[] = [];
  if (known.length < kept.length) notes.push("parents and Received UUIDs: only root may ask btrfs");
  const scrub = await scrubbed(side, work);
  const read = await readBack(side, { ...asked, kept }, work);
  return {
    problems: [...problems, ...scrub.problems, ...read.problems],
    notes: [...notes, ...(scrub.notes ?? []), ...(read.notes ?? [])],
  };
}

async function scrubbed(side: Side, { signal }: Work): Promise<CheckResult> {
  const { setting, location } = side;
  const command = `btrfs scrub start -B ${location}`;
  try {
    const { stdout } = await side.host.run(scrubStatusCommand(setting, location), signal);
    const scrub = parseScrub(stdout);
    if (scrub === undefined) {
      return { problems: [], notes: [`its disk was never scrubbed: ${command}`] };
    }
    const bad = scrub.errors.filter(([kind]) => kind !== "corrected_errors");
    const told = bad.map(([kind, count]) => `${kind} ${count}`).join(", ");
    if (bad.length > 0) {
      return { problems: [`the last scrub of its disk (${scrub.started}) found: ${told}`] };
    }
    return { problems: [], notes: [`last scrub of its disk: ${scrub.started}, ${scrub.status}`] };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return { problems: [], notes: ["the last scrub of its disk: only root may ask btrfs"] };
  }
}

interface Reading {
  readonly level: CheckLevel;
  readonly other: OtherSide | undefined;
  readonly kept: readonly Kept[];
}

/** Reads the newest snapshot and, of the others, so many as are asked for. */
async function readBack(
  side: Side,
  { level, other, kept }: Reading,
  work: Work,
): Promise<CheckResult> {
  const share = level.readData === undefined ? 0 : Number.parseFloat(level.readData) / 100;
  if (share === 0 || kept.length === 0) return { problems: [] };
  const count = Math.max(1, Math.ceil(share * kept.length));
  const chosen = [...shuffled(kept.slice(0, -1)).slice(0, count - 1), ...kept.slice(-1)];
  const problems: string[] = [];
  let compared = 0;
  for (const [index, each] of chosen.entries()) {
    const { name } = each.entry;
    work.progress({ current: `${index + 1} / ${chosen.length} snapshots, ${name}` });
    const ours = { host: side.host, root: snapshotPath(side.location, name) };
    const theirs = otherOf(each, other);
    const [own, foreign] = await Promise.all([
      summarise(ours, work.signal),
      theirs === undefined ? undefined : summarise(theirs, work.signal),
    ]);
    problems.push(...own.problems.map((problem) => `${name}: ${problem}`));
    if (theirs === undefined || foreign === undefined) continue;
    compared += 1;
    if (own.digest === foreign.digest) continue;
    const differing = await differences(ours, theirs, work.signal);
    problems.push(...differing.map((path) => `${name}: ${path} differs from ${theirs.name}`));
  }
  const left = kept.length - chosen.length;
  const notes = [
    ...(left === 0 ? [] : [`${left} of ${kept.length} snapshots were not read`]),
    ...(other === undefined || compared === 0
      ? ["nothing was there to compare the contents with"]
      : [`compared with ${other.name}: ${compared} of ${chosen.length} snapshots`]),
  ];
  return { problems, notes };
}

function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

interface Tree {
  readonly host: Host;
  readonly root: string;
}

function otherOf(
  kept: Kept,
  other: OtherSide | undefined,
): (Tree & { readonly name: string }) | undefined {
  const origin = linkOf(kept)[0]?.origin;
  const name = origin === undefined ? undefined : other?.names.get(origin);
  if (name === undefined || other === undefined) return undefined;
  return { host: other.host, root: snapshotPath(other.location, name), name: other.name };
}

// So many problems of one snapshot are told one by one.
const toldProblems = 100;

/** One number for all files of a tree, and those that cannot be read. */
async function summarise(
  tree: Tree,
  signal: AbortSignal,
): Promise<{ readonly digest: string; readonly problems: readonly string[] }> {
  const hash = createHash("sha256");
  const problems = await eachFile(tree, signal, (line) => hash.update(`${line}\n`));
  return { digest: hash.digest("hex"), problems };
}

/** The checksum and name of every file, sorted by name; answers with what could not be read. */
async function eachFile(
  { host, root }: Tree,
  signal: AbortSignal,
  receive: (line: string) => void,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const env = { LC_ALL: "C" };
  const reads = { effect: "reads", env } as const;
  await host.pipe(
    [
      { ...reads, cwd: root, argv: ["find", ".", "-type", "f", "-print0"], okExits: [0, 1] },
      { ...reads, argv: ["sort", "-z"] },
      // 123: some of them could not be read.
      {
        ...reads,
        cwd: root,
        argv: ["xargs", "-0", "-r", "sha256sum", "--"],
        okExits: [0, 123],
      },
    ],
    signal,
    {
      stdoutLine: receive,
      stderrLine(line) {
        if (problems.length < toldProblems) problems.push(line.replace(/^(sha256sum|find): /, ""));
      },
    },
  );
  return problems;
}

/** Which files of two trees differ: only asked when it is known that some do. */
async function differences(
  ours: Tree,
  theirs: Tree,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const seen = new Map<string, string>();
  const differing: string[] = [];
  await eachFile(ours, signal, (line) => seen.set(line.slice(66), line.slice(0, 65)));
  await eachFile(theirs, signal, (line) => {
    const path = line.slice(66);
    if (seen.get(path) !== line.slice(0, 65)) differing.push(path);
    seen.delete(path);
  });
  const all = [...differing, ...seen.keys()].toSorted();
  const told = all.slice(0, toldProblems);
  return told.length === all.length ? told : [...told, `and ${all.length - told.length} more`];
}
