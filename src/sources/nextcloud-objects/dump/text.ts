// Knows: how the text of a dump is got out of its file. Must not know: what it says.
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Writable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { HoldfastError } from "../../../kernel/errors.ts";

const bytesAtOnce = 1024 * 1024;

/** What the first bytes of a file say of the rest. */
const beginnings = [
  { kind: "gzip", bytes: Buffer.from([0x1f, 0x8b]) },
  { kind: "zstd", bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
  { kind: "archive", bytes: Buffer.from("PGDMP") },
] as const;

/**
 * Hands over the text of a dump piece by piece, unpacked by what it is and not by its name. Throws
 * `source-missing`, `source-unreadable`, `interrupted`, and what `take` throws.
 */
export async function readDumpText(
  file: string,
  take: (chunk: Buffer) => void,
  signal: AbortSignal,
): Promise<void> {
  const kind = await kindOf(file);
  if (kind === "archive") {
    const hint = "write it as text: pg_restore --file DUMP.sql ARCHIVE";
    throw new HoldfastError("source-unreadable", `${file} is an archive of pg_dump, not a text`, {
      hint,
    });
  }
  const source = createReadStream(file, { highWaterMark: bytesAtOnce });
  const failure: { thrown?: unknown } = {};
  const sink = new Writable({
    highWaterMark: bytesAtOnce,
    write(chunk: Buffer, _encoding, done) {
      try {
        take(chunk);
        done();
      } catch (error) {
        failure.thrown = error;
        done(new Error("not taken"));
      }
    },
  });
  try {
    if (kind === "plain") await pipeline(source, sink, { signal });
    else await pipeline(source, unpacker(kind), sink, { signal });
  } catch (error) {
    if (signal.aborted) throw new HoldfastError("interrupted", `reading ${file} was interrupted`);
    throw "thrown" in failure ? failure.thrown : unreadable(file, error);
  }
}

function unpacker(kind: "gzip" | "zstd") {
  return kind === "gzip" ? createGunzip() : createZstdDecompress();
}

async function kindOf(file: string): Promise<(typeof beginnings)[number]["kind"] | "plain"> {
  try {
    await using handle = await open(file);
    const { buffer } = await handle.read({ buffer: Buffer.alloc(8), position: 0 });
    const found = beginnings.find(({ bytes }) => buffer.subarray(0, bytes.length).equals(bytes));
    return found?.kind ?? "plain";
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): HoldfastError {
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  if (isMissing) {
    const hint = "correct the path of the dump in the configuration";
    return new HoldfastError("source-missing", `${file} does not exist`, { hint, cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError("source-unreadable", `${file} cannot be read: ${reason}`, { cause });
}
