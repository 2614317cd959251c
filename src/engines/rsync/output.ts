// Knows: what rsync prints, in words and figures. Must not know: what that means for a backup.
import type { Progress } from "../../kernel/progress.ts";

/** What `--stats` says at the end. */
export interface Statistics {
  /** All that the sources hold: files, folders, links. */
  readonly entries: number;
  readonly files: number;
  /** Everything but folders. */
  readonly leaves: number;
  readonly created: number;
  readonly deleted: number;
  readonly transferred: number;
  readonly bytes: number;
  readonly transferredBytes: number;
}

const wanted: Readonly<Record<string, RegExp>> = {
  entries: /^Number of files: (\d+)/,
  files: /^Number of files: \d+ \(.*?\breg: (\d+)/,
  folders: /^Number of files: \d+ \(.*?\bdir: (\d+)/,
  created: /^Number of created files: (\d+)/,
  deleted: /^Number of deleted files: (\d+)/,
  transferred: /^Number of (?:regular )?files transferred: (\d+)/,
  bytes: /^Total file size: (\d+)/,
  transferredBytes: /^Total transferred file size: (\d+)/,
};

/** Collects statistics from lines as they come. A file can be called like a line of them: the last counts. */
export class StatisticsReader {
  readonly #found = new Map<string, number>();

  hear(line: string): void {
    if (!/^(Number|Total) /.test(line)) return;
    // A later kind of line may lack a figure that an impostor had.
    if (line.startsWith("Number of files: ")) {
      for (const name of ["files", "folders"]) this.#found.delete(name);
    }
    for (const [name, pattern] of Object.entries(wanted)) {
      const figure = pattern.exec(line)?.[1];
      if (figure !== undefined) this.#found.set(name, Number(figure));
    }
  }

  /** Nothing when rsync did not come to its end. */
  statistics(): Statistics | undefined {
    if (!this.#found.has("entries") || !this.#found.has("bytes")) return undefined;
    const figure = (name: string): number => this.#found.get(name) ?? 0;
    return {
      entries: figure("entries"),
      files: figure("files"),
      leaves: figure("entries") - figure("folders"),
      created: figure("created"),
      deleted: figure("deleted"),
      transferred: figure("transferred"),
      bytes: figure("bytes"),
      transferredBytes: figure("transferredBytes"),
    };
  }
}

const progressLine =
  /^\s*(?<bytes>\d+)\s+(?<percent>\d+)%\s+\S+\s+(?<time>\d+:\d\d:\d\d)(?:\s+\(xfr#\d+, (?:ir|to)-chk=(?<left>\d+)\/(?<all>\d+)\))?/;

/** Reads one state of `--info=progress2`. */
export function parseProgress(line: string): Progress | undefined {
  const { bytes, percent, left, all } = progressLine.exec(line)?.groups ?? {};
  if (bytes === undefined || percent === undefined) return undefined;
  const done = Number(bytes);
  const share = Number(percent) / 100;
  // What was left out as unchanged is not in the bytes, so this is no more than an estimate.
  const total = share > 0 ? Math.max(done, Math.round(done / share)) : done;
  const files = left === undefined || all === undefined ? undefined : Number(all) - Number(left);
  return {
    bytesDone: done,
    bytesTotal: total,
    ...(files === undefined ? {} : { filesDone: files, filesTotal: Number(all) }),
  };
}

/** A name as rsync prints it, with bytes that are no text written as `\#ooo`, read back. */
export function unescapeName(printed: string): string {
  if (!printed.includes("\\#")) return printed;
  const bytes: Buffer[] = [];
  let rest = printed;
  for (;;) {
    const match = /\\#([0-7]{3})/.exec(rest);
    if (match === null) break;
    bytes.push(
      Buffer.from(rest.slice(0, match.index)),
      Buffer.of(Number.parseInt(match[1] ?? "0", 8)),
    );
    rest = rest.slice(match.index + match[0].length);
  }
  return Buffer.concat([...bytes, Buffer.from(rest)]).toString("utf8");
}

/** One thing that rsync complains of. */
export interface Complaint {
  readonly kind:
    | "unreadable"
    | "vanished"
    /** Owner, times or attributes could not be set: what the file holds is there. */
    | "attributes"
    /** What is to be written cannot be written. */
    | "unwritable"
    | "deletions-stopped"
    | "deletions-skipped"
    | "other";
  readonly text: string;
  /** The file it is about. */
  readonly path?: string;
  /** How many, of deletions. */
  readonly count?: number;
}

const quoted = /"(?<path>.*)"/s;
// Which end speaks: from rsync 3.2 on it says so, before that the words tell.
const ofTarget = /^rsync: \[(receiver|generator)\]/i;
const ofSource =
  /^rsync: \[sender\]|^rsync: (send_files failed to open|read errors mapping|opendir |readdir\(|readlink_stat|change_dir|link_stat|get_acl|get_xattr)/;
const ofAttributes =
  /failed to set (times|permissions|owner)|\bch(own|grp|mod|flags)\b|set_acl|sys_acl|rsync_xal|l?setxattr|lremovexattr|failed to set_xattr/;
const noise =
  /^rsync error: |^cannot delete |-dest arg (is not a dir|does not exist)|^Warning: Permanently added|^\s*$|^rsync warning: some files vanished/;

const plainKinds: readonly (readonly [RegExp, Complaint["kind"]])[] = [
  [/^(file|directory) has vanished: /, "vanished"],
  [/^IO error encountered -- skipping file deletion/, "deletions-skipped"],
];

/** Reads one line of standard error; nothing when it is of no interest. */
export function parseComplaint(line: string): Complaint | undefined {
  if (noise.test(line)) return undefined;
  const text = unescapeName(line);
  const path = quoted.exec(text)?.groups?.["path"];
  const about = { text, ...(path === undefined ? {} : { path }) };
  const plain = plainKinds.find(([pattern]) => pattern.test(line))?.[1];
  if (plain !== undefined) return { kind: plain, ...about };
  const stopped = /^Deletions stopped due to --max-delete limit \((\d+) skipped\)/.exec(line)?.[1];
  if (stopped !== undefined) return { kind: "deletions-stopped", text, count: Number(stopped) };
  return { kind: kindOf(line), ...about };
}

function kindOf(line: string): Complaint["kind"] {
  if (!line.startsWith("rsync: ")) return "other";
  if (!ofTarget.test(line) && ofSource.test(line)) return "unreadable";
  return ofAttributes.test(line) ? "attributes" : "unwritable";
}

/** The link that `--safe-links` left out, when a line of standard output says so. */
export function parseUnsafeLink(line: string): string | undefined {
  const { name } = /^ignoring unsafe symlink "(?<name>.*)" -> ".*"$/.exec(line)?.groups ?? {};
  return name === undefined ? undefined : unescapeName(name);
}

/** A line of `--out-format=%i %n`: what differs, and of which file. */
export function parseItemized(
  line: string,
): { readonly what: string; readonly name: string } | undefined {
  const { what, name } =
    /^(?<what>[<>ch.*][fdLDS][.a-zA-Z+?]{9,}) (?<name>.+)$/s.exec(line)?.groups ?? {};
  return what === undefined || name === undefined ? undefined : { what, name: unescapeName(name) };
}
