// Knows: what each repository of a job held when it was last seen, also while it is away. Must not know: what depends on that.
import type { Job } from "../config/config.ts";
import type { Holding, Repository } from "../engines/engine.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import type { Program } from "./program.ts";

interface Remembered {
  readonly held: readonly string[];
  readonly settled: readonly string[];
}

/** The snapshots of a repository that the rules must not drop because of the job's others, and why. */
export function pinsFor(
  program: Program,
  { job, repository }: { readonly job: Job; readonly repository: Repository },
  snapshots: readonly Snapshot[],
): ReadonlyMap<string, string> {
  return repository.pins?.(snapshots, holdingsBeside(program, job, repository.name)) ?? new Map();
}

/** Copies receive from the job's own repository, and from nothing else. */
function holdingsBeside(program: Program, job: Job, name: string): readonly Holding[] {
  const receives = name === job.repository;
  return (receives ? job.copies : [job.repository]).map((repository) => {
    const { held, settled } = remembered(program, repository);
    return { repository, receives, held: new Set(held), settled: new Set(settled) };
  });
}

/** Remembers a listing, for the day when this repository is away. */
export function rememberHolding(
  program: Program,
  { job, repository }: { readonly job: Job; readonly repository: Repository },
  snapshots: readonly Snapshot[],
): void {
  if (repository.pins === undefined || job.copies.length === 0) return;
  const held = snapshots.flatMap(({ origin }) => (origin === undefined ? [] : [origin]));
  remember(program, { job, name: repository.name }, { held, settled: held });
}

/** Remembers that a copy will never hold these: its own rules would drop them at once. */
export function rememberSettled(
  program: Program,
  { job, repository }: { readonly job: Job; readonly repository: Repository },
  snapshots: readonly Snapshot[],
): void {
  if (repository.pins === undefined) return;
  const { name } = repository;
  const settled = snapshots.flatMap(({ origin }) => (origin === undefined ? [] : [origin]));
  remember(program, { job, name }, { held: remembered(program, name).held, settled });
}

function remember(
  program: Program,
  { job, name }: { readonly job: Job; readonly name: string },
  now: Remembered,
): void {
  const before = remembered(program, name);
  // What the giving side has no more cannot be asked about again.
  const given = new Set(remembered(program, job.repository).held);
  const settled = before.settled.filter((origin) => given.has(origin));
  const all = { held: now.held, settled: [...new Set([...settled, ...now.settled])] };
  program.journal.setMark(markOf(name), JSON.stringify(all));
}

function remembered({ journal }: Program, name: string): Remembered {
  const text = journal.mark(markOf(name));
  const value: unknown = text === undefined ? {} : JSON.parse(text);
  return { held: textsAt(value, "held"), settled: textsAt(value, "settled") };
}

// Read by hand: `status` comes past here, and loading schemas takes longer than the rest of it.
function textsAt(value: unknown, key: string): readonly string[] {
  const texts: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : [];
  return Array.isArray(texts) ? texts.filter((text) => typeof text === "string") : [];
}

function markOf(repository: string): string {
  return `holds:${repository}`;
}
