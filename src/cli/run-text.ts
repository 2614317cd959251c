// Knows: how plans, events and ends of runs are put into words. Must not know: where the words go.
import type { VolumeEvent } from "../jobs/attachments.ts";
import { describeOutcome } from "../jobs/describe.ts";
import type { RunEvent, StampedEvent } from "../jobs/event.ts";
import type { PlanReport, StepReport } from "../jobs/report.ts";
import type { OutcomeKind } from "../journal/journal.ts";
import type { Evidence } from "../kernel/evidence.ts";
import { formatSize } from "../kernel/figures.ts";
import type { Paint } from "./paint.ts";
import { count, formatSeconds, indent, visible, visibleLines } from "./wording.ts";

/** Text about an event, and who wants to read it. */
export interface Told {
  /** A result is what was asked for; a message tells what is going on; a detail is for `-v`. */
  readonly level: "result" | "message" | "detail";
  readonly text: string;
  /** A result that must be shown even to those who want to hear nothing. */
  readonly bad?: boolean;
}

/** How events are put into words. */
export interface EventStyle {
  readonly paint: Paint;
  /** Verbs that were asked for by name: it matters that they were left out. */
  readonly asked: ReadonlySet<string>;
}

/** An event in words. `undefined` for what only a progress line shows. */
export function eventText(
  { job, run, event }: StampedEvent,
  { paint, asked }: EventStyle,
): Told | undefined {
  const about = (text: string): string => `${job}: ${text}`;
  switch (event.event) {
    case "run-started":
      return { level: "detail", text: about(`run ${run} started`) };
    case "run-recovered":
      return { level: "message", text: about(`put back: ${event.subject}`) };
    case "step-started":
      return { level: "message", text: about(`${stepName(event)} …`) };
    case "progress":
      return undefined;
    case "step-finished":
      return { level: "detail", text: about(finishedText(event)) };
    case "step-skipped":
      return {
        level: levelOfMissing(event.step, asked),
        text: about(`${stepName(event)} left out: ${event.reason}`),
      };
    case "step-failed":
      return { level: "message", text: about(`${stepName(event)} failed: ${event.message}`) };
    case "volume-attached":
    case "volume-released":
      return { level: "message", text: about(volumeText(event)) };
    case "warning":
      return { level: "message", text: about(`${paint.yellow("warning:")} ${event.message}`) };
    case "run-finished":
      return endText({ job, run, ...event }, paint);
  }
}

/** What happens to a volume, in words. */
export function volumeText(event: VolumeEvent): string {
  if (event.event === "volume-released") return `${event.volume} may be unplugged`;
  return `${event.volume}: ${event.did.join(" and ")} at ${visible(event.path)}`;
}

/** That a snapshot is not made or not copied concerns a person; that nothing is tidied up need not. */
function levelOfMissing(step: string, asked: ReadonlySet<string>): Told["level"] {
  const isMissed = asked.has(step) || step === "backup" || step === "copy";
  return isMissed ? "message" : "detail";
}

function stepName(event: { readonly step: string; readonly repository?: string }): string {
  return event.repository === undefined ? event.step : `${event.step} (${event.repository})`;
}

function finishedText(event: Extract<RunEvent, { event: "step-finished" }>): string {
  const { result, seconds } = event;
  const facts = Object.entries(result)
    .map(([key, value]) => factText(key, value))
    .filter((text) => text !== "");
  return `${stepName(event)} done in ${formatSeconds(seconds)}${facts.length > 0 ? `: ${facts.join(", ")}` : ""}`;
}

/** A fact about a step as far as it is worth a word: how many, or what. */
function factText(key: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "" : `${key} ${value.length}`;
  if (key === "freedBytes" && typeof value === "number") return `${formatSize(value)} freed`;
  return typeof value === "string" ? value : "";
}

/** The end of a run, as its event says it. */
type EndedRun = { readonly job: string; readonly run: string } & Extract<
  RunEvent,
  { event: "run-finished" }
