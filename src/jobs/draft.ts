// Knows: how an observation and a question become a plan. Must not know: what is done with it.
import type { Job } from "../config/config.ts";
import { observeJob, type Depth, type Observation, type ObservedSource } from "./observe.ts";
import { placedRepository, repositoriesOf } from "./open.ts";
import { absenceOf, hindranceOf, type EndedUpstream } from "./order.ts";
import { planJob, type Plan } from "./plan.ts";
import type { Program, RunRequest } from "./program.ts";
import { rulesFor } from "./retain.ts";

/** What to plan, and how closely to look for it. */
export interface DraftQuestion {
  readonly job: Job;
  readonly request: RunRequest;
  readonly depth: Depth;
  /** What became, in the same invocation, of the jobs whose snapshots this one reads. */
  readonly upstreams?: readonly EndedUpstream[];
}

/**
 * Looks, then plans. Reads only. Throws `upstream-failed` where a backup would read what a job that
 * failed just now has left.
 */
export async function draftPlan(
  program: Program,
  question: DraftQuestion,
  signal: AbortSignal,
): Promise<{ readonly plan: Plan; readonly observation: Observation }> {
  const { job, request, depth } = question;
  const reads = request.verbs.has("backup") && job.disabled !== true;
  const upstreams = reads ? (question.upstreams ?? []) : [];
  const hindrance = hindranceOf(upstreams);
  if (hindrance !== undefined) throw hindrance;

  const seen = await observeJob(program, job, { depth, signal });
  const observation = { ...seen, sources: foreseen(seen, upstreams) };
  const names = repositoriesOf(job);
  const plan = planJob(observation, {
    verbs: request.verbs,
    rules: new Map(names.map((name) => [name, rulesFor(program, job, name)])),
    checkEvery: new Map(
      names.flatMap((name) => {
        const every = placedRepository(program, name).spec.checkEveryMs;
        return every === undefined ? [] : [[name, every] as const];
      }),
    ),
  });
  const absence = missing(seen)
    .map((name) => absenceOf(upstreams, name))
    .find(isKnown);
  if (absence === undefined || plan.decision.action === "skip") return { plan, observation };
  const decision = { action: "skip", reason: absence, away: false } as const;
  return { plan: { job, decision, steps: [] }, observation };
}

/** The repositories that the job reads and that hold no snapshot. */
function missing({ job, sources }: Observation): readonly string[] {
  return sources.flatMap((source, index) => {
    const spec = job.sources[index]?.spec;
    return spec?.repository === true && isMissing(source) ? [spec.at] : [];
  });
}

function isMissing(source: ObservedSource): boolean {
  return source.state === "seen" && source.found.kind === "missing";
}

/** The sources as they will be once jobs that a dry run does not start have made their first snapshot. */
function foreseen(
  { job, sources }: Observation,
  upstreams: readonly EndedUpstream[],
): readonly ObservedSource[] {
  const coming = new Set(
    upstreams.flatMap(({ repository, end }) => (end === "planned" ? [repository] : [])),
  );
  return sources.map((source, index) => {
    const spec = job.sources[index]?.spec;
    const isComing = spec?.repository === true && coming.has(spec.at) && isMissing(source);
    if (!isComing) return source;
    return { label: source.label, state: "seen", found: { kind: "ready", empty: false } };
  });
}

function isKnown(reason: string | undefined): reason is string {
  return reason !== undefined;
}
