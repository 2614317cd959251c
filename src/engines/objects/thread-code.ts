// Knows: what threads do to files: link them, look at them, hash them. Must not know: which, and why.
import type * as Crypto from "node:crypto";
import type * as FileSystem from "node:fs";
import type * as Path from "node:path";

/*
 * These functions run in threads, which get them as text: from a bundle as well as from sources, there is no
 * file to be found. So they use nothing but what they are handed and each other, and no imports but of types.
 */

/** What they work with. */
export interface Bench {
  readonly fs: typeof FileSystem;
  readonly path: typeof Path.posix;
  readonly crypto: typeof Crypto;
  /** Of content that has all the links its file system allows: which further inode is in use. */
  readonly spilled: Map<string, number>;
  /** Tells threads apart. */
  readonly thread: number;
}

/** Fields of all rows, one after another, with zero bytes between. For "again" they are lines of a manifest. */
export interface Task {
  readonly work: "again" | "link" | "folders" | "times" | "hash" | "copy" | "compare";
  readonly rows: string;
  /** Where content is: what rows say is below these. */
  readonly sha1?: string;
  readonly etag?: string;
  /** Where it is wanted. */
  readonly tree?: string;
}

/** Of each row that did not just do what it was to: its number, and what became of it. */
export type Outcomes = readonly (readonly [row: number, outcome: string])[];

/** Does a task. What concerns a single row is in the outcomes; anything else is thrown. */
function carryOutTask(bench: Bench, task: Task): Outcomes {
  const fields = task.rows === "" ? [] : task.rows.split(task.work === "again" ? "\n" : "\0");
  const width = { again: 1, link: 6, folders: 1, times: 2, hash: 1, copy: 2, compare: 2 }[
    task.work
  ];
  const outcomes: (readonly [number, string])[] = [];
  for (let row = 0, at = 0; at < fields.length; row += 1, at += width) {
    const outcome = carryOutRow(bench, task, fields.slice(at, at + width));
    if (outcome !== "done") outcomes.push([row, outcome]);
  }
  return outcomes;
}

function carryOutRow(bench: Bench, task: Task, fields: readonly string[]): string {
  const [first = "", second = ""] = fields;
  switch (task.work) {
    case "again":
      return linkLine(bench, task, first);
    case "link":
      return linkRow(bench, task, fields);
    case "folders":
      return makeFolder(bench, `${task.tree}/${first}`);
    case "times":
      setTime(bench, `${task.tree}/${first}`, second);
      return "done";
    case "hash":
      return hashFile(bench, first);
    case "copy":
      copyContent(bench, first, second);
      return hashFile(bench, second);
    case "compare":
      return compareSize(bench, `${task.tree}/${first}`, Number(second));
  }
}

function compareSize({ fs }: Bench, path: string, size: number): string {
  const state = fs.lstatSync(path, { throwIfNoEntry: false });
  if (state === undefined || !state.isFile()) return "absent";
  return state.size === size ? "done" : "other";
}

/**
 * One name of a snapshot, as it was in the last one. What is looked for stands in the line as it is: within a text,
 * JSON has a backslash before each quotation mark.
 */
function linkLine(bench: Bench, task: Task, line: string): string {
  const at = line.indexOf(',"path":"') + 9;
  const plain = line.slice(at, line.indexOf('"', at));
  const to = plain.includes("\\") ? String(JSON.parse(line).path) : plain;
  const content = line.indexOf(',"content":"');
  const from = content === -1 ? line.indexOf(',"sha1":"') + 9 : content + 12;
  const shelf = `${line.slice(from, from + 2)}/${line.slice(from + 2, from + 40)}`;
  return link(bench, `${task.sha1}/${shelf}`, `${task.tree}/${to}`);
}

/**
 * One name of a snapshot. The first field says how:
 *   s  a link to the content with this SHA-1
 *   e  a link to the content with this ETag
 *   c  whichever of the two can be trusted
 *   0  an empty file
 */
