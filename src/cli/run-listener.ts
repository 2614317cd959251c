// Knows: how the events of runs reach whoever started them. Must not know: what makes them happen.
import type { Listener, StampedEvent } from "../jobs/event.ts";
import type { JobResult } from "../jobs/report.ts";
import { ProgressDisplay } from "./progress.ts";
import type { Output } from "./render.ts";
import { type EventStyle, eventText } from "./run-text.ts";

/** Tells what happens, until it is disposed of. */
export interface Telling extends Disposable {
  readonly listener: Listener;
  /** Is called once, when all jobs have ended. */
  finish(results: readonly JobResult[]): void;
}

// A program that reads progress wants to know that it goes on, not every change.
const jsonProgressMs = 1000;

/** What the telling depends on besides the output. */
export interface TellingOptions {
  readonly now: () => Date;
  /** Verbs that were asked for by name. */
  readonly asked: ReadonlySet<string>;
}

/** Makes a telling. Some commands have their own. */
export type Tell = (output: Output, options: TellingOptions) => Telling;

/** Tells events as JSON Lines, or as text with progress lines where there is a terminal. */
export const telling: Tell = (output, options) =>
  output.options.json ? tellingJson(output) : tellingText(output, options);

function tellingJson(output: Output): Telling {
  const told = new Map<string, number>();
  return {
    listener(stamped) {
      const { event, time, run } = stamped;
      if (event.event === "progress") {
        if (time.getTime() - (told.get(run) ?? 0) < jsonProgressMs) return;
        told.set(run, time.getTime());
      }
      output.jsonLine(eventLine(stamped));
    },
    finish() {
      // Each job has told its own end.
    },
    [Symbol.dispose]: () => told.clear(),
  };
}

/** An event as one line of `run --json`. */
export function eventLine({
  time,
  run,
  job,
  event,
}: StampedEvent): Readonly<Record<string, unknown>> {
  const { event: name, ...data } = event;
  return { event: name, time, run, job, ...data };
}

/** Tells events as text, with progress lines where there is a terminal. */
export const tellingText: Tell = (output, { now, asked }) => {
  const stream = output.progressStream;
  const paint = output.messagePaint;
  const display = stream === undefined ? undefined : new ProgressDisplay(stream, { paint, now });
  output.footer = display;
  const failed = new Set<string>();
  return {
    listener(stamped) {
      showProgress(display, stamped);
      const told = eventText(stamped, { paint, asked });
      if (told === undefined) return;
      if (toldAtTheEnd(stamped, failed)) {
        output.detail(told.text);
        return;
      }
      switch (told.level) {
        case "result":
          if (!output.options.quiet)
            output.text(`${resultText(stamped, { paint: output.paint, asked })}\n`);
          else if (told.bad === true) output.problem(told.text);
          break;
        case "message":
          // On a terminal the progress line says which step is going on.
          if (display === undefined || stamped.event.event !== "step-started") {
            output.message(told.text);
          } else {
            output.detail(told.text);
          }
          break;
        case "detail":
          output.detail(told.text);
          break;
      }
    },
    finish() {
      // Each job has told its own end.
    },
    [Symbol.dispose]() {
      output.footer = undefined;
      display?.[Symbol.dispose]();
    },
  };
};

/**
 * Whether this is the failure that the run will end with: it is told then. Further ones would stay
 * unknown, and so would the stack of a bug. `failed` holds the runs that have had theirs.
 */
export function toldAtTheEnd({ event, run }: StampedEvent, failed: Set<string>): boolean {
  if (event.event === "run-finished") failed.delete(run);
  if (event.event !== "step-failed" || event.code === "bug" || failed.has(run)) return false;
  failed.add(run);
  return true;
}

/** Results go to standard output, which may have other colours than messages. */
function resultText(stamped: StampedEvent, style: EventStyle): string {
  return eventText(stamped, style)?.text ?? "";
}

function showProgress(display: ProgressDisplay | undefined, stamped: StampedEvent): void {
  const { event, run, job, time } = stamped;
  if (event.event === "step-started") {
    display?.show(run, { job, step: event.step, since: time, progress: {} });
  } else if (event.event === "progress") {
    display?.update(run, event.progress);
  } else if (event.event === "run-finished") {
    display?.remove(run);
  }
}
