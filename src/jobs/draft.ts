// Knows: how an observation and a question become a plan. Must not know: what is done with it.
import type { Job } from "../config/config.ts";
import { observeJob, type Depth, type Observation } from "./observe.ts";
import { placedRepository, repositoriesOf } from "./open.ts";
import { planJob, type Plan } from "./plan.ts";
import type { Program, RunRequest } from "./program.ts";
import { rulesFor } from "./retain.ts";

/** What to plan, and how closely to look for it. */
export interface DraftQuestion {
  readonly job: Job;
  readonly request: RunRequest;
  readonly depth: Depth;
}

/** Looks, then plans. Reads only. */
export async function draftPlan(
  program: Program,
  question: DraftQuestion,
  signal: AbortSignal,
): Promise<{ readonly plan: Plan; readonly observation: Observation }> {
  const { job, request, depth } = question;
  const observation = await observeJob(program, job, { depth, signal });
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
  return { plan, observation };
}
