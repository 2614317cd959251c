// Knows: how one name after another comes into a snapshot, and what is fetched for it. Must not know: when it is complete.
import type { ObjectFile, StoredObject } from "../../kernel/prepared-source.ts";
import type { Doubts } from "./doubts.ts";
import type { Fetching } from "./fetching.ts";
import type { FolderEntry, Portion, Wanted } from "./joining.ts";
import { isTelling, type Places, reasonAgainst, shelfOf } from "./layout.ts";
import {
  contentInLine,
  fileLine,
  folderLine,
  identityOf,
  type Kept,
  lastingHoleInLine,
  parseLine,
} from "./manifest.ts";
import { adopt } from "./shelving.ts";
import type { Tally } from "./tally.ts";
import type { Outcomes } from "./thread-code.ts";
import type { Threads } from "./threads.ts";
import { linkUnchanged } from "./unchanged.ts";

/** A snapshot in the making. */
export interface Workplace {
  readonly places: Places;
  /** Where its files go. */
  readonly tree: string;
  readonly threads: Threads;
  readonly fetching: Fetching;
  readonly doubts: Doubts;
  readonly tally: Tally;
}

/** A file on its way into the snapshot. */
interface Row {
  readonly wanted: Wanted;
  identity: string;
  /** As `linkRow` in thread-code.ts understands it; "" once it is settled. */
  how: "s" | "e" | "c" | "0" | "";
  /** SHA-1 of its content, as far as is known. */
  content?: string;
  /** What was found out only now. */
  isNews: boolean;
  hole?: string;
  /** See `Kept`. */
  lasting?: boolean;
  /** What makes a hole or a difference nothing to worry about. */
  excuse?: string;
}

// What is linked may be pruned at that moment by another process. Not that often.
const mostRounds = 5;

/** Makes a portion of a snapshot. Answers with its lines for the manifest. */
export async function makePortion(workplace: Workplace, portion: Portion): Promise<string> {
  return portion.kind === "folders"
    ? await makeFolders(workplace, portion.folders)
    : await makeFiles(workplace, portion.files);
}

async function makeFolders(
  { threads, tree, tally }: Workplace,
  folders: readonly FolderEntry[],
): Promise<string> {
  const possible = folders.filter(({ path }) => {
    const reason = reasonAgainst(path);
    if (reason !== undefined) tally.warn(path, reason);
    return reason === undefined;
  });
  const rows = possible.map(({ path }) => path).join("\0");
  const outcomes = await threads.run({ work: "folders", tree, rows });
  const failed = new Map(outcomes);
  let lines = "";
  for (const [index, { path, modified }] of possible.entries()) {
    const outcome = failed.get(index);
    if (outcome === undefined) lines += folderLine(path, modified);
    else tally.warn(path, wordsFor(outcome));
  }
  return lines;
}

async function makeFiles(workplace: Workplace, files: readonly Wanted[]): Promise<string> {
  const lines = Array.from(files, () => "");
  const others = await linkUnchanged(workplace, files, lines);
  const rows = others.flatMap((index) => {
    const wanted = files[index];
    return wanted === undefined ? [] : [{ index, row: rowOf(wanted) }];
  });
  await linkWithCare(
    workplace,
    rows.map(({ row }) => row),
  );
  for (const { index, row } of rows) {
    await lookAgain(workplace, row);
    lines[index] = finish(row, workplace.tally);
  }
  return lines.join("");
}

/** Links files, and does for each what it needs before. Afterwards all are settled. */
async function linkWithCare(workplace: Workplace, rows: readonly Row[]): Promise<void> {
  let open = rows.filter(({ how }) => how !== "");
  for (let round = 1; open.length > 0; round += 1) {
    const outcomes = await linkRows(workplace, open);
    const failed = outcomes.flatMap(([index, outcome]) => {
      const row = open[index];
      return row === undefined ? [] : [{ row, outcome }];
    });
    const again = failed.map(async ({ row, outcome }) => {
      await overcome(workplace, row, outcome);
      return row.how === "" ? [] : [row];
    });
    open = (await Promise.all(again)).flat();
    if (round < mostRounds) continue;
    for (const row of open) settle(row, { hole: "its content vanished again and again" });
    open = [];
  }
}

