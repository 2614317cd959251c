// Knows: how archives and the files beside them are named. Must not know: what is in them.

/** What the name of an archive says of it. */
export interface ArchiveName {
  /** The file's name. */
  readonly file: string;
  /** The name without what tells its format: the snapshot's id. */
  readonly id: string;
  readonly kind: "full" | "differential";
  /** When it was begun, as far as the name tells: local time. */
  readonly time: Date;
  readonly compress: Compression;
  readonly encrypt: "none" | "gpg" | "age";
}

export type Compression = "none" | "gzip" | "zstd";

const suffixes = { none: ".tar", gzip: ".tar.gz", zstd: ".tar.zst" } as const;
const encryptions = { none: "", gpg: ".gpg", age: ".age" } as const;

// `2026-02-21-03-full.tar.gz.gpg`, as the Nextcloud backup script names archives; ours add minutes,
// seconds and, when there was one already, a number.
const pattern =
  /^((\d{4})-(\d\d)-(\d\d)-(\d\d)(?:-(\d\d)-(\d\d)(?:-\d+)?)?-(full|differential))\.tar(\.gz|\.zst)?(\.gpg|\.age)?$/;

/** Reads the name of an archive; undefined for every other file. Never throws. */
export function parseArchiveName(file: string): ArchiveName | undefined {
  const match = pattern.exec(file);
  if (match === null) return undefined;
  const [, id = "", ...parts] = match;
  const [kind, zip, lock] = parts.slice(6);
  const time = localTimeOf(parts.slice(0, 6));
  if (time === undefined) return undefined;
  return {
    file,
    id,
    kind: kind === "full" ? "full" : "differential",
    time,
    compress: zip === undefined ? "none" : zip === ".gz" ? "gzip" : "zstd",
    encrypt: lock === undefined ? "none" : lock === ".gpg" ? "gpg" : "age",
  };
}

/** Year, month, day, hour and perhaps minute and second; undefined for a day that does not exist. */
function localTimeOf(parts: readonly (string | undefined)[]): Date | undefined {
  const [year, month, day, hour, minute, second] = parts.map((part) => Number(part ?? 0));
  const time = new Date(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return time.getMonth() + 1 === month && time.getDate() === day ? time : undefined;
}

/** Names a new archive, unlike every one that is there. */
export function newArchiveName(options: {
  readonly kind: "full" | "differential";
  readonly now: Date;
  readonly compress: Compression;
  readonly encrypt: "none" | "gpg" | "age";
  readonly taken: ReadonlySet<string>;
}): ArchiveName {
  const { kind, now, compress, encrypt, taken } = options;
  const parts = [
    String(now.getFullYear()).padStart(4, "0"),
    ...[now.getMonth() + 1, now.getDate(), now.getHours(), now.getMinutes(), now.getSeconds()].map(
      (part) => String(part).padStart(2, "0"),
    ),
  ].join("-");
  for (let number = 1; ; number += 1) {
    const id = `${parts}${number === 1 ? "" : `-${number}`}-${kind}`;
    if (taken.has(id)) continue;
    const file = `${id}${suffixes[compress]}${encryptions[encrypt]}`;
    return { file, id, kind, time: now, compress, encrypt };
  }
}

/** tar's own record of what a full archive holds: differential ones begin with a copy of it. */
export function stateFile(id: string): string {
  return `${id}.snar`;
}

/** What is known of an archive, beside it. Nobody needs it to restore. */
export function manifestFile(id: string): string {
  return `${id}.manifest.json`;
}

/** The file by which a folder is known to be a repository of archives. */
export const markerFile = ".holdfast-tar.json";

/** Something small that the passphrase opens, so that a wrong one is noticed before it is used. */
export const keyCheckFile = ".holdfast-key-check.gpg";

/** Where archives are made, under names that no listing takes for one. */
export const newArchiveFile = ".holdfast-new.archive";
export const newStateFile = ".holdfast-new.snar";
export const newManifestFile = ".holdfast-new.manifest.json";

/** What a copy of a file that is still being received is called. */
export function receivingFile(file: string): string {
  return `.holdfast-receiving-${file}`;
}

/**
 * Whether a run that ended before its time left this file. What is half received is wanted once more: only
 * when all is tidied up is it a leftover.
 */
export function isLeftover(
  file: string,
  archives: ReadonlySet<string>,
  received: "keep" | "discard" = "discard",
): boolean {
  if (file.startsWith(".holdfast-receiving-")) return received === "discard";
  if (file.startsWith(".holdfast-new.") || file === `${keyCheckFile}.new`) return true;
  if (isPredecessors(file)) return true;
  const beside = /^(.*)\.(snar|manifest\.json)$/.exec(file)?.[1];
  return beside !== undefined && isArchive(beside) && !archives.has(beside);
}

/** Its copy of the state, and what gpg had not finished. */
function isPredecessors(file: string): boolean {
  const copied = /^(.*-full)\.snar\.copy$/.exec(file)?.[1];
  if (copied !== undefined) return isArchive(copied);
  const unfinished = /^(.*)\.part$/.exec(file)?.[1];
  return unfinished !== undefined && parseArchiveName(unfinished)?.encrypt === "gpg";
}

/** Somebody else may have files here of which only the end is alike. */
function isArchive(id: string): boolean {
  return parseArchiveName(`${id}${suffixes.none}`) !== undefined;
}
