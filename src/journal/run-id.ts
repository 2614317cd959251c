// Knows: what a run is called. Must not know: any run.

// No letters that are taken for one another when they are read out or typed: 0 o, 1 i l.
const letters = "23456789abcdefghjkmnpqrstuvwxyz";

/**
 * A name for a run that begins at this time: date and time in UTC, so that names sort as their runs
 * began, and three characters by chance, short enough to type: `20261120-104800-k3f`.
 */
export function newRunId(started: Date, random: () => number = Math.random): string {
  const [date = "", time = ""] = started
    .toISOString()
    .slice(0, 19)
    .replaceAll(/[-:]/g, "")
    .split("T");
  const chance = Array.from({ length: 3 }, () =>
    letters.charAt(Math.floor(random() * letters.length)),
  );
  return `${date}-${time}-${chance.join("")}`;
}