>;

const outcomeColours: Readonly<Record<OutcomeKind, keyof Paint>> = {
  success: "green",
  warning: "yellow",
  skipped: "dim",
  failure: "red",
  cancelled: "red",
  interrupted: "red",
};

/** An outcome in its colour. */
export function paintOutcome(outcome: OutcomeKind, text: string, paint: Paint): string {
  return paint[outcomeColours[outcome]](text);
}

function endText(end: EndedRun, paint: Paint): Told {
  const bad = end.outcome !== "success" && end.outcome !== "skipped";
  const headline = visibleLines(describeOutcome(end));
  const lines = [`${paintOutcome(end.outcome, headline, paint)}${figures(end)}`];
  for (const { repository, id } of end.snapshots) {
    lines.push(`  snapshot ${shortId(id)} in ${repository}`);
  }
  lines.push(...unreadableLines(end.evidence));
  lines.push(...(end.evidence?.notes ?? []).map((note) => `  note: ${visible(note)}`));
  if (end.hint !== undefined) lines.push(`  ${paint.green("hint:")} ${visibleLines(end.hint)}`);
  return { level: "result", text: lines.join("\n"), bad };
}

function figures({ evidence, seconds, outcome }: EndedRun): string {
  if (outcome === "skipped") return "";
  const { files, bytes, added, maintenanceSeconds } = evidence ?? {};
  const parts = [
    ...(files === undefined ? [] : [count(files, "file")]),
    ...(bytes === undefined ? [] : [formatSize(bytes)]),
    ...(added === undefined ? [] : [`${formatSize(added)} new`]),
    formatSeconds(seconds),
    ...(maintenanceSeconds === undefined
      ? []
      : [`maintenance ${formatSeconds(maintenanceSeconds)}`]),
  ];
  return ` (${parts.join(", ")})`;
}

const namedUnreadable = 5;

function unreadableLines(evidence: Evidence | undefined): readonly string[] {
  const unreadable = evidence?.unreadable ?? [];
  const named = unreadable
    .slice(0, namedUnreadable)
    .map((path) => `  unreadable: ${visible(path)}`);
  const more = (evidence?.unreadableCount ?? unreadable.length) - named.length;
  return more > 0 ? [...named, `  … and ${count(more, "more", "more")}`] : named;
}

/** As much of a snapshot's id as a person needs. Ids that are no hashes are shown whole. */
export function shortId(id: string): string {
  return /^[0-9a-f]{32,}$/.test(id) ? id.slice(0, 8) : visible(id);
}

/** Plans as text: per job what would be done or left out, with reasons and commands. */
export function plansText(plans: readonly PlanReport[], paint: Paint): string {
  return plans.map((plan) => `${planText(plan, paint)}\n`).join("");
}

function planText(plan: PlanReport, paint: Paint): string {
  const lines = [planHeadline(plan, paint)];
  if (plan.hint !== undefined) lines.push(`  ${paint.green("hint:")} ${visibleLines(plan.hint)}`);
  for (const step of plan.steps) lines.push(indent(stepText(step, paint), "  "));
  return lines.join("\n");
}

function planHeadline({ job, action, reason }: PlanReport, paint: Paint): string {
  const because = reason === undefined ? "" : `: ${visibleLines(reason)}`;
  switch (action) {
    case "run":
      return `${paint.bold(job)}: would run`;
    case "skip":
      return `${paint.bold(job)}: would be skipped${because}`;
    case "fail":
      return `${paint.bold(job)}: ${paint.red(`would fail${because}`)}`;
  }
}

function stepText(step: StepReport, paint: Paint): string {
  const name = stepName(step);
  const head =
    step.action === "do"
      ? `${name}: ${visibleLines(step.reason)}`
      : paint.dim(`skip ${name}: ${visibleLines(step.reason)}`);
  return [head, ...step.commands.map((command) => paint.dim(`  $ ${visible(command)}`))].join("\n");
}
