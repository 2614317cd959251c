// Knows: how a dump is measured, compressed and kept as a file. Must not know: which database it is of.
import type { Command } from "../hosts/host.ts";
import type { DumpCompression } from "./database.ts";

// Everything that comes in goes out, and at the end standard error says how it ended (300 bytes, in hexadecimal)
// and how many bytes it was. /dev/fd of a socket cannot be opened, and what is between our stages may be one:
// so the copies go into pipes of this shell.
const meter = String.raw`
{ { tee /dev/fd/4 /dev/fd/5 4>&1 >&3 3>&- | tail -c 300 5>&- | od -An -v -tx1 >&2; } 5>&1 | wc -c >&2; } 3>&1
`;

/** Passes a stream on. `readMeter` reads what it then says on standard error. */
export const meterCommand: Command = { argv: ["sh", "-c", meter], effect: "reads" };

/** What went through, by the words of `meterCommand`; undefined when it did not get to say it. */
export function readMeter(
  stderr: string,
): { readonly bytes: number; readonly tail: string } | undefined {
  const lines = stderr.trim().split("\n");
  const bytes = /^\s*(\d+)\s*$/.exec(lines.at(-1) ?? "")?.[1];
  if (bytes === undefined) return undefined;
  const tail = Buffer.from(lines.slice(0, -1).join("").replaceAll(/\s/g, ""), "hex");
  return { bytes: Number(bytes), tail: tail.toString("utf8") };
}

const compressing = String.raw`
if [ "$1" = gzip ] && command -v pigz >/dev/null 2>&1; then exec pigz --stdout; fi
if [ "$1" = gzip ]; then exec gzip --stdout; fi
exec zstd --threads=0 --quiet --stdout
`;

/** Compresses a stream; nothing for `none`. */
export function compressCommands(compress: DumpCompression): readonly Command[] {
  if (compress === "none") return [];
  return [{ argv: ["sh", "-c", compressing, "sh", compress], effect: "reads" }];
}

/** What has not yet been proven whole has this name. */
function unfinished(file: string): string {
  return `${file}.part`;
}

/** What of a database is a file is copied in this folder first. Whoever owns the one it is in empties it after a crash. */
export function copyingFolder(file: string): string {
  return `${file}.copying`;
}

const keeping = String.raw`umask 077; rm -f -- "$1"; set -C; cat >"$1" && sync -- "$1"`;

/** Keeps a stream in a new file that only its owner can read, under its unfinished name. */
export function keepCommand(file: string): Command {
  return { argv: ["sh", "-c", keeping, "sh", unfinished(file)], effect: "writes" };
}

const finishing = String.raw`mv -f -- "$1" "$2" && sync -- "$(dirname -- "$2")"`;

/** Gives what was proven whole its name. */
export function finishCommand(file: string): Command {
  return { argv: ["sh", "-c", finishing, "sh", unfinished(file), file], effect: "writes" };
}

export function discardCommand(file: string): Command {
  return { argv: ["rm", "-f", "--", unfinished(file)], effect: "writes" };
}

/** Reads a dump as it was before it was compressed, by the ending of its name. */
export function readCommand(file: string): Command {
  return { argv: [...reader(file), "--", file], effect: "reads" };
}

function reader(file: string): readonly [string, ...string[]] {
  if (file.endsWith(".zst")) return ["zstd", "--decompress", "--quiet", "--stdout"];
  if (file.endsWith(".gz")) return ["gzip", "--decompress", "--stdout"];
  return ["cat"];
}
