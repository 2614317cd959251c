// Knows: how a daemon tells what it does: to a terminal, a log, or journald. Must not know: the daemon.
import { fstatSync } from "node:fs";
import type { Listener, RunEvent, StampedEvent } from "../jobs/event.ts";
import type { Trigger } from "../journal/journal.ts";
import { plain } from "./paint.ts";
import type { Output } from "./render.ts";
import { telling, toldAtTheEnd } from "./run-listener.ts";
import { eventText, type Told } from "./run-text.ts";
import type { DaemonWish } from "./session.ts";
import { localTimeToTheSecond, visibleLines } from "./wording.ts";

type Loudness = Parameters<DaemonWish["say"]>[0];

/** What a daemon says, and where it goes, until it is disposed of. */
export interface DaemonTelling extends Disposable {
  readonly say: DaemonWish["say"];
  readonly listener: Listener;
}

/**
 * Whether standard error goes to journald. That the variable is there says nothing: what a service
 * starts inherits it (systemd.exec(5), JOURNAL_STREAM).
 */
export function isJournal(env: NodeJS.ProcessEnv): boolean {
  const standardError = 2;
  const { dev, ino } = fstatSync(standardError);
  return env["JOURNAL_STREAM"] === `${dev}:${ino}`;
}

/** Tells what a daemon does: JSON Lines with `--json`, progress lines on a terminal, else a log. */
export function tellingDaemon(
  output: Output,
  { journald }: { readonly journald: boolean },
): DaemonTelling {
  const say = (loudness: Loudness, message: string): void => {
    const time = new Date();
    output.jsonLine({ event: "daemon", time, loudness, message });
    const line = logLine({ loudness, message, time }, { journald });
    if (loudness === "info") output.message(line);
    else output.problem(line);
  };
  if (output.options.json || output.progressStream !== undefined) {
    const told = telling(output, { now: () => new Date(), asked: new Set() });
    return { say, listener: told.listener, [Symbol.dispose]: () => told[Symbol.dispose]() };
  }
  return { say, listener: logListener(output, say), [Symbol.dispose]() {} };
}

function logListener(output: Output, say: DaemonWish["say"]): Listener {
  const failed = new Set<string>();
  return (stamped) => {
    const told = logText(stamped);
    const isDetail = toldAtTheEnd(stamped, failed) || told?.level === "detail";
    if (told === undefined || (isDetail && !output.options.verbose)) return;
    say(loudnessOf(stamped.event), told.text);
  };
}

/** A log tells when a run began, and why, and how it ended. Its steps are for those who want details. */
function logText(stamped: StampedEvent): Told | undefined {
  const { job, event } = stamped;
  if (event.event === "run-started") {
    return { level: "message", text: `${job}: started${whyStarted[event.trigger]}` };
  }
  const told = eventText(stamped, { paint: plain, asked: new Set() });
  return event.event === "step-started" && told !== undefined ? { ...told, level: "detail" } : told;
}

const whyStarted: Readonly<Record<Trigger, string>> = {
  schedule: "",
  "catch-up": ", to make up for a time that was missed",
  retry: " again, for the last run failed or was interrupted",
  available: ", for what was away is there again",
  command: ", because it was asked for",
};

function loudnessOf(event: RunEvent): Loudness {
  if (event.event === "step-failed") return event.code === "interrupted" ? "warning" : "error";
  if (event.event === "warning") return "warning";
  if (event.event !== "run-finished" || event.outcome === "success") return "info";
  if (event.outcome === "skipped") return "info";
  // Cancelled: somebody asked for it, or another run of it is at work; it is made up for.
  return event.outcome === "warning" || event.outcome === "cancelled" ? "warning" : "error";
}

// sd-daemon(3): a line that begins so has that priority in the journal.
const priorities: Readonly<Record<Loudness, string>> = {
  error: "<3>",
  warning: "<4>",
  info: "<6>",
};

/** A message as lines of a log: with priorities for journald, which knows the time; else with the time. */
export function logLine(
  said: { readonly loudness: Loudness; readonly message: string; readonly time: Date },
  { journald }: { readonly journald: boolean },
): string {
  const { loudness, message, time } = said;
  const mark = loudness === "info" ? "" : `${loudness}: `;
  const prefix = journald ? priorities[loudness] : `${localTimeToTheSecond(time)}  `;
  return visibleLines(`${mark}${message}`)
    .split("\n")
    .map((line) => `${prefix}${line}`)
    .join("\n");
}
