// Knows: who is told what, and when. Must not know: how a channel is spoken to.
import { hostname } from "node:os";
import type { Job } from "../config/config.ts";
import type { RunRecord } from "../journal/journal.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { formatDuration } from "../kernel/duration.ts";
import { formatSize } from "../kernel/size.ts";
import type { Notification, NotificationEvent } from "../notifiers/notifier.ts";
import { describeOutcome } from "./describe.ts";
import type { Listener } from "./event.ts";
import type { Program } from "./program.ts";
import type { JobResult } from "./report.ts";

/** Longest list of names and log lines that is sent with `include-details`. */
const mostDetails = 50;

/** What telling takes besides the message: until when, and who hears that it did not work. */
interface Telling {
  readonly signal: AbortSignal;
  readonly listener: Listener;
}

/** Tells those who want to know that a run begins. Never throws because a channel fails. */
export async function notifyStart(
  program: Program,
  what: { readonly job: Job; readonly run: string },
  telling: Telling,
): Promise<void> {
  const { job, run } = what;
  const title = `${job.name}: started`;
  const message = { ...blank(program, title), job: job.name, run };
  await tell(program, { job, run, candidates: ["start"], message }, telling);
}

/**
 * Tells how a run ended. Each notifier hears of it once: of the first of these events that it is
 * told about ("recovered" rather than "success", "repository-full" rather than "failure").
 */
export async function notifyEnd(
  program: Program,
  what: {
    readonly job: Job;
    readonly result: JobResult;
    readonly before: RunRecord | undefined;
  },
  telling: Telling,
): Promise<void> {
  const { job, result, before } = what;
  const candidates = eventsOf(result, before);
  const message: Omit<Notification, "event"> = {
    ...blank(program, describeOutcome({ ...result, reason: discreetReason(result) })),
    job: job.name,
    run: result.run,
    message: summary(result),
    exitStatus: result.exitStatus,
    seconds: result.seconds,
    details: details(program, result),
  };
  // An interrupted run is still told about: its own signal has been aborted already.
  const signal = new AbortController().signal;
  await tell(program, { job, run: result.run, candidates, message }, { ...telling, signal });
}

/** Which events the end of a run is, the most telling first. */
export function eventsOf(
  { outcome, code }: Pick<JobResult, "outcome" | "code">,
  before: RunRecord | undefined,
): readonly NotificationEvent[] {
  switch (outcome) {
    case "success":
      return wasBroken(before) ? ["recovered", "success"] : ["success"];
    case "warning":
    case "skipped":
      return [outcome];
    case "failure":
      return code === "repository-full" ? ["repository-full", "failure"] : ["failure"];
    case "interrupted":
      return ["failure"];
    case "cancelled":
      // Somebody pressed a key, or another run of it is under way: whoever did it knows. Who looks after
      // this job need not hear of the one that it reads.
      return code === "upstream-failed" ? ["failure"] : [];
  }
}

function wasBroken(before: RunRecord | undefined): boolean {
  const { outcome, code } = before?.end ?? {};
  return outcome === "failure" || outcome === "interrupted" || code === "upstream-failed";
}

/** Tells that the daemon has given up on a run until its schedule comes round again. */
export async function notifyRetriesExhausted(
  program: Program,
  what: { readonly job: Job; readonly result: JobResult },
  telling: Telling,
): Promise<void> {
  const { job, result } = what;
  const title = `${job.name}: failed again, no more retries until its schedule`;
  const message = {
    ...blank(program, title),
    job: job.name,
    run: result.run,
    message: summary(result),
    exitStatus: result.exitStatus,
  };
  const candidates: readonly NotificationEvent[] = ["retries-exhausted"];
  await tell(program, { job, run: result.run, candidates, message }, telling);
}

/**
 * Tells, once for each time it becomes so, that a job has had no success for too long. Answers with
 * sentences about those who could not be told: there is no run whose events could hold them.
 */
export async function notifyOverdue(
  program: Program,
  job: Job,
  telling: Telling,
): Promise<readonly string[]> {
  const last = program.journal.lastRun(job.name, ["success", "warning"]);
  const since = last?.finished?.toISOString() ?? "never";
  const mark = `overdue-told:${job.name}`;
  if (program.journal.mark(mark) === since) return [];
  const age =
    last?.finished === undefined
      ? "it has never succeeded"
      : `its last success was ${formatDuration(program.now().getTime() - last.finished.getTime())} ago`;
  const message = { ...blank(program, `${job.name}: overdue`), job: job.name, message: age };
  const failures = await tell(program, { job, candidates: ["overdue"], message }, telling);
  // Whoever was being told when the daemon had to end is told after its next start.
  if (!telling.signal.aborted) program.journal.setMark(mark, since);
  return failures;
}

