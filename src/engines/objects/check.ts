// Knows: what can be wrong with a repository, and which paths of which snapshots that concerns. Must not know: who mends it.
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../hosts/host.ts";
import type { CheckLevel, CheckResult, Work } from "../engine.ts";
import { codeOf } from "./errors.ts";
import { manifestPlace, type Places, reasonAgainst, snapshotPlace } from "./layout.ts";
import { linesOf, parseLine } from "./manifest.ts";
import { Numbers, indexIn } from "./numbers.ts";
import type { Lying } from "./record.ts";
import { eachStoredName } from "./stored-names.ts";
import { Threads } from "./threads.ts";

/** What is checked. */
export interface Checking {
  readonly host: Host;
  readonly places: Places;
  readonly repository: string;
  readonly snapshots: readonly Lying[];
}

// So many things are named one by one.
const named = 1000;
// So many of the newest snapshots are compared with their manifests by a check that reads no data.
const compared = 3;
const hashedAtOnce = 64;

/** Looks for damage. Throws only when it cannot look. */
export async function checkRepository(
  checking: Checking,
  level: CheckLevel,
  work: Work,
): Promise<CheckResult> {
  await using threads = new Threads(checking.repository, work.signal);
  const problems: string[] = [];
  const notes: string[] = [];
  const count = level.readData === "100%" ? checking.snapshots.length : compared;
  const older = checking.snapshots.length - count;
  if (older > 0) {
    notes.push(
      `${older} older snapshots were not compared with their manifests: --read-data=100% does`,
    );
  }
  for (const { name } of checking.snapshots.slice(-count)) {
    problems.push(...(await compareWithManifest(checking, { threads, name }, work)));
  }
  notes.push(...(await lonelyTags(checking, work)));
  if (level.readData !== undefined) {
    const share = Number.parseFloat(level.readData) / 100;
    problems.push(...(await readBack(checking, { threads, share }, work)));
  }
  return { problems: bounded(problems), ...(notes.length === 0 ? {} : { notes }) };
}

function bounded(problems: readonly string[]): readonly string[] {
  if (problems.length <= named) return problems;
  return [...problems.slice(0, named), `and ${problems.length - named} more`];
}

/** Every file that the manifest names has to be there, with as many bytes. */
async function compareWithManifest(
  { places }: Checking,
  { threads, name }: { readonly threads: Threads; readonly name: string },
  { progress }: Work,
): Promise<readonly string[]> {
  const manifest = manifestPlace(places, name);
  // The predecessor's have none.
  if (!existsSync(manifest)) return [];
  progress({ current: `snapshot ${name}` });
  const tree = snapshotPlace(places, name);
  const problems: string[] = [];
  try {
    for await (const lines of linesOf(manifest)) {
      const files = lines.flatMap((line) => fileToCompare(line) ?? []);
      const rows = files.map(({ path, size }) => `${path}\0${size}`).join("\0");
      for (const [row, outcome] of await threads.run({ work: "compare", tree, rows })) {
        const what = outcome === "absent" ? "is missing" : "does not have the size that it had";
        problems.push(`snapshot ${name}: ${files[row]?.path ?? "a file"} ${what}`);
      }
    }
  } catch (error) {
    if (!/^Z(STD)?_/.test(codeOf(error) ?? "")) throw error;
    problems.push(`snapshot ${name}: its manifest is damaged; its files are not`);
  }
  return problems;
}

function fileToCompare(line: string): { readonly path: string; readonly size: number } | undefined {
  const { path, key, size = 0, bytes = size, hole } = parseLine(line) ?? {};
  if (path === undefined || key === undefined || hole !== undefined) return undefined;
  if (reasonAgainst(path) !== undefined) return undefined;
  return { path, size: size === 0 ? 0 : bytes };
}

/** ETags that name content which no hash names: after a copy of the whole repository without hard links. */
async function lonelyTags(
  { host, places }: Checking,
  { signal }: Work,
): Promise<readonly string[]> {
  let count = 0;
  await eachStoredName({ host, places }, { folders: ["etag"], signal }, ({ links }) => {
    if (links === 1) count += 1;
  });
  if (count === 0) return [];
  return [
    `${count} ETags name content of their own: a copy of the repository was made without hard links; the next backup joins them`,
  ];
}

