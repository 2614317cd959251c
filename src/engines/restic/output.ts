// Knows: what restic prints, in all its versions. Must not know: what follows from it.
import * as z from "zod";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Progress } from "../../kernel/progress.ts";

// Only the fields that are used: a newer restic may add others. restic leaves out what is zero.
const count = z.number().default(0);
const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);

const ResticSnapshot = z.object({
  id: z.string(),
  time: z.coerce.date(),
  tree: z.string().default(""),
  hostname: z.string().default(""),
  paths: texts,
  tags: texts,
  /** The snapshot that this one was copied or rewritten from. */
  original: z.string().optional(),
  /** From 0.17 on. */
  summary: z.object({ total_files_processed: count, total_bytes_processed: count }).optional(),
});
/** One entry of `restic snapshots --json`. */
export type ResticSnapshot = z.output<typeof ResticSnapshot>;

/** Reads what `restic snapshots --json` prints. An empty repository prints `null` or `[]`. */
export function parseSnapshots(stdout: string): readonly ResticSnapshot[] {
  return readJson(z.array(ResticSnapshot).nullable(), stdout, "snapshots") ?? [];
}

const BackupStatus = z.object({
  message_type: z.literal("status"),
  total_files: count,
  files_done: count,
  total_bytes: count,
  bytes_done: count,
  seconds_elapsed: count,
  seconds_remaining: z.number().optional(),
  current_files: texts,
});

const BackupSummary = z.object({
  message_type: z.literal("summary"),
  total_files_processed: count,
  total_bytes_processed: count,
  data_added: count,
  /** From 0.17 on: what it takes in the repository, compressed. */
  data_added_packed: z.number().optional(),
  /** Seconds. */
  total_duration: count,
  /** Before 0.15 only its first eight digits. Absent: no snapshot was made. */
  snapshot_id: z.string().optional(),
});
/** What `restic backup --json` says at its end. */
export type BackupSummary = z.output<typeof BackupSummary>;

/** What one line of `restic backup --json` says. Undefined: nothing that is of use. */
export function parseBackupLine(
  line: string,
): { readonly progress: Progress } | { readonly summary: BackupSummary } | undefined {
  const json = tryJson(line);
  const status = BackupStatus.safeParse(json);
  if (status.success) return { progress: backupProgress(status.data) };
  const summary = BackupSummary.safeParse(json);
  return summary.success ? { summary: summary.data } : undefined;
}

function backupProgress(status: z.output<typeof BackupStatus>): Progress {
  const { seconds_remaining: remaining, current_files: files } = status;
  return {
    filesDone: status.files_done,
    filesTotal: status.total_files,
    bytesDone: status.bytes_done,
    bytesTotal: status.total_bytes,
    secondsElapsed: status.seconds_elapsed,
    ...(remaining === undefined ? {} : { secondsRemaining: remaining }),
    ...(files[0] === undefined ? {} : { current: files[0] }),
  };
}

const ItemError = z.object({
  message_type: z.literal("error"),
  // 0.14 fills it with the fields of a Go error, or with nothing.
  error: z.object({ message: z.string().default("") }).optional(),
  /** `scan` only estimates the size; what it meets is met again by `archival`. */
  during: z.string().default(""),
  item: z.string(),
});

/** A file or folder that restic could not read or write, and why where it says so. */
export interface FailedItem {
  readonly item: string;
  readonly message: string;
  readonly during: string;
}

// restic skips a source that does not exist, and up to 0.18 ends with success all the same.
const skippedSource = /^(?<path>.+) does not exist, skipping$/;

/** Finds the item in one line of standard error that says that it failed. */
export function parseFailedItem(line: string): FailedItem | undefined {
  const json = ItemError.safeParse(tryJson(line));
  if (json.success) {
    const { item, error, during } = json.data;
    return { item, message: error?.message ?? "", during };
  }
  const path = skippedSource.exec(line)?.groups?.["path"];
  return path === undefined
    ? undefined
    : { item: path, message: "does not exist", during: "start" };
}

