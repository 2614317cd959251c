// Knows: how people write and read a length of time. Must not know: calendars and time zones.
import * as z from "zod";

export { formatDuration } from "./figures.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const week = 7 * day;

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: second,
  m: minute,
  min: minute,
  h: hour,
  d: day,
  w: week,
};

// Ten thousand years: far beyond any use, and still a time that a Date can be moved by.
const longest = 3_652_500 * day;

const howToWrite = "write a number and a unit, such as 90s, 15m, 6h, 7d, 2w or 1d12h";

/** A text that is no duration. Its message says what is wrong and what to write instead. */
export class DurationError extends Error {
  override readonly name = "DurationError";
}

/**
 * Reads a length of time such as `90s`, `15m`, `6h`, `7d`, `2w` or `1d12h` as milliseconds.
 * Units are ms, s, m (or min), h, d (24 hours) and w, from the largest to the smallest, each at
 * most once; fractions are allowed. Months and years have no fixed length and are refused.
 *
 * Throws `DurationError`.
 */
export function parseDuration(text: string): number {
  const compact = text.trim().toLowerCase().replaceAll(/\s+/g, "");
  if (compact === "") throw new DurationError(`a duration is missing: ${howToWrite}`);
  if (/^\d+(\.\d+)?$/.test(compact)) {
    throw new DurationError(`"${text}" has no unit: ${howToWrite}`);
  }
  if (!/^(\d+(\.\d+)?[a-z]+)+$/.test(compact)) {
    throw new DurationError(`"${text}" is not a duration: ${howToWrite}`);
  }

  let total = 0;
  let previous = Number.POSITIVE_INFINITY;
  for (const [, amount = "", unit = ""] of compact.matchAll(/(\d+(?:\.\d+)?)([a-z]+)/g)) {
    const length = lengthOf(unit, text);
    if (length >= previous) {
      throw new DurationError(`"${text}" is out of order: write larger units first, each once`);
    }
    previous = length;
    total += Number(amount) * length;
  }
  if (total > longest) throw new DurationError(`"${text}" is too long`);
  return Math.round(total);
}

function lengthOf(unit: string, text: string): number {
  const length = unitMs[unit];
  if (length !== undefined) return length;
  if (/^(mo|y|month|year)/.test(unit)) {
    throw new DurationError(
      `"${text}": months and years have no fixed length; count days, such as 30d or 365d`,
    );
  }
  throw new DurationError(`"${text}": "${unit}" is not a unit of time: ${howToWrite}`);
}

/** A length of time in a configuration: text such as `6h`, parsed to milliseconds. */
export const Duration = z
  .string({ error: `expected a duration: ${howToWrite}` })
  .transform((text, context) => {
    try {
      return parseDuration(text);
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
      context.addIssue({ code: "custom", message: error.message, input: text });
      return z.NEVER;
    }
  })
  .meta({
    description:
      "A length of time: a number and a unit (ms, s, m, h, d, w), also several as in 1d12h.",
    examples: ["90s", "15m", "6h", "7d"],
  });
/** Milliseconds. */
export type Duration = z.output<typeof Duration>;