function linkRow(bench: Bench, task: Task, fields: readonly string[]): string {
  const [how = "", content = "", tag = "", name = "", size, modified = ""] = fields;
  const to = `${task.tree}/${name}`;
  switch (how) {
    case "s":
      return link(bench, `${task.sha1}/${content}`, to);
    case "e":
      return link(bench, `${task.etag}/${tag}`, to);
    case "0":
      return makeEmpty(bench, to, modified);
    default:
      return linkTrusted(
        bench,
        {
          content: pathBelow(task.sha1, content),
          tag: pathBelow(task.etag, tag),
          size: Number(size),
          modified,
        },
        to,
      );
  }
}

function pathBelow(folder: string | undefined, path: string): string {
  return path === "" ? "" : `${folder}/${path}`;
}

interface Candidates {
  readonly content: string;
  readonly tag: string;
  readonly size: number;
  readonly modified: string;
}

/** "absent": it has to be fetched. "verify": the content at the ETag has to be hashed first. */
function linkTrusted(bench: Bench, candidates: Candidates, to: string): string {
  const { content, tag, size, modified } = candidates;
  const byHash = look(bench, content);
  const byTag = look(bench, tag);
  if (byTag?.size === size && byHash?.ino !== byTag.ino) {
    // With another name it is what was fetched; alone it may be a copy of it.
    if (content !== "" || byTag.nlink === 1) return "verify";
    const outcome = link(bench, tag, to);
    return outcome === "done" ? "tagged" : outcome;
  }
  if (byHash?.size !== size) return "absent";
  if (isOursAlone(byHash, byTag)) setTime(bench, content, modified);
  return link(bench, content, to);
}

/** No snapshot has it yet, so its time is nobody else's. */
function isOursAlone(
  { nlink, ino }: FileSystem.Stats,
  byTag: FileSystem.Stats | undefined,
): boolean {
  return nlink === (byTag?.ino === ino ? 2 : 1);
}

function look({ fs }: Bench, path: string): FileSystem.Stats | undefined {
  return path === "" ? undefined : fs.statSync(path, { throwIfNoEntry: false });
}

function link(bench: Bench, from: string, to: string): string {
  const number = bench.spilled.get(from);
  if (number !== undefined) return linkFurther(bench, { from, to, number });
  try {
    bench.fs.linkSync(from, to);
    return "done";
  } catch (error) {
    const code = codeOfFailure(error);
    if (code === "EMLINK") return linkFurther(bench, { from, to, number: 2 });
    if (code !== "ENOENT") return misfit(error);
    if (bench.fs.statSync(from, { throwIfNoEntry: false }) === undefined) return "absent";
    const outcome = makeFolder(bench, bench.path.dirname(to));
    return outcome === "done" ? linkOnce(bench, from, to) : outcome;
  }
}

function linkOnce(bench: Bench, from: string, to: string): string {
  try {
    bench.fs.linkSync(from, to);
    return "done";
  } catch (error) {
    if (codeOfFailure(error) === "EMLINK") return linkFurther(bench, { from, to, number: 2 });
    return codeOfFailure(error) === "ENOENT" ? "absent" : misfit(error);
  }
}

/** File systems limit the links to one inode: 65,000 on ext4. Then content has several. */
function linkFurther(
  bench: Bench,
  { from, to, number }: { from: string; to: string; number: number },
): string {
  const { fs } = bench;
  for (let at = number; ; at += 1) {
    const further = `${from}.${at}`;
    if (fs.statSync(further, { throwIfNoEntry: false }) === undefined) {
      copyInode(bench, from, further);
    }
    fs.mkdirSync(bench.path.dirname(to), { recursive: true });
    try {
      fs.linkSync(further, to);
      bench.spilled.set(from, at);
      return "done";
    } catch (error) {
      if (codeOfFailure(error) !== "EMLINK") return misfit(error);
    }
  }
}

