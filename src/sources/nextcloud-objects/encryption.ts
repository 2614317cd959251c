// Knows: how an object looks that Nextcloud has encrypted. Must not know: how it could be read.
import { Readable } from "node:stream";
import { HoldfastError } from "../../kernel/errors.ts";
import type { ObjectRequest } from "../../kernel/prepared-source.ts";

/** Why the content of an encrypted file cannot be had. */
export const encryptedReason =
  "Nextcloud's server-side encryption keeps its content from others: only Nextcloud can read it";

// The header is a block of its own: words between these, and dashes up to its end.
const headerBytes = 8192;
const beginning = Buffer.from("HBEGIN:");
const header = /^HBEGIN:[^\n]*:HEND-*$/;

/**
 * The same bytes, unless they are those of an encrypted file: its row may say that it is none. Throws
 * `source-unreadable`. Parts from within an object are not looked at.
 */
export async function refuseEncrypted(
  content: Readable,
  { key, range }: ObjectRequest,
): Promise<Readable> {
  if (range !== undefined && range[0] !== 0) return content;
  const chunks: AsyncIterator<unknown> = content[Symbol.asyncIterator]();
  const first = await upTo(beginning.length, chunks);
  const rest = first.subarray(0, beginning.length).equals(beginning)
    ? await upTo(headerBytes - first.length, chunks)
    : Buffer.alloc(0);
  const seen = Buffer.concat([first, rest]);
  if (seen.length >= headerBytes && header.test(seen.subarray(0, headerBytes).toString("latin1"))) {
    content.destroy();
    throw new HoldfastError("source-unreadable", `object "${key}": ${encryptedReason}`);
  }
  const whole = Readable.from(joined(seen, chunks, content), { objectMode: false });
  whole.on("error", () => content.destroy());
  return whole;
}

async function upTo(length: number, chunks: AsyncIterator<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let held = 0; held < length;) {
    const next = await chunks.next();
    if (next.done === true) break;
    if (!Buffer.isBuffer(next.value)) continue;
    parts.push(next.value);
    held += next.value.length;
  }
  return Buffer.concat(parts);
}

async function* joined(
  seen: Buffer,
  chunks: AsyncIterator<unknown>,
  content: Readable,
): AsyncGenerator<Buffer> {
  try {
    if (seen.length > 0) yield seen;
    for (;;) {
      const next = await chunks.next();
      if (next.done === true) return;
      if (Buffer.isBuffer(next.value)) yield next.value;
    }
  } finally {
    content.destroy();
  }
}
