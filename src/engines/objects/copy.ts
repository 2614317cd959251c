// Knows: how a snapshot of one repository comes into another, whole or not at all. Must not know: which ones are wanted.
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import type { Host } from "../../hosts/host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Evidence } from "../../kernel/evidence.ts";
import type { Work } from "../engine.ts";
import { publish } from "./backup.ts";
import { InodeIndex } from "./inode-index.ts";
import {
  hiddenPlace,
  isTelling,
  manifestPlace,
  type Places,
  shelfOf,
  snapshotPlace,
} from "./layout.ts";
import type { Library } from "./listing.ts";
import { freeName } from "./names.ts";
import { type Lying, writeRecord } from "./record.ts";
import { Shelving } from "./shelving.ts";
import { Tally } from "./tally.ts";
import type { Outcomes } from "./thread-code.ts";
import { Threads } from "./threads.ts";
import { type Met, walk } from "./walking.ts";

/** What is copied, from where and to where. */
export interface Receiving {
  readonly from: Library;
  readonly to: Library;
  /** Of the first. Oldest first. */
  readonly snapshots: readonly Lying[];
  /** Names that are taken in the second. */
  readonly taken: ReadonlySet<string>;
  readonly host: Host;
  readonly sync: () => Promise<void>;
}

/** Copies snapshots, each complete or invisible. Throws `repository-damaged` when there is nothing whole to copy. */
export async function copySnapshots(
  { from, to, snapshots, taken, host, sync }: Receiving,
  work: Work,
): Promise<{
  readonly copied: readonly { readonly from: string; readonly id: string }[];
  readonly evidence: Evidence;
}> {
  await using threads = new Threads(to.name, work.signal);
  const copying = {
    from: from.places,
    to: to.places,
    index: await InodeIndex.of({ host, places: from.places }, work.signal),
    threads,
    shelving: new Shelving(to.places, sync),
    sync,
    first: from.name,
  };
  const names = new Set(taken);
  const copied: { from: string; id: string }[] = [];
  const tally = new Tally();
  for (const lying of snapshots) {
    const id = names.has(lying.name) ? freeName(to.format, lying.time, names) : lying.name;
    names.add(id);
    await copySnapshot(copying, lying, { as: id, work, tally });
    copied.push({ from: lying.name, id });
  }
  const { added = 0, unreadable, unreadableCount } = tally.evidence();
  const left =
    unreadable === undefined ? {} : { unreadable, unreadableCount: unreadableCount ?? 0 };
  return { copied, evidence: { added, ...left } };
}

interface Copying {
  readonly from: Places;
  readonly to: Places;
  /** Which content the inodes of the first are. */
  readonly index: InodeIndex;
  readonly threads: Threads;
  readonly shelving: Shelving;
  readonly sync: () => Promise<void>;
  /** What the first is called. */
  readonly first: string;
}

/** Copies a snapshot under a name that is free there. Content that is there already is only linked. */
async function copySnapshot(
  copying: Copying,
  { name, record }: Lying,
  { as, work, tally }: { readonly as: string; readonly work: Work; readonly tally: Tally },
): Promise<void> {
  const { from, to, threads, sync } = copying;
  const root = snapshotPlace(from, name);
  const tree = hiddenPlace(to, as);
  for (const folder of [to.downloading, to.manifests, tree]) mkdirSync(folder, { recursive: true });
  for (const met of walk(root)) {
    await copyPortion(copying, { met, root, tree }, tally);
    work.progress({ filesDone: tally.files, bytesDone: tally.bytes });
  }
  for (const met of walk(root)) {
    const folders = met.filter(({ kind }) => kind === "folder");
    const rows = folders.map(({ path, modified }) => `${path}\0${modified}`).join("\0");
    await threads.run({ work: "times", tree, rows });
  }
  const { atime, mtime } = statSync(root);
  utimesSync(tree, atime, mtime);
  copyTags(copying);
  if (existsSync(manifestPlace(from, name))) {
    copyFileSync(manifestPlace(from, name), manifestPlace(to, as));
  }
  if (record !== undefined) writeRecord(to, as, record);
  await publish({ places: to, name: as, sync });
}

interface Portion {
  readonly met: readonly Met[];
  readonly root: string;
  readonly tree: string;
}

