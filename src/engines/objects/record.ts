// Knows: what is written down of a snapshot as a whole. Must not know: who reads it, and what for.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import * as z from "zod";
import type { Snapshot } from "../../kernel/snapshot.ts";
import type { JobIdentity } from "../engine.ts";
import { codeOf } from "./errors.ts";
import { type Places, recordPlace } from "./layout.ts";

// Read leniently: a newer Holdfast may add to it.
const Record = z.object({
  job: z.string(),
  /** Which store it is of. */
  store: z.string(),
  /** Milliseconds since 1970. */
  time: z.number(),
  labels: z.array(z.string()).default([]),
  files: z.number(),
  bytes: z.number(),
});

/** What is known of a snapshot besides its files. */
export type Record = z.output<typeof Record>;

/** What was written down of a snapshot. Nothing: another program made it. */
export function readRecord(places: Places, name: string): Record | undefined {
  try {
    return Record.safeParse(JSON.parse(readFileSync(recordPlace(places, name), "utf8"))).data;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export function writeRecord(places: Places, name: string, record: Record): void {
  const path = recordPlace(places, name);
  writeFileSync(`${path}.new`, `${JSON.stringify({ version: 1, ...record })}\n`);
  renameSync(`${path}.new`, path);
}

/** The series that a backup of this job adds to. */
export function seriesOf({ name }: Pick<JobIdentity, "name">): string {
  return `holdfast:${name}`;
}

/** A snapshot that lies there. */
export interface Lying {
  readonly name: string;
  readonly time: Date;
  /** Whether its name says when it was made. */
  readonly isDated: boolean;
  readonly record: Record | undefined;
}

/**
 * A snapshot as the rest of the program knows it. What the predecessor made is continued; what another job
 * made is that one's, and what has no date for a name is somebody's own: neither is ever dropped.
 */
export function snapshotOf({ name, time, isDated, record }: Lying, job: JobIdentity): Snapshot {
  const continues = record === undefined ? isDated : record.job === job.name;
  return {
    id: name,
    time,
    kind: "snapshot",
    labels: record?.labels ?? [],
    origin: time.toISOString(),
    ...(continues && { series: seriesOf(job) }),
    ...(record !== undefined && { files: record.files, bytes: record.bytes }),
  };
}