/** Decides from what is known how a file comes into the snapshot. */
function rowOf(wanted: Wanted): Row {
  const { object } = wanted;
  const entry = withProperHash(wanted.entry);
  const identity = identityOf(entry, object);
  const row: Row = { wanted: { ...wanted, entry }, identity, how: "c", isNews: true };
  const hole = reasonAgainst(entry.path) ?? entry.refused;
  if (hole !== undefined) return { ...row, how: "", hole };
  if (entry.size === 0) return { ...row, how: "0" };
  if (object === undefined) {
    const content = entry.sha1 ?? contentOfLost(wanted);
    if (content !== undefined) return { ...row, content };
    return { ...row, how: "", hole: `the store has no object ${entry.key}` };
  }
  return { ...row, ...asBefore(wanted, { entry, object, identity }) };
}

/** What the last snapshot tells of a file whose row and object are what they were; else what its row does. */
function asBefore(
  { earlier = "" }: Wanted,
  now: { readonly entry: ObjectFile; readonly object: StoredObject; readonly identity: string },
): Partial<Row> {
  const { entry, object, identity } = now;
  const lasting = lastingHoleInLine(earlier, identity);
  if (lasting !== undefined) return { how: "", hole: lasting, lasting: true };
  const known = contentInLine(earlier, identity, entry.sha1);
  if (known === "") return { how: isTelling(object.etag) ? "e" : "c", isNews: false };
  if (known !== undefined) return { how: "s", content: known, isNews: false };
  return entry.sha1 === undefined ? {} : { content: entry.sha1 };
}

/** What is no SHA-1 must not become a path. */
function withProperHash(entry: ObjectFile): ObjectFile {
  if (entry.sha1 === undefined || /^[0-9a-f]{40}$/.test(entry.sha1)) return entry;
  const { sha1: _, ...rest } = entry;
  return rest;
}

/** Content of an object that is gone, when the last snapshot had the same file. */
function contentOfLost({ entry, earlier }: Wanted): string | undefined {
  const line = earlier === undefined ? undefined : parseLine(earlier);
  const isSame = line?.size === entry.size && line.modified === entry.modified;
  return isSame && line.hole === undefined ? (line.content ?? line.sha1) : undefined;
}

async function linkRows(
  { threads, places, tree }: Workplace,
  open: readonly Row[],
): Promise<Outcomes> {
  const { sha1, etag } = places;
  const rows = open.map(fieldsOf).join("\0");
  return await threads.run({ work: "link", sha1, etag, tree, rows });
}

function fieldsOf({ how, content, wanted: { entry, object } }: Row): string {
  const shelf = content === undefined ? "" : shelfOf(content);
  if (how === "s") return `s\0${shelf}\0\0${entry.path}\0\0`;
  const tag = object !== undefined && isTelling(object.etag) ? shelfOf(object.etag) : "";
  const size = object?.size ?? entry.size;
  return `${how}\0${shelf}\0${tag}\0${entry.path}\0${size}\0${entry.modified ?? ""}`;
}

/** Does what a file needs before it can be linked, or settles that it cannot. */
async function overcome(workplace: Workplace, row: Row, outcome: string): Promise<void> {
  const { object, entry } = row.wanted;
  if (outcome === "tagged") {
    row.isNews = false;
    return settle(row, {});
  }
  if (outcome === "verify" && object !== undefined)
    return await verify(workplace, row, object.etag);
  if (outcome !== "absent") return settle(row, { hole: wordsFor(outcome) });
  if (object === undefined) return settle(row, { hole: `the store has no object ${entry.key}` });
  const { sha1: claimed, modified } = entry;
  const obtained = await workplace.fetching.fetch({
    object,
    ...(claimed === undefined ? {} : { claimed }),
    ...(modified === undefined ? {} : { modified }),
  });
  if (obtained.kind === "hole") {
    const { reason: hole, lasting = false } = obtained;
    return settle(row, { hole, lasting });
  }
  workplace.tally.added += obtained.added;
  if (obtained.replaced) {
    row.identity = identityOf(entry, undefined);
    workplace.tally.note(
      `${entry.path} was replaced while it was backed up: its newer content was taken`,
    );
  }
  row.how = "s";
  row.content = obtained.sha1;
}