async function copyPortion(copying: Copying, portion: Portion, tally: Tally): Promise<void> {
  const { threads, index } = copying;
  const { root, tree, met } = portion;
  const folders = met.filter(({ kind }) => kind === "folder").map(({ path }) => path);
  await threads.run({ work: "folders", tree, rows: folders.join("\0") });
  for (const { path } of met.filter(({ kind }) => kind === "other")) {
    tally.warn(path, "it is neither a file nor a folder");
  }
  const files = await Promise.all(
    met
      .filter(({ kind }) => kind === "file")
      .map(async ({ path, inode, size, modified }) => ({
        path,
        modified,
        size,
        hash:
          size === 0
            ? ""
            : (index.find(inode) ?? (await hashOf(threads, "hash", [join(root, path)]))),
      })),
  );
  const absent: Named[] = [];
  for (const [at, outcome] of await linkFiles(copying, { tree, files })) {
    const file = files[at];
    if (file === undefined) continue;
    if (outcome === "absent") absent.push(file);
    else tally.warn(file.path, "the file system of the copy refuses its name");
  }
  // Once for all paths that have it.
  const brought = new Map(absent.map((file) => [file.hash, file]));
  const ends = await Promise.allSettled(
    Array.from(brought.values(), async (file) => await bring(copying, file, root)),
  );
  for (const end of ends) {
    if (end.status === "rejected") throw end.reason;
    tally.added += end.value;
  }
  const failed = await linkFiles(copying, { tree, files: absent });
  if (failed.length > 0) throw new Error("content that was just copied is gone");
  for (const { size } of files) tally.kept(size);
}

/** A file, and the SHA-1 of its content: "" when it has none. */
interface Named {
  readonly path: string;
  readonly modified: number;
  readonly hash: string;
}

async function linkFiles(
  { threads, to: { sha1, etag } }: Copying,
  { tree, files }: { readonly tree: string; readonly files: readonly Named[] },
): Promise<Outcomes> {
  const rows = files.map(({ path, modified, hash }) =>
    hash === "" ? `0\0\0\0${path}\0\0${modified}` : `s\0${shelfOf(hash)}\0\0${path}\0\0`,
  );
  return await threads.run({ work: "link", sha1, etag, tree, rows: rows.join("\0") });
}

/** SHA-1 of a file, or of the copy that is made of it. */
async function hashOf(
  threads: Threads,
  work: "hash" | "copy",
  paths: readonly string[],
): Promise<string> {
  const [answer] = await threads.run({ work, rows: paths.join("\0") });
  const hash = answer?.[1] ?? "";
  if (/^[0-9a-f]{40}$/.test(hash)) return hash;
  throw new Error(`${paths.at(-1)} cannot be read (${hash})`);
}

let number = 0;

/** Brings content over. Answers with the bytes that are there in addition. */
async function bring(
  { threads, shelving, to, from, first }: Copying,
  { hash, path }: Named,
  root: string,
): Promise<number> {
  const stored = join(from.sha1, shelfOf(hash));
  const original = existsSync(stored) ? stored : join(root, path);
  number += 1;
  const file = join(to.downloading, `copy-${process.pid}-${number}`);
  const received = await shelving.receive(async () => {
    const found = await hashOf(threads, "copy", [original, file]);
    if (found === hash) return { file, sha1: hash, bytes: lstatSync(file).size };
    rmSync(file);
    throw new HoldfastError(
      "repository-damaged",
      `repository "${first}" holds damaged content: ${path} is not what it was`,
      { hint: "name all that is damaged with: holdfast check --read-data" },
    );
  });
  return received?.added ?? 0;
}

/** ETags of what is there now too: should this repository take over, nothing has to be fetched again. */
function copyTags({ from, to, index, shelving }: Copying): void {
  if (!existsSync(from.etag)) return;
  for (const folder of readdirSync(from.etag)) {
    const target = join(to.etag, folder);
    const known = new Set(existsSync(target) ? readdirSync(target) : []);
    for (const name of readdirSync(join(from.etag, folder))) {
      if (known.has(name) || !isTelling(`${folder}${name}`)) continue;
      const hash = index.find(lstatSync(join(from.etag, folder, name)).ino);
      if (hash !== undefined) shelving.tag(hash, `${folder}${name}`);
    }
  }
}
