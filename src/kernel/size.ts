// Knows: how people write and read a number of bytes. Must not know: what is measured.
import * as z from "zod";

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

/** Puts bytes into words for a person, in steps of 1024: "999 B", "1.5 GiB", "120 MiB". */
export function formatSize(bytes: number): string {
  if (!Number.isFinite(bytes)) return "unknown";
  if (bytes < 0) return `-${formatSize(-bytes)}`;

  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let index = 0;
  // Compared as it will be shown, so that nothing prints as "1024 KiB".
  while (rounded(value) >= 1024 && index < units.length - 1) {
    value /= 1024;
    index += 1;
  }
  return `${rounded(value)} ${units[index]}`;
}

/** Three significant digits below 100, whole numbers above. */
function rounded(value: number): number {
  return value < 100 ? Number(value.toPrecision(3)) : Math.round(value);
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