function copyInode({ fs, thread }: Bench, from: string, to: string): void {
  const passing = `${to}.${thread}.downloading`;
  const { atime, mtime } = fs.statSync(from);
  fs.copyFileSync(from, passing, fs.constants.COPYFILE_FICLONE);
  const file = fs.openSync(passing, "r+");
  fs.futimesSync(file, atime, mtime);
  fs.fsyncSync(file);
  fs.closeSync(file);
  try {
    fs.linkSync(passing, to);
  } catch (error) {
    // Another thread had the same need.
    if (codeOfFailure(error) !== "EEXIST") throw error;
  }
  fs.unlinkSync(passing);
}

function makeEmpty(bench: Bench, path: string, modified: string): string {
  const { fs } = bench;
  for (const attempt of ["first", "with its folder"]) {
    try {
      fs.closeSync(fs.openSync(path, "wx"));
      setTime(bench, path, modified);
      return "done";
    } catch (error) {
      if (codeOfFailure(error) !== "ENOENT" || attempt !== "first") return misfit(error);
      const outcome = makeFolder(bench, bench.path.dirname(path));
      if (outcome !== "done") return outcome;
    }
  }
  return "absent";
}

function makeFolder({ fs }: Bench, path: string): string {
  try {
    fs.mkdirSync(path, { recursive: true });
    return "done";
  } catch (error) {
    return misfit(error);
  }
}

function setTime({ fs }: Bench, path: string, modified: string): void {
  if (modified === "") return;
  try {
    fs.utimesSync(path, Number(modified), Number(modified));
  } catch {
    // A time that the file system cannot hold, or of a file of another user: it keeps the one it has.
  }
}

/** With its time. */
function copyContent({ fs }: Bench, from: string, to: string): void {
  fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE);
  const { atime, mtime } = fs.lstatSync(from);
  fs.utimesSync(to, atime, mtime);
}

function hashFile({ fs, crypto }: Bench, path: string): string {
  const hash = crypto.createHash("sha1");
  const buffer = new Uint8Array(1024 * 1024);
  let file = -1;
  try {
    file = fs.openSync(path, "r");
    for (let count = -1; count !== 0;) {
      count = fs.readSync(file, buffer, 0, buffer.length, null);
      hash.update(buffer.subarray(0, count));
    }
    return hash.digest("hex");
  } catch (error) {
    return `failed:${codeOfFailure(error)}`;
  } finally {
    if (file !== -1) fs.closeSync(file);
  }
}

function codeOfFailure(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** What a file system says against one name. Anything else concerns all of them. */
function misfit(error: unknown): string {
  const code = codeOfFailure(error);
  const known = ["EEXIST", "ENAMETOOLONG", "EILSEQ", "EINVAL", "ENOTDIR", "EISDIR", "ELOOP"];
  if (known.includes(code)) return `misfit:${code}`;
  throw error;
}

/** All of the above as text, for a thread. */
export function threadCode(): string {
  const functions = [
    carryOutTask,
    carryOutRow,
    compareSize,
    linkLine,
    linkRow,
    pathBelow,
    linkTrusted,
    isOursAlone,
    look,
    link,
    linkOnce,
    linkFurther,
    copyInode,
    makeEmpty,
    makeFolder,
    setTime,
    copyContent,
    hashFile,
    codeOfFailure,
    misfit,
  ];
  return `"use strict";
const { parentPort, threadId } = require("node:worker_threads");
Error.stackTraceLimit = 0;
const bench = {
  fs: require("node:fs"),
  path: require("node:path").posix,
  crypto: require("node:crypto"),
  spilled: new Map(),
  thread: threadId,
};
${functions.map(String).join("\n")}
parentPort.on("message", ({ number, task }) => {
  try {
    parentPort.postMessage({ number, outcomes: ${carryOutTask.name}(bench, task) });
  } catch (error) {
    const { code, message } = error;
    parentPort.postMessage({ number, failure: { code: String(code ?? ""), message: String(message) } });
  }
});
`;
}
