// Knows: what btrfs prints, in all its versions. Must not know: what follows from it.
import { HoldfastError } from "../../kernel/errors.ts";

/** A subvolume as `btrfs subvolume list` shows it. */
export interface Subvolume {
  readonly id: number;
  /** The count of changes of the file system when it was made: later ones have a greater one. */
  readonly made: number;
  /** The subvolume that it lies in. */
  readonly within: number;
  readonly uuid: string;
  /** The one that it is a snapshot of. */
  readonly parentUuid?: string;
  /** The one of another file system that it is a complete copy of. */
  readonly receivedUuid?: string;
  /** From the top of the file system, without a slash in front. */
  readonly path: string;
}

/**
 * Reads what `btrfs subvolume list -c -p -u -q -R` prints. A name may hold line feeds, so that what follows could be taken for
 * another subvolume: where two have one number, it throws `repository-unsupported`.
 */
export function parseSubvolumes(stdout: string): readonly Subvolume[] {
  return records(stdout).map(({ id, fields, path }): Subvolume => {
    const parentUuid = uuidOf(fields, "parent_uuid");
    const receivedUuid = uuidOf(fields, "received_uuid");
    return {
      id,
      made: numberOf(fields, "cgen"),
      within: numberOf(fields, "parent"),
      uuid: uuidOf(fields, "uuid") ?? "",
      path,
      ...(parentUuid === undefined ? {} : { parentUuid }),
      ...(receivedUuid === undefined ? {} : { receivedUuid }),
    };
  });
}

/** The numbers of the subvolumes in any list. */
export function parseIds(stdout: string): ReadonlySet<number> {
  return new Set(records(stdout).map(({ id }) => id));
}

/** When each snapshot was made, by number: what `btrfs subvolume list -s` prints with TZ=UTC. */
export function parseTimes(stdout: string): ReadonlyMap<number, Date> {
  return new Map(
    records(stdout).flatMap(({ id, fields }) => {
      const [, day, time] = / otime (\S+) (\S+)/.exec(fields) ?? [];
      const made = new Date(`${day ?? ""}T${time ?? ""}Z`);
      return Number.isNaN(made.getTime()) ? [] : [[id, made] as const];
    }),
  );
}

interface Listed {
  readonly id: number;
  readonly fields: string;
  readonly path: string;
}

const beginning = /^ID (\d+) gen \d+ /;

function records(stdout: string): readonly Listed[] {
  const found: { id: number; fields: string; path: string }[] = [];
  const known = new Set<number>();
  for (const line of stdout.replace(/\n$/, "").split("\n")) {
    const id = beginning.exec(line)?.[1];
    const at = line.indexOf(" path ");
    if (id !== undefined && at !== -1) {
      if (known.has(Number(id))) throw imitated(line.slice(at + 6));
      known.add(Number(id));
      found.push({ id: Number(id), fields: line.slice(0, at), path: line.slice(at + 6) });
    } else {
      const last = found.at(-1);
      if (last !== undefined) last.path += `\n${line}`;
    }
  }
  return found;
}

function imitated(path: string): HoldfastError {
  return new HoldfastError(
    "repository-unsupported",
    `two subvolumes seem to have one number, because a name pretends to be another: ${JSON.stringify(path)}`,
    { hint: "see it with: btrfs subvolume list; then rename or delete what is named so" },
  );
}

function numberOf(fields: string, key: string): number {
  return Number(new RegExp(` ${key} (\\d+)`).exec(fields)?.[1] ?? 0);
}

function uuidOf(fields: string, key: string): string | undefined {
  return new RegExp(` ${key} ([0-9a-f-]{36})`).exec(fields)?.[1];
}

/** What `btrfs subvolume show` says of one subvolume. */
export interface Shown {
  readonly uuid: string;
  readonly receivedUuid?: string;
  readonly readOnly: boolean;
  /** Bytes that it holds, where the file system counts them (quotas); rounded. */
  readonly bytes?: number;
}

/** Reads what `btrfs subvolume show` prints. */
export function parseShown(stdout: string): Shown {
  const value = (key: string): string =>
    new RegExp(`^\\s*${key}:[ \\t]*(.*)$`, "m").exec(stdout)?.[1]?.trim() ?? "";
  const received = value("Received UUID");
  const bytes = parseSize(value("Usage referenced"));
  return {
    uuid: value("UUID"),
    readOnly: value("Flags").split(/[ ,]+/).includes("readonly"),
    ...(/^[0-9a-f-]{36}$/.test(received) ? { receivedUuid: received } : {}),
    ...(bytes === undefined ? {} : { bytes }),
  };
}

function parseSize(text: string): number | undefined {
  const match = /^([\d.]+)([KMGTPE]i)?B$/.exec(text);
  if (match === null) return undefined;
  const power = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].indexOf(match[2] ?? "");
  return Math.round(Number(match[1]) * 1024 ** power);
}

/** The bytes that a line of `btrfs receive -v` says it has written; 0: it says something else. */
export function parseWritten(line: string): number {
  // Also of data that stays compressed: "encoded_write … unencoded_file_len=… ".
  const match =
    /^write .* offset=\d+ length=(\d+)$/.exec(line) ??
    /^encoded_write .*[ ,]unencoded_file_len=(\d+)/.exec(line);
  return Number(match?.[1] ?? 0);
}

/** What the last scrub found: undefined when there was none. */
export interface Scrub {
  readonly status: string;
  readonly started: string;
  /** By kind, such as csum_errors: only those that are not zero. */
  readonly errors: readonly (readonly [string, number])[];
}

/** Reads what `btrfs scrub status -R` prints. */
export function parseScrub(stdout: string): Scrub | undefined {
  const started = /^Scrub started:\s*(.+)$/m.exec(stdout)?.[1];
  if (started === undefined) return undefined;
  const errors = [...stdout.matchAll(/^\s*(\w+_errors):\s*(\d+)$/gm)].map(
    ([, kind = "", count]) => [kind, Number(count)] as const,
  );
  return {
    started: started.trim(),
    status: /^Status:\s*(.+)$/m.exec(stdout)?.[1]?.trim() ?? "unknown",
    errors: errors.filter(([, count]) => count > 0),
  };
}

/** The version in what `btrfs --version` prints, as numbers. */
export function parseVersion(stdout: string): readonly number[] {
  const match = /v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(stdout);
  return match === null ? [] : match.slice(1).map((part) => Number(part ?? 0));
}

/** Names that are each followed by a zero byte. */
export function parseNames(stdout: string): readonly string[] {
  return stdout.split("\0").filter((name) => name !== "");
}
