// Knows: how one long step of a command that is no run shows how far it is. Must not know: the step.
import type { Progress } from "../kernel/progress.ts";
import { ProgressDisplay } from "./progress.ts";
import type { Output } from "./render.ts";

/** One step that is shown until it is disposed of. */
export interface StepProgress extends Disposable {
  readonly progress: (progress: Progress) => void;
}

/** What is shown of a step. */
export interface ShownStep {
  readonly job: string;
  readonly step: string;
  readonly now: () => Date;
}

/** Shows how far a step is, where there is a terminal for it. */
export function stepProgress(output: Output, { job, step, now }: ShownStep): StepProgress {
  const stream = output.progressStream;
  if (stream === undefined) {
    return { progress() {}, [Symbol.dispose]() {} };
  }
  const display = new ProgressDisplay(stream, { paint: output.messagePaint, now });
  output.footer = display;
  display.show(step, { job, step, since: now(), progress: {} });
  return {
    progress: (progress) => display.update(step, progress),
    [Symbol.dispose]() {
      output.footer = undefined;
      display[Symbol.dispose]();
    },
  };
}
