// Knows: what is written down beside an archive. Must not know: how it got there.
import * as z from "zod";

/** What is known of an archive. Read leniently: a newer version may know more. */
export const Manifest = z.object({
  version: z.literal(1),
  id: z.string(),
  /** When the archive was begun, UTC. */
  time: z.coerce.date(),
  kind: z.enum(["full", "differential"]),
  base: z.string().optional(),
  job: z.string(),
  paths: z.array(z.string()),
  /** The folder as seen from which members are named. Absent: the root of the file system, without a slash. */
  root: z.string().optional(),
  /** The moment whose state it holds, where that is before `time`. */
  asOf: z.coerce.date().optional(),
  labels: z.array(z.string()).default([]),
  /** The archive's own size and hash. */
  size: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** What a restore writes, as far as it is known. */
  files: z.number().optional(),
  bytes: z.number().optional(),
  /** Files that could not be read for a full archive, named up to a bound, and how many there were. */
  unreadable: z.array(z.string()).optional(),
  unreadableCount: z.number().optional(),
});
export type Manifest = z.output<typeof Manifest>;

/** One line, so that many can be read at once. */
export function writeManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest)}\n`;
}

/** Reads manifests, one a line. What is no manifest is left out: its archive then stands for itself. */
export function readManifests(text: string): ReadonlyMap<string, Manifest> {
  const manifests = new Map<string, Manifest>();
  for (const line of text.split("\n")) {
    const read = Manifest.safeParse(parseJson(line));
    if (read.success) manifests.set(read.data.id, read.data);
  }
  return manifests;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Cut short by a crash before it was renamed, or written by something else.
  }
}
