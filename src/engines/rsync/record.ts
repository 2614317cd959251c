// Knows: what is written down of a snapshot beside its files. Must not know: who reads it, and what for.
import * as z from "zod";
import type { Evidence } from "../../kernel/evidence.ts";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { JobIdentity } from "../engine.ts";
import { momentOf } from "./layout.ts";

// Read leniently: a newer Holdfast may add to it.
const Record = z.object({
  /** The name of the snapshot. */
  id: z.string(),
  job: z.string().optional(),
  host: z.string().optional(),
  paths: z.array(z.string()).optional(),
  /** The only source was a folder, whose contents are at the root; otherwise all are below their names. */
  contents: z.boolean().default(true),
  labels: z.array(z.string()).default([]),
  files: z.number().optional(),
  bytes: z.number().optional(),
  /** Bytes that were written for it. */
  added: z.number().optional(),
  /** Of a mirror without snapshots: it is not being changed. */
  complete: z.boolean().default(true),
});

/** What is known of a snapshot besides its files. */
export type Record = z.output<typeof Record>;

/** One line that `parseRecords` reads. */
export function recordText(record: Record): string {
  return `${JSON.stringify({ version: 1, ...record })}\n`;
}

/** Reads records, one a line. What is none is passed over: the files of a snapshot are what counts. */
export function parseRecords(output: string): ReadonlyMap<string, Record> {
  const records = output.split("\n").flatMap((line) => {
    const parsed = Record.safeParse(json(line));
    return parsed.success ? [[parsed.data.id, parsed.data] as const] : [];
  });
  return new Map(records);
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Cut off by a power failure, or not ours.
    return undefined;
  }
}

/** The series that a backup of this job adds to. */
export function seriesOf({ name }: Pick<JobIdentity, "name">): string {
  return `holdfast:${name}`;
}

/** A snapshot as the rest of the program knows it. */
export function snapshotOf(
  { id, time }: Pick<Snapshot, "id" | "time">,
  record: Record | undefined,
  job: JobIdentity,
): Snapshot {
  const { host, paths, files, bytes } = record ?? {};
  return {
    id,
    time,
    kind: "snapshot",
    labels: record?.labels ?? [],
    // The same moment, whichever way it is spelled.
    origin: (momentOf(id) ?? time).toISOString(),
    ...(continues(record, job) && { series: seriesOf(job) }),
    ...(host !== undefined && { host }),
    ...(paths !== undefined && { paths }),
    ...(files !== undefined && { files }),
    ...(bytes !== undefined && { bytes }),
  };
}

/** What another program left is continued; what another job of ours made is that one's. */
function continues(record: Record | undefined, job: JobIdentity): boolean {
  if (record?.job === undefined || record.job === job.name) return true;
  const { paths = [] } = record;
  return paths.length > 0 && new Set(paths).symmetricDifference(new Set(job.paths)).size === 0;
}

/** The figures that a record keeps of what a backup proved. */
export function figuresOf({ files, bytes, added }: Evidence): Partial<Record> {
  return {
    ...(files !== undefined && { files }),
    ...(bytes !== undefined && { bytes }),
    ...(added !== undefined && { added }),
  };
}
