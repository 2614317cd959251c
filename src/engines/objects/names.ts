// Knows: how snapshots are named after the moment they were made. Must not know: where they are.

interface Field {
  readonly pattern: string;
  readonly write: (moment: Date) => string;
}

function digits(count: number, read: (moment: Date) => number): Field {
  return {
    pattern: String.raw`(\d{${count}})`,
    write: (moment) => String(read(moment)).padStart(count, "0"),
  };
}

/** What of strftime(3) is understood. Local time. */
const fields: Readonly<Record<string, Field>> = {
  Y: digits(4, (moment) => moment.getFullYear()),
  y: digits(2, (moment) => moment.getFullYear() % 100),
  m: digits(2, (moment) => moment.getMonth() + 1),
  d: digits(2, (moment) => moment.getDate()),
  H: digits(2, (moment) => moment.getHours()),
  M: digits(2, (moment) => moment.getMinutes()),
  S: digits(2, (moment) => moment.getSeconds()),
  j: digits(3, (moment) => dayOfYear(moment)),
};

const shortForms: Readonly<Record<string, string>> = { F: "%Y-%m-%d", T: "%H:%M:%S" };

/** What the predecessor named snapshots by default, and what its page proposes. */
const knownFormats = ["%y%m%d-%H%M", "%Y-%m-%d", "%Y-%m-%dT%H-%M-%S", "%Y-%m-%dT%H:%M:%S"];

function dayOfYear(moment: Date): number {
  const start = Date.UTC(moment.getFullYear(), 0, 1);
  const day = Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return (day - start) / 86_400_000 + 1;
}

/** A format in parts: text, and the letters of fields. */
function partsOf(
  format: string,
): readonly ({ readonly text: string } | { readonly field: string })[] {
  const whole = format.replaceAll(/%([FT])/g, (_, letter: string) => shortForms[letter] ?? "");
  return [...whole.matchAll(/%(.)|[^%]+|%$/gsu)].map(([text, letter]) => {
    if (letter === undefined || letter === "%") return { text: letter ?? text };
    return { field: letter };
  });
}

/** What is wrong with a format, as a sentence without a final stop; nothing when it can be used. */
export function problemOfFormat(format: string): string | undefined {
  const parts = partsOf(format);
  const letters = parts.flatMap((part) => ("field" in part ? part.field : []));
  const unknown = letters.find((letter) => fields[letter] === undefined);
  if (unknown !== undefined) return `%${unknown} is not understood: use %Y %y %m %d %H %M %S %j`;
  const has = (letter: string): boolean => letters.includes(letter);
  if (!(has("Y") || has("y")) || !(has("j") || (has("m") && has("d")))) {
    return "a name has to say the year, the month and the day, such as %Y-%m-%d";
  }
  if (format.includes("/") || format.includes("\0")) return "a name cannot hold a slash";
  if (/^[.%]*\./.test(format)) return "a name cannot begin with a dot";
  return undefined;
}

/** The name of a snapshot made at this moment. */
export function nameAt(format: string, moment: Date): string {
  return partsOf(format)
    .map((part) => ("text" in part ? part.text : (fields[part.field]?.write(moment) ?? "")))
    .join("");
}

/** The same, or with a number behind it when there is one of that name. */
export function freeName(format: string, moment: Date, taken: ReadonlySet<string>): string {
  const name = nameAt(format, moment);
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name}.${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** When a snapshot of this name was made: by the format, or one that was usual. Else nothing. */
export function momentOf(name: string, format: string): Date | undefined {
  const spellings = [name, name.replace(/\.\d+$/, "")];
  for (const each of [format, ...knownFormats]) {
    for (const spelling of spellings) {
      const moment = parse(spelling, each);
      if (moment !== undefined) return moment;
    }
  }
  return undefined;
}

function parse(name: string, format: string): Date | undefined {
  const parts = partsOf(format);
  const pattern = parts.map((part) =>
    "text" in part
      ? part.text.replaceAll(/[^\w ]/g, String.raw`\$&`)
      : (fields[part.field]?.pattern ?? "(?!)"),
  );
  const match = new RegExp(`^${pattern.join("")}$`).exec(name);
  if (match === null) return undefined;
  const letters = parts.flatMap((part) => ("field" in part ? part.field : []));
  const values = new Map(letters.map((letter, index) => [letter, Number(match[index + 1])]));
  const get = (letter: string, otherwise: number): number => values.get(letter) ?? otherwise;
  const year = values.get("Y") ?? 2000 + get("y", 0);
  const moment = values.has("j")
    ? new Date(year, 0, get("j", 1), get("H", 0), get("M", 0), get("S", 0))
    : new Date(year, get("m", 1) - 1, get("d", 1), get("H", 0), get("M", 0), get("S", 0));
  // Written again it has to be the same: the 31st of February is no day.
  return nameAt(format, moment) === name || isSkippedHour(moment, get("H", 0)) ? moment : undefined;
}

/** An hour that clocks leave out in spring: another zone may have had it. */
function isSkippedHour(moment: Date, hour: number): boolean {
  return Math.abs(moment.getHours() - hour) === 1;
}
