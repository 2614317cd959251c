// Knows: which commands a step of a plan stands for. Must not know: how they are run.
import type { HookCommand } from "../config/config.ts";
import type { PlannedVerb, Repository } from "../engines/engine.ts";
import type { Command, Host } from "../hosts/host.ts";
import { showCommand } from "../hosts/show-command.ts";
import type { PreparedSource } from "../kernel/prepared-source.ts";
import type { Observation, ObservedRepository } from "./observe.ts";
import type { Plan, Step } from "./plan.ts";
import type { RunRequest } from "./program.ts";
import type { PlanReport, StepReport } from "./report.ts";
import { dropped } from "./retain.ts";

/** What a plan is put into words with. */
export interface PreviewContext {
  readonly observation: Observation;
  readonly request: RunRequest;
  /** Stands in for what is not prepared: a dry run quiesces nothing. */
  readonly source: PreparedSource;
  readonly sourceHost: Host;
  /** The names of the volumes that the plan uses. */
  readonly uses: readonly string[];
  readonly open: (repository: string) => Repository;
}

/** Puts a plan into words and commands, for a dry run. */
export function reportPlan(plan: Plan, context: PreviewContext): PlanReport {
  const { job, decision } = plan;
  const steps = plan.steps.flatMap((step) => [
    ...hookReport(step, "before", job.hooks.before),
    reportStep(step, context),
    ...hookReport(step, "after", job.hooks.after),
  ]);
  switch (decision.action) {
    case "run": {
      const attach = attachReports(context);
      return { job: job.name, action: "run", steps: [...attach, ...steps] };
    }
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

/** What is plugged in and not in use is attached first, and put back in the end. */
function attachReports({ observation, uses }: PreviewContext): readonly StepReport[] {
  return uses.flatMap((volume) => {
    const state = observation.attachable.get(volume);
    if (state === undefined) return [];
    const reason = `${state}: it will be attached, and put back in the end`;
    return [{ step: `attach ${volume}`, action: "do", reason, commands: [] }];
  });
}

/** The hooks around a backup, which are commands as well. */
function hookReport(
  { verb, action, repository }: Step,
  moment: "before" | "after",
  hooks: readonly HookCommand[],
): readonly StepReport[] {
  if (verb !== "backup" || action === "skip" || hooks.length === 0) return [];
  const commands = hooks.map((argv) => showCommand({ argv, effect: "writes" }));
  return [{ step: `${moment} hooks`, repository, action, reason: "configured", commands }];
}

function reportStep(step: Step, context: PreviewContext): StepReport {
  const { verb, repository, action } = step;
  const commands = action === "skip" ? [] : commandsOf(step, context);
  const reason = reasonOf(step, context);
  return { step: verb, repository, action, reason, commands: commands.map(showCommand) };
}

/** Of a repository on a volume that is yet to be attached nothing more can be said. */
function reasonOf({ action, repository, reason }: Step, { observation }: PreviewContext): string {
  const all = [observation.repository, ...observation.copies];
  const target = all.find(({ name }) => name === repository);
  if (action === "skip" || target?.state !== "unlisted") return reason;
  return `${reason}; its snapshots can be listed when its volume is attached`;
}

function commandsOf(step: Step, context: PreviewContext): readonly Command[] {
  const { repository, copies } = context.observation;
  const target = [repository, ...copies].find(({ name }) => name === step.repository);
  if (target?.state !== "listed") return [];
  const planned = plannedVerb(step, target, context);
  return planned === undefined ? [] : context.open(target.name).preview(planned);
}

type ListedRepository = Extract<ObservedRepository, { state: "listed" }>;

function plannedVerb(
  step: Step,
  target: ListedRepository,
  context: PreviewContext,
): PlannedVerb | undefined {
  const { observation, request } = context;
  const { job } = observation;
  switch (step.verb) {
    case "backup": {
      const labels = [...job.labels, ...request.labels];
      const { selection } = job;
      const { full, allowDeletions } = request;
      const { source, sourceHost } = context;
      const settings = { selection, labels, full, allowDeletions };
      return { verb: "backup", request: { job: job.name, source, sourceHost, ...settings } };
    }
    case "copy":
      return plannedCopy(target, context);
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
  to: ListedRepository,
  { observation, open }: PreviewContext,
): PlannedVerb | undefined {
  const from = observation.repository;
  if (from.state !== "listed") return undefined;
  const made = from.snapshots.filter(({ series }) => series !== undefined);
  const snapshots = open(to.name).missing(made, to.snapshots);
  const lacking = new Set(snapshots);
  const common = made.filter((snapshot) => !lacking.has(snapshot));
  return { verb: "copy", from: open(from.name), snapshots, common };
}
