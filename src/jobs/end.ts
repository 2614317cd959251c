// Knows: how the end of a run follows from what its steps came to. Must not know: how a run is carried out.
import { errorCodes, HoldfastError, isRetriable } from "../kernel/errors.ts";
import type { RunEnd } from "../journal/journal.ts";
import type { JobResult } from "./report.ts";
import type { SoFar } from "./undertaking.ts";

/** How a run ended, and the failure that made it end so. */
export interface End {
  readonly run: RunEnd;
  readonly error?: unknown;
}

/** What is said of a failure: its own words, or the whole stack of a bug. */
export function explained(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
} {
  if (!(error instanceof HoldfastError)) return { code: "bug", message: describeBug(error) };
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The end of a run that did not do anything. */
export function skippedEnd(skip: {
  readonly reason: string;
  readonly hint?: string;
  readonly away: boolean;
}): End {
  const { reason, hint, away } = skip;
  const why = { reason, ...(hint === undefined ? {} : { hint }) };
  return { run: { outcome: "skipped", ...why, away, snapshots: [], suspicious: [] } };
}

/** The end of a run that could do nothing because something is not there. */
export function awayEnd({ message, hint }: HoldfastError): End {
  return skippedEnd({ reason: message, away: true, ...(hint === undefined ? {} : { hint }) });
}

/** What is said while a run goes on of something that it survives. */
export function warningOf({ message, hint }: HoldfastError): {
  readonly message: string;
  readonly hint?: string;
} {
  return { message, ...(hint === undefined ? {} : { hint }) };
}

/**
 * The same end when volumes could not be put back: no success any more, because a drive that is still
 * unlocked is something that a person should know. A failure stays what it is.
 */
export function withStuckVolumes(end: End, stuck: readonly HoldfastError[]): End {
  const { outcome, reason, hint } = end.run;
  const [first] = stuck;
  if (first === undefined || (outcome !== "success" && outcome !== "warning")) return end;
  const reasons = [
    ...(reason === undefined ? [] : [reason]),
    ...stuck.map(({ message }) => message),
  ];
  const next = hint ?? first.hint ?? "close what uses the drive, then: holdfast recover";
  return {
    ...end,
    run: { ...end.run, outcome: "warning", reason: reasons.join("; "), hint: next },
  };
}

/** The end of a run without a failure: a success, or a warning when something needs a look. */
export function endOf(soFar: SoFar, who: { readonly job: string; readonly run: string }): End {
  const { evidence, suspicious, made, concerns } = soFar;
  const reasons = [
    ...unreadableReason(evidence),
    ...suspicious,
    ...new Set(concerns.map((concern) => `nothing is forgotten: ${concern.reason}`)),
  ];
  const proof = evidence === undefined ? {} : { evidence };
  const end = { snapshots: made, suspicious, ...proof };
  if (reasons.length === 0) return { run: { outcome: "success", ...end } };
  const hint =
    suspicious.length > 0
      ? `nothing is forgotten until somebody has looked; then: holdfast accept ${who.job}`
      : (concerns[0]?.hint ?? `see which with: holdfast logs ${who.run}`);
  return { run: { outcome: "warning", reason: reasons.join("; "), hint, ...end } };
}

function unreadableReason(evidence: SoFar["evidence"]): readonly string[] {
  const count = evidence?.unreadableCount ?? evidence?.unreadable?.length ?? 0;
  return count === 0 ? [] : [`${count} ${count === 1 ? "file" : "files"} could not be read`];
}

// Nothing was wrong with the run itself.
const cancelling: ReadonlySet<string> = new Set(["interrupted", "busy", "upstream-failed"]);

/** The end of a run that a failure ended, or an interruption. */
export function failedEnd(error: unknown, soFar: SoFar): End {
  const { message, hint } = explained(error);
  const known = error instanceof HoldfastError ? error.code : "bug";
  return {
    error,
    run: {
      outcome: cancelling.has(known) ? "cancelled" : "failure",
      reason: error instanceof HoldfastError ? message : (message.split("\n")[0] ?? message),
      code: known,
      ...(hint === undefined ? {} : { hint }),
      snapshots: soFar.made,
      suspicious: soFar.suspicious,
      ...(soFar.evidence === undefined ? {} : { evidence: soFar.evidence }),
    },
  };
}

/** The exit status of a run on its own: 3 for a warning, the failure's own otherwise. */
function exitStatusFor({ run, error }: End): number {
  if (run.outcome === "warning") return 3;
  if (run.code === undefined) return 0;
  return run.code === "bug" || !(error instanceof HoldfastError) ? 70 : errorCodes[run.code].exit;
}

/** What whoever asked for the run is told. */
export function resultOf(options: {
  readonly job: string;
  readonly run: string;
  readonly seconds: number;
  readonly end: End;
}): JobResult {
  const { job, run, seconds, end } = options;
  const { outcome, reason, code, hint, snapshots, evidence } = end.run;
  return {
    job,
    run,
    outcome,
    away: end.run.away ?? false,
    retriable: isRetriable(end.error),
    exitStatus: exitStatusFor(end),
    snapshots,
    seconds,
    ...(reason === undefined ? {} : { reason }),
    ...(code === undefined ? {} : { code }),
    ...(hint === undefined ? {} : { hint }),
    ...(evidence === undefined ? {} : { evidence }),
  };
}
