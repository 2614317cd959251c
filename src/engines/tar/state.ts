// Knows: tar's state file (`.snar`), and how a differential archive begins with that of its full one. Must not know: which archives there are.
import { dirname } from "node:path/posix";
import type { Command, Host, Watch } from "../../hosts/host.ts";
import { StateReader } from "./output.ts";

/** What a state file says. */
export interface State {
  /** Entries of every kind but directories. */
  readonly files: number;
  /** Second in which tar began. Absent: this is no state file that we know. */
  readonly seconds?: number;
  /** It ends where one ends. */
  readonly isWhole: boolean;
  /** The folder `.`, where tar was started in one: its inode and what was in it. */
  readonly top?: { readonly inode: string; readonly names: readonly string[] };
}

/** Reads a state file. */
export async function readState(host: Host, file: string, signal: AbortSignal): Promise<State> {
  const reader = new StateReader();
  const watch: Watch = { stdoutLine: (field) => reader.hear(field) };
  // Fields end in NUL and may hold line feeds; what is looked at is how they begin.
  const translate: Command = {
    argv: ["tr", String.raw`\n\000`, String.raw`\001\n`],
    effect: "reads",
  };
  await host.pipe([{ argv: ["cat", "--", file], effect: "reads" }, translate], signal, watch);
  const { files, seconds, isWhole, top } = reader;
  return {
    files,
    isWhole,
    ...(seconds === undefined ? {} : { seconds }),
    ...(top === undefined ? {} : { top }),
  };
}

// A file's time is some milliseconds behind the clock by which tar says when it began, and two seconds
// coarse on some file systems. What changed just after it was read would count as unchanged for ever.
const graceSeconds = 2;

/** With what a differential archive is to begin. */
export interface Beginning {
  /** What has changed since this second is archived. */
  readonly since: number;
  /** Folders of which every file is archived, as tar names them and quotes them. */
  readonly again: readonly string[];
}

/** Since when things count as changed: since tar began, or since the state of its source was taken. */
export function sinceWhen(seconds: number, asOf: Date | undefined): number {
  const taken = asOf === undefined ? seconds : Math.floor(asOf.getTime() / 1000);
  return Math.min(seconds, taken) - graceSeconds;
}

/** The folders that files which could not be read are in. */
export function foldersOf(members: readonly string[]): readonly string[] {
  return [...new Set(members.map((member) => dirname(member)))];
}

/**
 * Copies a state file, changed: its time is another; folders are known by path and inode only, so that a
 * moved one is archived as a new one is (a part of such an archive can then be restored like any other,
 * and so can one made of a snapshot, which is another device each time); and folders in `again` count as new.
 */
export function beginCommands(
  from: string,
  to: string,
  { since, again }: Beginning,
): readonly Command[] {
  const renew = again.map(
    (member) => String.raw`/^[0-9]+\x00${asExpression(member)}$/s/^[0-9]+/0/`,
  );
  // A folder's record begins with 0 or 1; nothing else does. Then: two fields of its time, device, inode, name.
  const script = [
    `1{s/[0-9]+$/${since}/;n;b`,
    "}",
    "/^[01]$/{n;n;n;s/.*/0/;n;N",
    ...renew,
    "}",
  ].join("\n");
  return [
    {
      argv: ["sed", "--null-data", "--regexp-extended", "--file=-", "--", from],
      stdin: `${script}\n`,
      // Names are bytes.
      env: { LC_ALL: "C" },
      effect: "writes",
    },
    { argv: ["dd", `of=${to}`, "bs=64K", "status=none"], effect: "writes" },
  ];
}

/** Matches the bytes of a name that tar has quoted (`escape`), and nothing else. */
function asExpression(quoted: string): string {
  const parts = [...quoted.matchAll(/\\[0-7]{3}|\\.|[^\\]/gsu)].map(([part]) => part);
  return parts.map(byteExpression).join("");
}

const lettered: Readonly<Record<string, string>> = {
  "\\a": "\\x07",
  "\\b": "\\x08",
  "\\t": "\\x09",
  "\\n": "\\x0a",
  "\\v": "\\x0b",
  "\\f": "\\x0c",
  "\\r": "\\x0d",
};

function byteExpression(part: string): string {
  if (/^[A-Za-z0-9_ -]$/.test(part)) return part;
  if (part.length === 4) return `\\x${hex(Number.parseInt(part.slice(1), 8))}`;
  const letter = lettered[part];
  if (letter !== undefined) return letter;
  const plain = part.startsWith("\\") ? part.slice(1) : part;
  // In brackets every one of these means itself, but for two.
  if (plain === "^" || plain === "\\") return `\\${plain}`;
  if (plain === "/") return String.raw`\/`;
  return [...Buffer.from(plain)]
    .map((byte) => (byte < 128 ? `[${plain}]` : `\\x${hex(byte)}`))
    .join("");
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