/** Sends a test message to each of these notifiers. */
export async function testNotifiers(
  program: Program,
  names: readonly string[],
  signal: AbortSignal,
): Promise<
  readonly { readonly notifier: string; readonly ok: boolean; readonly message?: string }[]
> {
  return await Promise.all(
    names.map(async (notifier) => {
      const message = {
        ...blank(program, "test message from holdfast"),
        message: "If you can read this, notifications of this kind reach you.",
        event: "success" as const,
      };
      try {
        await openNotifier(program, notifier).send(message, signal);
        return { notifier, ok: true };
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        return { notifier, ok: false, message: error.message };
      }
    }),
  );
}

interface Message {
  readonly job: Job;
  readonly run?: string;
  readonly candidates: readonly NotificationEvent[];
  readonly message: Omit<Notification, "event">;
}

/** Tells everyone who wants to know. Answers with sentences about those who could not be told. */
async function tell(
  program: Program,
  message: Message,
  telling: Telling,
): Promise<readonly string[]> {
  const failures = await Promise.all(
    message.job.notify.map(async (name) => {
      const on = program.config.notifiers.get(name)?.on;
      const event = message.candidates.find((candidate) => on?.has(candidate));
      if (event === undefined) return [];
      try {
        await openNotifier(program, name).send({ ...message.message, event }, telling.signal);
        return [];
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        const failure = `notifier ${name}: ${error.message}`;
        reportFailure(program, { message, failure }, telling.listener);
        return [failure];
      }
    }),
  );
  return failures.flat();
}

/** A notifier that fails changes no outcome; it is written down, and seen by whoever watches. */
function reportFailure(
  program: Program,
  failed: { readonly message: Message; readonly failure: string },
  listener: Listener,
): void {
  const { run, job } = failed.message;
  if (run === undefined) return;
  const time = program.now();
  program.journal.append(run, { time, event: "warning", data: { message: failed.failure } });
  listener({ time, run, job: job.name, event: { event: "warning", message: failed.failure } });
}

function openNotifier(program: Program, name: string) {
  const spec = program.config.notifiers.get(name);
  if (spec === undefined) throw new Error(`notifier ${name} is not configured`);
  return spec.open({ host: program.hosts.here, secret: program.secret });
}

function blank(program: Program, title: string): Omit<Notification, "event"> {
  return { time: program.now(), machine: hostname(), title, message: "", details: [] };
}

/**
 * Why, without paths and names of files: they leave the house only in the details, when asked for.
 */
function discreetReason({ outcome, code, evidence }: JobResult): string {
  if (code !== undefined) return code;
  const unreadable = evidence?.unreadableCount ?? 0;
  if (unreadable > 0)
    return `${unreadable} ${unreadable === 1 ? "file" : "files"} could not be read`;
  switch (outcome) {
    case "success":
      return "all of it";
    case "skipped":
      return "something it needs is away";
    case "warning":
    case "failure":
    case "cancelled":
    case "interrupted":
      return "have a look at it";
  }
}

/** What a message says below its title. Holds no names of files: those are details. */
function summary(result: JobResult): string {
  const { evidence, snapshots } = result;
  const lines = [
    evidence?.files === undefined ? undefined : `files: ${evidence.files}`,
    evidence?.bytes === undefined ? undefined : `size: ${formatSize(evidence.bytes)}`,
    evidence?.added === undefined ? undefined : `added: ${formatSize(evidence.added)}`,
    `duration: ${formatDuration(result.seconds * 1000)}`,
    evidence?.maintenanceSeconds === undefined
      ? undefined
      : `maintenance: ${formatDuration(evidence.maintenanceSeconds * 1000)}`,
    ...snapshots.map(({ repository, id }) => `snapshot: ${id.slice(0, 12)} in ${repository}`),
    result.outcome === "success" ? undefined : `more: holdfast logs ${result.run}`,
  ];
  return lines.filter((line) => line !== undefined).join("\n");
}

function details(program: Program, result: JobResult): readonly string[] {
  const why = [result.reason, result.hint].filter((line) => line !== undefined);
  const unreadable = (result.evidence?.unreadable ?? []).map((name) => `could not read: ${name}`);
  const log = program.journal
    .events(result.run)
    .map(({ time, event, data }) => `${time.toISOString()} ${event} ${JSON.stringify(data)}`);
  return [...why, ...unreadable.slice(0, mostDetails), ...log.slice(-mostDetails)];
}
