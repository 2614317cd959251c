// Knows: what follows from what was observed. Pure: a plan is a value that is printed, tested or carried out.
import type { Job } from "../config/config.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { localTime } from "../kernel/figures.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import type { Decision, Retention } from "../policy/retention.ts";
import type { Observation, ObservedRepository } from "./observe.ts";
import type { Verb } from "./program.ts";
import { decide, dropped } from "./retain.ts";

/** What a run of one job does, or why it does not. */
export interface Plan {
  readonly job: Job;
  readonly decision: PlanDecision;
  readonly steps: readonly Step[];
}

export type PlanDecision =
  | { readonly action: "run" }
  | {
      readonly action: "skip";
      readonly reason: string;
      readonly hint?: string;
      /** Because a volume or host is not there. */
      readonly away: boolean;
    }
  | { readonly action: "fail"; readonly error: HoldfastError };

/** One verb on one repository. What is not done is in the plan as well, with its reason. */
export interface Step {
  readonly verb: Verb;
  readonly repository: string;
  readonly action: "do" | "skip";
  readonly reason: string;
  readonly hint?: string;
  /** That it is left out needs a person: a run that is fine otherwise ends as a warning. */
  readonly concern?: true;
  /** For a forget whose repository was listed: what it would decide. */
  readonly decisions?: readonly Decision[];
}

/** What planning takes besides the observation. */
export interface PlanQuestion {
  readonly verbs: ReadonlySet<Verb>;
  /** The rules that count for each of the job's repositories. */
  readonly rules: ReadonlyMap<string, Retention | undefined>;
  /** How often each repository wants to be checked by a run, in milliseconds. */
  readonly checkEvery: ReadonlyMap<string, number>;
}

/** Decides what a run of a job consists of. */
export function planJob(observation: Observation, question: PlanQuestion): Plan {
  const { job } = observation;
  if (job.disabled === true) return { job, decision: resting(job), steps: [] };
  const steps = planSteps(observation, question);
  const obstacle = obstacleOf(observation, question.verbs);
  if (obstacle !== undefined) return { job, decision: obstacle, steps: [] };
  if (steps.some(({ action }) => action === "do"))
    return { job, decision: { action: "run" }, steps };
  const first = steps[0];
  const away = observation.copies.some(({ state }) => state === "away");
  const decision = { ...skip(first?.reason ?? "nothing to do", first?.hint), away };
  return { job, decision, steps };
}

function resting(job: Job): PlanDecision {
  const hint = `say \`enabled: true\` for job ${job.name} in the configuration`;
  return { action: "skip", reason: "disabled", hint, away: false };
}

/** What keeps the whole job from being run: something away skips it, something wrong fails it. */
function obstacleOf(observation: Observation, verbs: ReadonlySet<Verb>): PlanDecision | undefined {
  if (observation.repository.state === "away") {
    return skip(observation.repository.reason, observation.repository.hint);
  }
  if ("error" in observation.repository) {
    return { action: "fail", error: observation.repository.error };
  }
  return verbs.has("backup") ? sourceObstacle(observation) : undefined;
}

function sourceObstacle({ job, sources }: Observation): PlanDecision | undefined {
  for (const source of sources) {
    if (source.state === "away") return skip(source.reason, source.hint);
  }
  // What a `before` hook mounts or writes is not there yet; preparing the source will tell.
  if (job.hooks.before.length > 0) return undefined;
  for (const source of sources) {
    if (source.state !== "seen" || source.found.kind === "ready") continue;
    const { kind, reason } = source.found;
    const hint =
      kind === "missing"
        ? "is its disk mounted? Otherwise correct the path in the configuration"
        : "let the user that runs holdfast read it, or name another place in the job's sources";
    const code = kind === "missing" ? "source-missing" : "source-unreadable";
    return { action: "fail", error: new HoldfastError(code, reason, { hint }) };
  }
  return undefined;
}

function skip(reason: string, hint: string | undefined): Extract<PlanDecision, { action: "skip" }> {
  return { action: "skip", reason, away: true, ...(hint === undefined ? {} : { hint }) };
}

function planSteps(observation: Observation, question: PlanQuestion): readonly Step[] {
  const { job, repository, copies } = observation;
  const wanted = ({ verb }: Step): boolean => question.verbs.has(verb);
  const all = [repository, ...copies];
  return [
    {
      verb: "backup",
      repository: repository.name,
      action: "do",
      reason: backupReason(job),
    } as const,
    ...copies.map(planCopy),
    // Checked first: where a check finds damage, this very run forgets nothing any more.
    ...all.flatMap((each) => planCheck(observation, each, question)),
    ...all.flatMap((each) => planForget(observation, each, question)),
  ].filter(wanted);
}

function backupReason(job: Job): string {
  return `sources: ${job.sources.map(({ spec }) => spec.label).join(", ")}`;
}

