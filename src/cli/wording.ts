// Knows: how moments, counts and names are put into words for a person. Must not know: what they are about.
import { formatDuration, localTime } from "../kernel/figures.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How far a moment is from now, in its largest unit: "just now", "3 h ago", "in 12 d". */
export function age(moment: Date, now: Date): string {
  const away = now.getTime() - moment.getTime();
  const distance = Math.abs(away);
  if (distance < minute) return away < 0 ? "in less than a minute" : "just now";

  const length = largestUnit(distance);
  return away < 0 ? `in ${length}` : `${length} ago`;
}

function largestUnit(distance: number): string {
  // Rounded down, so that "2 d ago" is never less than two days.
  if (distance < hour) return `${Math.floor(distance / minute)} min`;
  if (distance < 2 * day) return `${Math.floor(distance / hour)} h`;
  return `${Math.floor(distance / day)} d`;
}

/** A moment in the local time of this machine, to the second. */
export function localTimeToTheSecond(moment: Date): string {
  return `${localTime(moment)}:${String(moment.getSeconds()).padStart(2, "0")}`;
}

/** Seconds as a person says them: "12 s", "3 min 20 s". */
export function formatSeconds(seconds: number): string {
  return formatDuration(seconds * 1000);
}

/** "1 file", "12,345 files". The plural is the word with an "s" unless it is given. */
export function count(amount: number, word: string, plural = `${word}s`): string {
  const digits = String(amount).replaceAll(/\B(?=(\d{3})+$)/g, ",");
  return `${digits} ${amount === 1 ? word : plural}`;
}

/**
 * Text from outside (file names, output of tools) without anything that a terminal would obey:
 * control characters and the marks that turn the direction of writing are shown as escapes.
 */
export function visible(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    /[\u0000-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/g,
    (character) => escapes[character] ?? `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Text of several lines, each made `visible`. */
export function visibleLines(text: string): string {
  return text
    .split("\n")
    .map((line) => visible(line))
    .join("\n");
}

/** Indents every line of a text. */
export function indent(text: string, by: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : `${by}${line}`))
    .join("\n");
}