const RestoreFigures = z.object({
  message_type: z.enum(["status", "summary"]),
  total_files: count,
  files_restored: count,
  total_bytes: count,
  bytes_restored: count,
});

/** What one line of `restic restore --json` says: how far it is, or was at its end. From 0.16 on. */
export function parseRestoreLine(line: string): Progress | undefined {
  const figures = RestoreFigures.safeParse(tryJson(line));
  if (!figures.success) return undefined;
  const { files_restored, total_files, bytes_restored, total_bytes } = figures.data;
  return {
    filesDone: files_restored,
    filesTotal: total_files,
    bytesDone: bytes_restored,
    bytesTotal: total_bytes,
  };
}

const percentLine = /^\[[\d:]+\]\s+[\d.]+%\s+(?<count>\d+ \/ \d+ .+)$/;

/** The count in a line of progress in words, such as "3 / 7 packs copied". */
export function parseCount(line: string): string | undefined {
  return percentLine.exec(line.trim())?.groups?.["count"];
}

/** The beginning of the id that a line of `restic copy` says was saved. */
export function parseCopiedId(line: string): string | undefined {
  return /^snapshot ([0-9a-f]{8,64}) saved\b/.exec(line)?.[1];
}

/** The bytes that a line of `restic prune` says are given back; restic rounds them. */
export function parseFreed(line: string): number | undefined {
  const match = /^total prune:\s.*\/\s*([\d.]+) ([KMGT]?i?B)\s*$/.exec(line);
  if (match === null) return undefined;
  const power = ["B", "KiB", "MiB", "GiB", "TiB"].indexOf(match[2] ?? "");
  return power === -1 ? undefined : Math.round(Number(match[1]) * 1024 ** power);
}

/** The snapshot that a line of `restic forget` says could not be removed. */
export function parseUnremoved(line: string): string | undefined {
  return /unable to remove (?:<?snapshot\/)?([0-9a-f]{8,64})/.exec(line)?.[1];
}

const Findings = z.array(
  z.object({
    snapshot: z.string(),
    matches: z
      .array(
        z.object({
          path: z.string(),
          size: z.number().optional(),
          mtime: z.coerce.date().optional(),
          type: z.string().default(""),
        }),
      )
      .nullable()
      .transform((list) => list ?? []),
  }),
);
/** What `restic find --json` found in each snapshot. */
export type Findings = z.output<typeof Findings>;

/** Reads what `restic find --json` prints. */
export function parseFindings(stdout: string): Findings {
  return readJson(Findings.nullable(), stdout, "find") ?? [];
}

const Message = z.object({ message_type: z.enum(["error", "exit_error"]), message: z.string() });

/**
 * The lines of standard error as a person would have read them: from 0.17 on some are wrapped in
 * JSON, and one such message may be several lines. Without those about single files, whose names may
 * say anything.
 */
export function plainLines(stderr: string): readonly string[] {
  return stderr.split("\n").flatMap((line) => {
    if (ItemError.safeParse(tryJson(line)).success) return [];
    const message = Message.safeParse(tryJson(line));
    const text = message.success ? message.data.message : line;
    return text.split("\n").filter((part) => part.trim() !== "");
  });
}

/** JSON of a whole answer. Throws `command-failed` when restic answered something else. */
export function readJson<T>(schema: z.ZodType<T>, stdout: string, what: string): T {
  // Before 0.17 a line in words may come first.
  const line = stdout.split("\n").findLast((text) => /^\s*[[{n]/.test(text)) ?? stdout;
  const answer = schema.safeParse(tryJson(stdout) ?? tryJson(line));
  if (answer.success) return answer.data;
  throw new HoldfastError("command-failed", `restic ${what} answered something unreadable`, {
    hint: "see whether this is restic: restic version",
    cause: answer.error,
  });
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Words between the JSON lines are common; whoever needs JSON says so.
    return undefined;
  }
}