/** Hashes stored content, and names the paths of what is not what it was. */
async function readBack(
  checking: Checking,
  { threads, share }: { readonly threads: Threads; readonly share: number },
  work: Work,
): Promise<readonly string[]> {
  const { sha1 } = checking.places;
  const damaged = new Map<number, string>();
  const start = Math.random();
  let bytesDone = 0;
  const readOne = async (shelf: string, name: string): Promise<void> => {
    const path = join(sha1, shelf, name);
    const state = lstatSync(path, { throwIfNoEntry: false });
    const [answer] = await threads.run({ work: "hash", rows: path });
    const expected = `${shelf}${name.slice(0, 38)}`;
    const found = answer?.[1];
    // Pruned meanwhile: nobody misses it.
    if (state === undefined || found === "failed:ENOENT") return;
    if (found !== expected) damaged.set(state.ino, expected);
    bytesDone += state.size;
    work.progress({ bytesDone });
  };
  for (const shelf of foldersIn(sha1)) {
    const chosen = readdirSync(join(sha1, shelf)).filter(
      (name) => /^[0-9a-f]{38}(\.\d+)?$/.test(name) && isChosen(name, start, share),
    );
    for (let at = 0; at < chosen.length; at += hashedAtOnce) {
      const some = chosen.slice(at, at + hashedAtOnce);
      await Promise.all(some.map(async (name) => await readOne(shelf, name)));
    }
  }
  return damaged.size === 0 ? [] : await namePaths(checking, damaged, work);
}

function foldersIn(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path).filter((name) => /^[0-9a-f]{2}$/.test(name));
}

/** Another part of the store each time, by the first digits of the hash. */
function isChosen(name: string, start: number, share: number): boolean {
  const position = Number.parseInt(name.slice(0, 8), 16) / 2 ** 32;
  return (position - start + 1) % 1 < share;
}

/** Which files of which snapshots are these inodes. */
async function namePaths(
  { host, places }: Checking,
  damaged: ReadonlyMap<number, string>,
  { signal }: Work,
): Promise<readonly string[]> {
  const inodes = new Numbers();
  for (const inode of damaged.keys()) inodes.push(inode);
  const sorted = inodes.sorted();
  const snapshotsOf = new Map<string, string[]>();
  const held = new Set<number>();
  // A name can hold a line feed: the marker before each begins no part of one.
  const format = String.raw`\0%i %P\n`;
  let name = "";
  const finish = (): void => {
    const [, inode = "", snapshot = "", path = ""] = /^(\d+) ([^/]+)\/(.*)\n$/s.exec(name) ?? [];
    if (inode === "" || indexIn(sorted, Number(inode)) === -1 || snapshot.startsWith(".")) return;
    held.add(Number(inode));
    snapshotsOf.set(path, [...(snapshotsOf.get(path) ?? []), snapshot]);
  };
  await host.run(
    {
      argv: ["find", ".", "-type", "f", "-printf", format],
      cwd: places.snapshots,
      effect: "reads",
      okExits: [0, 1],
    },
    signal,
    {
      stdoutLine: (line) => {
        if (!line.startsWith("\0")) {
          name += `${line}\n`;
          return;
        }
        finish();
        name = `${line.slice(1)}\n`;
      },
    },
  );
  finish();
  const unheld = [...damaged].filter(([inode]) => !held.has(inode));
  return [
    ...[...snapshotsOf].map(([path, snapshots]) => `${path} is damaged in ${listed(snapshots)}`),
    ...unheld.map(([, sha1]) => `content ${sha1}, which no snapshot holds, is damaged`),
  ];
}

function listed(snapshots: readonly string[]): string {
  const [first = "", ...others] = snapshots.toSorted().toReversed();
  return others.length === 0 ? `snapshot ${first}` : `snapshot ${first} and ${others.length} more`;
}
