// Knows: how people write and read a number of bytes. Must not know: what is measured.
import * as z from "zod";

export { formatSize } from "./figures.ts";

const howToWrite = "write a number and a unit, such as 500MB, 1.5GiB or 10M";

/** A text that is no size. Its message says what is wrong and what to write instead. */
export class SizeError extends Error {
  override readonly name = "SizeError";
}

const prefixes = "kmgtpe";

/**
 * Reads a number of bytes such as `500MB`, `1.5GiB`, `10M` or `4096`. Units ending in `iB` and bare
 * letters count in steps of 1024, as restic, rsync and the GNU tools do; those ending in `B` in
 * steps of 1000. Case does not matter.
 *
 * Throws `SizeError`.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgtpe])(ib?|b)?|b)?$/i.exec(text.trim());
  if (match === null) throw new SizeError(`"${text}" is not a size: ${howToWrite}`);

  const [, amount = "", prefix, suffix] = match;
  const step = suffix?.toLowerCase() === "b" ? 1000 : 1024;
  const power = prefix === undefined ? 0 : prefixes.indexOf(prefix.toLowerCase()) + 1;
  const bytes = Math.round(Number(amount) * step ** power);
  if (!Number.isSafeInteger(bytes)) throw new SizeError(`"${text}" is too large`);
  return bytes;
}

/** A number of bytes in a configuration: a whole number, or text such as `1.5GiB`. */
export const Size = z
  .union([z.int().nonnegative(), z.string()], { error: `expected a size: ${howToWrite}` })
  .transform((input, context) => {
    if (typeof input === "number") return input;
    try {
      return parseSize(input);
    } catch (error) {
      if (!(error instanceof SizeError)) throw error;
      context.addIssue({ code: "custom", message: error.message, input });
      return z.NEVER;
    }
  })
  .meta({
    description:
      "A number of bytes, or a number and a unit: kB, MB, GB (1000), KiB, MiB, GiB or K, M, G (1024).",
    examples: ["500MB", "1.5GiB", "10M"],
  });
/** Bytes. */
export type Size = z.output<typeof Size>;
