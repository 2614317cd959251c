// Knows: what the steps of one run share, and what they have come to so far. Must not know: their order.
import type { JobIdentity, Repository, Work } from "../engines/engine.ts";
import type { HoldfastError } from "../kernel/errors.ts";
import type { Evidence } from "../kernel/evidence.ts";
import type { Ledger } from "../kernel/ledger.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import { rememberHolding } from "./holdings.ts";
import { openRepository, type VolumePaths } from "./open.ts";
import type { Plan } from "./plan.ts";
import type { Program, RunRequest, Verb } from "./program.ts";
import type { Record } from "./recorder.ts";

/** One run under way. */
export interface Undertaking {
  readonly program: Program;
  readonly plan: Plan;
  readonly request: RunRequest;
  readonly run: string;
  readonly record: Record;
  readonly signal: AbortSignal;
  readonly ledger: Ledger;
  readonly volumes: VolumePaths;
  /** Further repositories whose volume could not be attached, and why. */
  readonly unattached: ReadonlyMap<string, HoldfastError>;
  readonly identity: JobIdentity;
  readonly soFar: SoFar;
}

/** Something that hinders no backup, and goes on until a person has looked. */
export interface Concern {
  readonly reason: string;
  readonly hint?: string;
}

/** What the steps of a run have come to. The only thing in a run that changes. */
export interface SoFar {
  /** The newest listing of each repository. */
  readonly listings: Map<string, readonly Snapshot[]>;
  readonly made: { readonly repository: string; readonly id: string }[];
  readonly failures: {
    readonly verb: Verb;
    readonly repository: string;
    readonly error: unknown;
  }[];
  evidence: Evidence | undefined;
  suspicious: readonly string[];
  /** What earlier runs or checks left for a person to look at. */
  concerns: readonly Concern[];
  /** Why an `after` hook of a backup that went well failed. */
  hookFailure: { readonly error: unknown } | undefined;
}

export function nothingYet(): SoFar {
  return {
    listings: new Map(),
    made: [],
    failures: [],
    evidence: undefined,
    suspicious: [],
    concerns: [],
    hookFailure: undefined,
  };
}

export function repositoryIn(undertaking: Undertaking, name: string): Repository {
  return openRepository(undertaking.program, name, undertaking);
}

/** The signal of the run, and progress that goes to whoever listens. */
export function workFor(undertaking: Undertaking, step: string): Work {
  const { signal, record } = undertaking;
  return { signal, progress: (progress) => record({ event: "progress", step, progress }) };
}

/** The snapshots of a repository, asked for at most once between two changes. */
export async function listing(
  undertaking: Undertaking,
  name: string,
): Promise<readonly Snapshot[]> {
  const known = undertaking.soFar.listings.get(name);
  if (known !== undefined) return known;
  const repository = repositoryIn(undertaking, name);
  return noteListing(
    undertaking,
    name,
    await repository.snapshots(undertaking.identity, undertaking.signal),
  );
}

/** Keeps a listing for the steps that follow, and for `status`. */
export function noteListing(
  undertaking: Undertaking,
  name: string,
  snapshots: readonly Snapshot[],
): readonly Snapshot[] {
  const { program, soFar } = undertaking;
  soFar.listings.set(name, snapshots);
  const newest = snapshots.reduce<Date | undefined>(
    (latest, { time }) => (latest === undefined || time > latest ? time : latest),
    undefined,
  );
  program.journal.noteRepository(name, {
    seen: program.now(),
    count: snapshots.length,
    ...(newest === undefined ? {} : { newest }),
  });
  const ids = snapshots.map(({ id }) => id);
  program.journal.forgetVerified(name, ids);
  const repository = repositoryIn(undertaking, name);
  rememberHolding(program, { job: undertaking.plan.job, repository }, snapshots);
  return snapshots;
}
