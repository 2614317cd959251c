// Knows: how a snapshot's folder is named, and what its name says. Must not know: what else is known of it.
import { HoldfastError } from "../../kernel/errors.ts";

/** What the name of a snapshot says. */
export interface SnapshotName {
  /** Year, month (from 1), day, hour, minute and second of some local time. */
  readonly wall: readonly [number, number, number, number, number, number];
  /** Only a day was named: an older manner. */
  readonly dateOnly: boolean;
  readonly labels: readonly string[];
  /** Which one of its second it is, from 1. */
  readonly count: number;
}

// As the predecessor's: YYYY-MM-DDTHH:MM:SS, in an older manner YYYY-MM-DD, and anything after a dash.
const form = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2}))?(?:-(.+))?$/s;

/** Reads a name. Undefined: it is not that of a snapshot. */
export function parseName(name: string): SnapshotName | undefined {
  const match = form.exec(name);
  if (match === null) return undefined;
  const digits = (group: number): number => Number(match[group] ?? 0);
  const wall = [digits(1), digits(2), digits(3), digits(4), digits(5), digits(6)] as const;
  if (!isReal(wall)) return undefined;
  const suffix = match[7] ?? "";
  const count = Number(counter.exec(suffix)?.[1] ?? 1);
  return { wall, dateOnly: match[4] === undefined, labels: labelsOf(suffix), count };
}

/** 2026-02-30 is no day, and 24:00:00 no time of one. */
function isReal(wall: SnapshotName["wall"]): boolean {
  const [, month, day, hour, minute, second] = wall;
  const date = new Date(utcOf(wall));
  const sameDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return sameDay && hour < 24 && minute < 60 && second < 60;
}

// Between labels; and before the number of a further snapshot of one second with the same labels.
const joint = "+";
const counter = /~(\d+)$/;

function labelsOf(suffix: string): readonly string[] {
  const text = suffix.replace(counter, "");
  return text === "" ? [] : text.split(joint).map(decode);
}

/**
 * The name of a snapshot that is made now, in local time. A further one of the same second gets a
 * number, by which they are put in order. Throws `usage-invalid` when the labels are too long for a file name.
 */
export function newName(now: Date, labels: readonly string[], taken: ReadonlySet<string>): string {
  const parts = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  const date = parts.map((part, index) => padded(part, index === 0 ? 4 : 2)).join("-");
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()];
  const moment = `${date}T${time.map((part) => padded(part, 2)).join(":")}`;
  const suffix = [...new Set(labels)].map(encode).join(joint);
  const base = suffix === "" ? moment : `${moment}-${suffix}`;
  // Whatever their labels are: two of one second would have no order.
  const counts = [...taken]
    .filter((other) => other.startsWith(moment))
    .map((other) => parseName(other)?.count ?? 1);
  const count = Math.max(0, ...counts) + 1;
  const name = count === 1 ? base : `${base}${suffix === "" ? "-" : ""}~${count}`;
  if (Buffer.byteLength(name) > longestName) {
    throw new HoldfastError("usage-invalid", "the labels are too long for the name of a snapshot", {
      hint: "choose shorter labels: all together they may take 200 bytes",
    });
  }
  return name;
}

function padded(count: number, digits: number): string {
  return String(count).padStart(digits, "0");
}

// Of a file, on Linux.
const longestName = 255;

// What a file name cannot hold, what a terminal would obey, and what has a meaning in the name itself.
function encode(label: string): string {
  return label.replaceAll(
    /[/%+~\p{Cc}]/gu,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function decode(text: string): string {
  return text.replaceAll(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

const minuteMs = 60_000;
// Every zone's distance from UTC is a multiple of this, today.
const zoneStepMs = 15 * minuteMs;

/**
 * When a snapshot was made. `created` is when its subvolume was, for one that was made where it is:
 * it tells in which zone, and in which pass of an hour that comes twice, the name was given. Where the
 * two contradict each other, the name was given later, and what the file system says is true.
 */
export function momentOf(name: SnapshotName, created: Date): Date {
  const { wall, dateOnly } = name;
  if (dateOnly) return created;
  const distance = utcOf(wall) - created.getTime();
  const zone = Math.round(distance / zoneStepMs) * zoneStepMs;
  const contradiction = Math.abs(distance - zone) > minuteMs || Math.abs(zone) > 26 * 60 * minuteMs;
  return contradiction ? created : inOrder(name, utcOf(wall) - zone);
}

/** Every moment at which clocks here show this: two in the hour that comes twice. The earlier first. */
export function momentsOf(name: SnapshotName): readonly [Date, ...Date[]] {
  const [year, month, day, hour, minute, second] = name.wall;
  const first = new Date(year, month - 1, day, hour, minute, second);
  const others = [30 * minuteMs, 60 * minuteMs, 120 * minuteMs]
    .map((shift) => new Date(first.getTime() + shift))
    .filter((moment) => moment.getHours() === hour && moment.getMinutes() === minute);
  const later = others.map((moment) => inOrder(name, moment.getTime()));
  return [inOrder(name, first.getTime()), ...later];
}

/** Those of one second come one after the other. */
function inOrder({ count }: SnapshotName, time: number): Date {
  return new Date(time + Math.min(count, 1000) - 1);
}

function utcOf([year, month, day, hour, minute, second]: SnapshotName["wall"]): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
