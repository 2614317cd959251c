// Knows: which snapshots of a restic repository belong to a job. Must not know: what becomes of them.
import { posix } from "node:path";
import type { JobIdentity } from "../engine.ts";
import { jobTagPrefix } from "./options.ts";

/** What tells whose a snapshot is. */
export interface Marks {
  readonly tags: readonly string[];
  readonly host: string;
  readonly paths: readonly string[];
}

/** How this repository is written to. */
export interface Habits {
  /** The host name that its snapshots are recorded under. */
  readonly machine: string;
  readonly perSource: boolean;
  /** The tags that every snapshot gets besides that of its job. */
  readonly tags: readonly string[];
}

/** The tags of a new snapshot: that of its job, then these, none twice. */
export function tagsOf(job: string, labels: readonly string[]): readonly string[] {
  return [...new Set([jobTag(job), ...labels.map(encode)])];
}

/** The tags of a snapshot that a person gave it. */
export function labelsOf(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => !tag.startsWith(jobTagPrefix)).map(decode);
}

/** The series that a backup of this job adds to: one for each snapshot it makes. */
export function seriesOf(job: JobIdentity, habits: Habits): readonly string[] {
  return habits.perSource
    ? [...new Set(job.paths.map((path) => seriesName(job, [path])))]
    : [seriesName(job, [])];
}

/**
 * The series a snapshot belongs to: it has the job's tag and was made under this host's name (in a
 * repository that several machines share, each one's job may have the same name), or it has no tags
 * of other people, and the same host and the paths that the job has now: then another program, or a
 * person, left it, and this job continues it.
 */
export function seriesOfSnapshot(
  { tags, host, paths }: Marks,
  job: JobIdentity,
  habits: Habits,
): string | undefined {
  if (host !== habits.machine) return undefined;
  const isOurs = tags.includes(jobTag(job.name));
  const common = new Set(habits.tags.map(encode));
  if (!isOurs && !tags.every((tag) => common.has(tag))) return undefined;

  if (habits.perSource) {
    const continued = paths.length === 1 && normalised(job.paths).has(normal(paths[0] ?? ""));
    return isOurs || continued ? seriesName(job, paths) : undefined;
  }
  const same = normalised(job.paths).symmetricDifference(normalised(paths)).size === 0;
  return isOurs || same ? seriesName(job, []) : undefined;
}

function seriesName(job: JobIdentity, paths: readonly string[]): string {
  return [jobTagPrefix + job.name, ...[...normalised(paths)].toSorted()].join(" ");
}

function normalised(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.map(normal));
}

/** restic records absolute paths without a slash at the end. */
function normal(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/**
 * restic takes a comma for the end of a tag, and has no way to say otherwise. A label that looks like
 * the tag of a job must not become one: that job would forget the snapshot by its own rules.
 */
function encode(label: string): string {
  const text = label.replaceAll(/[%,]/g, encodeURIComponent);
  return text.startsWith(jobTagPrefix) ? text.replace(":", "%3A") : text;
}

function decode(tag: string): string {
  return tag.replaceAll(/%2C|%25|%3A/g, decodeURIComponent);
}

function jobTag(job: string): string {
  return jobTagPrefix + job.replaceAll(/[%,]/g, encodeURIComponent);
}