/** What lies at an ETag is hashed, because the row says something else or nothing else vouches for it. */
async function verify({ threads, places }: Workplace, row: Row, etag: string): Promise<void> {
  const file = `${places.etag}/${shelfOf(etag)}`;
  const [answer] = await threads.run({ work: "hash", rows: file });
  const found = answer?.[1] ?? "";
  if (!/^[0-9a-f]{40}$/.test(found)) {
    // Pruned by another process in this moment: looked for anew, and then fetched.
    row.how = "c";
    return;
  }
  adopt(places, { etag, sha1: found });
  row.how = "s";
  row.content = found;
}

function settle(row: Row, kept: Kept): void {
  row.how = "";
  if (kept.hole === undefined) delete row.content;
  else Object.assign(row, kept);
}

/**
 * What does not fit may have changed since the application was asked, which has the object before it has the
 * row: then it is no fault.
 */
async function lookAgain({ doubts }: Workplace, row: Row): Promise<void> {
  const { entry, object } = row.wanted;
  const isLost = object === undefined && row.hole !== undefined && entry.refused === undefined;
  const difference = row.hole === undefined && row.isNews ? differenceOf(row) : undefined;
  if (!isLost && (difference === undefined || entry.size === 0)) return;
  const files = await doubts.lookAgain(entry.key);
  if (files === undefined) return;
  const now = files.find(({ path }) => path === entry.path);
  if (now === undefined) row.excuse = "was moved or removed while it was backed up";
  else if (object !== undefined && isWhat(now, object.size, row.content)) {
    row.excuse = "was replaced while it was backed up: its newer content was taken";
  }
}

function isWhat({ size, sha1 }: ObjectFile, bytes: number, content: string | undefined): boolean {
  return size === bytes && (sha1 === undefined || sha1 === content);
}

/** The line of a file that is in the snapshot or known to be missing from it. */
function finish(row: Row, tally: Tally): string {
  const { wanted, identity, content, hole, lasting = false } = row;
  const { entry, object } = wanted;
  const { size, sha1 } = entry;
  tell(row, tally);
  if (hole !== undefined) return fileLine(identity, entry, { hole, lasting });
  tally.kept(size === 0 ? 0 : (object?.size ?? size));
  const kept = size === 0 ? sha1 : content;
  return fileLine(identity, entry, kept === undefined ? {} : { content: kept });
}

/** Says what is to be said of a file: once, as far as it is known to have been so before. */
function tell(row: Row, tally: Tally): void {
  const { hole, isNews, excuse } = row;
  const { path, size } = row.wanted.entry;
  const said = hole ?? (size === 0 ? undefined : differenceOf(row));
  if (said === undefined) return;
  if (excuse !== undefined) tally.note(`${path} ${excuse}`);
  else if (hole !== undefined || isNews) tally.warn(path, said);
  else tally.remind(path);
}

/** How what is kept differs from what the application believes. */
function differenceOf({ wanted: { entry, object }, content }: Row): string | undefined {
  const { key, size, sha1 } = entry;
  if (object === undefined) return `the store has no object ${key}; an earlier backup had it`;
  if (object.size !== size) {
    return `the application says ${size} bytes, its object has ${object.size}; those were taken`;
  }
  if (sha1 === undefined || content === sha1) return undefined;
  return "its content is not what its checksum says; the content was taken";
}

/** What a file system has against a name. */
function wordsFor(outcome: string): string {
  switch (outcome.replace(/^misfit:/, "")) {
    case "EEXIST":
      return "there is another file of this name in the snapshot already, or the file system does not tell them apart";
    case "ENAMETOOLONG":
      return "its name or path is too long for the file system";
    case "ENOTDIR":
      return "a part of its path is a file";
    case "EISDIR":
      return "there is a folder of this name";
    default:
      return `the file system refuses its name (${outcome.replace(/^misfit:/, "")})`;
  }
}
