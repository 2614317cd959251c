// Knows: which commands a step of a plan stands for. Must not know: how they are run.
import type { PlannedVerb, Repository } from "../engines/engine.ts";
import type { Command } from "../hosts/host.ts";
import { showCommand } from "../hosts/show-command.ts";
import type { PreparedSource } from "../kernel/prepared-source.ts";
import type { Snapshot } from "../kernel/snapshot.ts";
import type { Observation, ObservedRepository } from "./observe.ts";
import type { Plan, Step } from "./plan.ts";
import type { RunRequest } from "./program.ts";
import type { PlanReport, StepReport } from "./report.ts";
import { dropped } from "./retain.ts";

/** Puts a plan into words and commands, for a dry run. */
export function reportPlan(plan: Plan, observation: Observation, request: RunRequest): PlanReport {
  const { job, decision } = plan;
  const steps = plan.steps.map((step) => reportStep(step, observation, request));
  switch (decision.action) {
    case "run":
      return { job: job.name, action: "run", steps };
    case "skip": {
      const hint = decision.hint === undefined ? {} : { hint: decision.hint };
      return { job: job.name, action: "skip", reason: decision.reason, steps, ...hint };
    }
    case "fail": {
      const { code, message, hint } = decision.error;
      const why = { reason: message, code, ...(hint === undefined ? {} : { hint }) };
      return { job: job.name, action: "fail", steps, ...why };
    }
  }
}

function reportStep(step: Step, observation: Observation, request: RunRequest): StepReport {
  const { verb, repository, action, reason } = step;
  const commands = action === "skip" ? [] : commandsOf(step, observation, request);
  return { step: verb, repository, action, reason, commands: commands.map(showCommand) };
}

function commandsOf(step: Step, observation: Observation, request: RunRequest): readonly Command[] {
  const all = [observation.repository, ...observation.copies];
  const target = all.find(({ name }) => name === step.repository);
  if (target?.state !== "listed") return [];
  const planned = plannedVerb(step, { observation, target, request });
  return planned === undefined ? [] : target.repository.preview(planned);
}

interface StepContext {
  readonly observation: Observation;
  readonly target: Extract<ObservedRepository, { state: "listed" }>;
  readonly request: RunRequest;
}

function plannedVerb(step: Step, context: StepContext): PlannedVerb | undefined {
  const { observation, target, request } = context;
  const { job } = observation;
  switch (step.verb) {
    case "backup": {
      const source = unprepared(target.identity.paths);
      const labels = [...job.labels, ...request.labels];
      const { selection } = job;
      return {
        verb: "backup",
        request: { job: job.name, source, selection, labels, full: request.full },
      };
    }
    case "copy":
      return plannedCopy(observation, target.repository, target.snapshots);
    case "forget": {
      const ids = dropped(step.decisions ?? []).map(({ id }) => id);
      return ids.length === 0 ? undefined : { verb: "forget", ids };
    }
    case "prune":
      return { verb: "prune" };
    case "check":
      return { verb: "check", level: {} };
  }
}

function plannedCopy(
  { repository: from }: Observation,
  to: Repository,
  ours: readonly Snapshot[],
): PlannedVerb | undefined {
  if (from.state !== "listed") return undefined;
  const made = from.snapshots.filter(({ series }) => series !== undefined);
  return { verb: "copy", from: from.repository, snapshots: to.missing(made, ours) };
}

/** Stands in for a source that is not prepared: a dry run quiesces nothing. */
function unprepared(paths: readonly string[]): PreparedSource {
  return {
    kind: "paths",
    paths,
    async [Symbol.asyncDispose]() {
      // Nothing was taken.
    },
  };
}