function planCopy(copy: ObservedRepository): Step {
  const step = { verb: "copy", repository: copy.name } as const;
  if (copy.state === "away") return skipped(step, copy);
  if ("error" in copy) return { ...step, action: "do", reason: copy.error.message };
  return { ...step, action: "do", reason: "it receives the snapshots that it lacks" };
}

function planForget(
  observation: Observation,
  target: ObservedRepository,
  question: PlanQuestion,
): readonly Step[] {
  const forget = { verb: "forget", repository: target.name } as const;
  const prune = { verb: "prune", repository: target.name } as const;
  const rules = question.rules.get(target.name);
  if (target.state === "away") return [skipped(forget, target), skipped(prune, target)];
  if (target.unhealthy !== undefined) {
    const why = damageOf(observation, target.unhealthy);
    return [
      { ...forget, action: "skip", ...why, concern: true },
      { ...prune, action: "skip", ...why },
    ];
  }
  if (!question.verbs.has("forget")) {
    return [{ ...prune, action: "do", reason: "reclaims the space of forgotten snapshots" }];
  }
  if (rules === undefined || Object.keys(rules).length === 0) {
    const reason = "no `keep` rules: nothing is ever forgotten";
    return [
      { ...forget, action: "skip", reason },
      { ...prune, action: "skip", reason },
    ];
  }
  if (observation.suspicious.length > 0) {
    const reason = `frozen because a run was suspicious: ${observation.suspicious.join("; ")}`;
    const hint = `look at the newest snapshot, then: holdfast accept ${observation.job.name}`;
    return [
      { ...forget, action: "skip", reason, hint, concern: true },
      { ...prune, action: "skip", reason, hint },
    ];
  }
  const decisions = foreseen(observation, target, { rules, backup: question.verbs.has("backup") });
  const count = decisions === undefined ? undefined : dropped(decisions).length;
  const reason = count === undefined ? "by the `keep` rules" : foreseenReason(count);
  return [
    { ...forget, action: "do", reason, ...(decisions === undefined ? {} : { decisions }) },
    planPrune(observation, target),
  ];
}

function foreseenReason(count: number): string {
  return count === 0 ? "the rules keep every snapshot" : `the rules drop ${count}`;
}

/**
 * What forgetting would decide, counting the snapshots that this very run is going to make: without
 * them a dry run would promise to keep what the run then drops.
 */
function foreseen(
  observation: Observation,
  target: ObservedRepository,
  options: { readonly rules: Retention; readonly backup: boolean },
): readonly Decision[] | undefined {
  if (target.state !== "listed") return undefined;
  const { series: growing, snapshots, verified, pins = new Map() } = target;
  const coming: readonly Snapshot[] = options.backup
    ? growing.map((series) => ({
        id: `new:${series}`,
        time: observation.now,
        kind: "snapshot",
        labels: [],
        series,
      }))
    : [];
  const proven = new Map([...verified, ...coming.map(({ id }) => [id, observation.now] as const)]);
  const decisions = decide({
    snapshots: [...snapshots, ...coming],
    rules: options.rules,
    verified: proven,
    pins,
    now: observation.now,
  });
  return decisions.filter(({ snapshot }) => !coming.includes(snapshot));
}

/** A check that reads all data lifts whatever an earlier one found. */
function damageOf({ job }: Observation, unhealthy: string) {
  return {
    reason: `its last check found damage: ${unhealthy}`,
    hint: `repair it, then: holdfast check ${job.name} --read-data`,
  };
}

/** Pruning after forgetting. Asked for alone, it is done whenever it was last done. */
function planPrune(observation: Observation, target: ObservedRepository): Step {
  const step = { verb: "prune", repository: target.name } as const;
  const last = target.facts?.lastPrune;
  const due = observation.now.getTime() - observation.job.pruneEveryMs;
  if (last !== undefined && last.getTime() > due) {
    return { ...step, action: "skip", reason: `last pruned ${localTime(last)}` };
  }
  return { ...step, action: "do", reason: "if anything was forgotten" };
}

function planCheck(
  observation: Observation,
  target: ObservedRepository,
  question: PlanQuestion,
): readonly Step[] {
  const every = question.checkEvery.get(target.name);
  if (every === undefined) return [];
  const step = { verb: "check", repository: target.name } as const;
  if (target.state === "away") return [skipped(step, target)];
  const last = target.facts?.lastCheck;
  if (last !== undefined && observation.now.getTime() - last.getTime() < every) {
    return [{ ...step, action: "skip", reason: `last checked ${localTime(last)}` }];
  }
  const reason = last === undefined ? "never checked" : `last checked ${localTime(last)}`;
  return [{ ...step, action: "do", reason }];
}

function skipped(
  step: Pick<Step, "verb" | "repository">,
  away: { readonly reason: string; readonly hint?: string },
): Step {
  const hint = away.hint === undefined ? {} : { hint: away.hint };
  return { ...step, action: "skip", reason: away.reason, ...hint };
}
