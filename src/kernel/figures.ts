// Knows: how bytes and lengths of time are put into words. Must not know: how they are read (size, duration).
// It is a file of its own because it must load without the schemas: every line of output needs it.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** The units that `formatDuration` shows, the largest first. */
const shownUnits: readonly (readonly [unit: string, length: number])[] = [
  ["d", day],
  ["h", hour],
  ["min", minute],
  ["s", second],
];

/**
 * Puts milliseconds into words for a person, in the two largest units that say something:
 * "2 d 3 h", "1 min 30 s", "5 s", "250 ms". Rounds; a negative length has a minus in front.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return ms === Number.POSITIVE_INFINITY ? "forever" : "unknown";
  if (ms < 0) return `-${formatDuration(-ms)}`;

  for (const [index, [unit, length]] of shownUnits.entries()) {
    const [smallerUnit, smallerLength] = shownUnits[index + 1] ?? ["ms", 1];
    // Compared as it will be shown, so that nothing prints as "60 s" or "24 h".
    const smaller = Math.round(ms / smallerLength);
    const perUnit = length / smallerLength;
    if (smaller < perUnit) continue;
    if (unit === "s") return `${Math.round(ms / second)} s`;
    const rest = smaller % perUnit;
    const whole = `${Math.floor(smaller / perUnit)} ${unit}`;
    return rest === 0 ? whole : `${whole} ${rest} ${smallerUnit}`;
  }
  return `${Math.round(ms)} ms`;
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

/** A moment in the local time of this machine, to the minute: "2026-11-20 03:00". */
export function localTime(moment: Date): string {
  const date = [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()].map(twoDigits);
  const time = [moment.getHours(), moment.getMinutes()].map(twoDigits);
  return `${date.join("-")} ${time.join(":")}`;
}

function twoDigits(part: number): string {
  return String(part).padStart(2, "0");
}
