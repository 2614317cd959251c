// Knows: the simpler times of systemd.time(7), and how cron says them. Must not know: what happens then.

const words: Readonly<Record<string, string>> = {
  hourly: "0 * * * *",
  daily: "0 0 * * *",
  weekly: "0 0 * * 1",
  monthly: "0 0 1 * *",
  yearly: "0 0 1 1 *",
  annually: "0 0 1 1 *",
};

const days: Readonly<Record<string, number>> = {
  sun: 0,
  mon: 1,
  tue: 2,
  wed: 3,
  thu: 4,
  fri: 5,
  sat: 6,
};

/** A schedule of cron that means the same, or nothing where there is none or it is not understood. */
export function cronOf(calendar: string): string | undefined {
  const text = calendar.trim().toLowerCase();
  if (words[text] !== undefined) return words[text];
  const found =
    /^(?:([a-z,.]+)\s+)?(?:(\*|\d{4})-(\*|[\d,]+)-(\*|[\d,]+)\s+)?([\d*,/]+):([\d*,/]+)(?::00)?$/.exec(
      text,
    );
  if (found === null) return undefined;
  const [, week, , , , hour = "", minute = ""] = found;
  const [year, month, day] = found.slice(2, 5).map((each: string | undefined) => each ?? "*");
  if (year !== "*" || month === undefined || day === undefined) return undefined;
  const weekdays = week === undefined ? "*" : weekdaysOf(week);
  const [hours, minutes] = [stepsOf(hour), stepsOf(minute)];
  if (weekdays === undefined || hours === undefined || minutes === undefined) return undefined;
  return [minutes, hours, plain(day), plain(month), weekdays].join(" ");
}

function plain(numbers: string): string {
  return numbers
    .split(",")
    .map((each) => (each === "*" ? each : String(Number(each))))
    .join(",");
}

function stepsOf(text: string): string | undefined {
  if (/^\*$|^\d+(,\d+)*$/.test(text)) return plain(text);
  const [, start, step] = /^(\*|\d+)\/(\d+)$/.exec(text) ?? [];
  if (start === undefined) return undefined;
  return start === "*" || Number(start) === 0 ? `*/${Number(step)}` : undefined;
}

function weekdaysOf(text: string): string | undefined {
  const parts = text.split(",").map((part) => {
    const ends = part.split("..").map((day) => days[day.slice(0, 3)]);
    return ends.includes(undefined) || ends.length > 2 ? undefined : ends.join("-");
  });
  return parts.includes(undefined) ? undefined : parts.join(",").replace(/(\d)-0\b/, "$1-7");
}
