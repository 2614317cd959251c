// Knows: what can happen in the life of a run. Must not know: who listens.
import type { RunEnd, Trigger } from "../journal/journal.ts";
import type { Progress } from "../kernel/progress.ts";

/** One fact in the life of a run. All but `progress` are kept in the journal. */
export type RunEvent =
  | { readonly event: "run-started"; readonly trigger: Trigger }
  | { readonly event: "run-recovered"; readonly subject: string }
  | { readonly event: "step-started"; readonly step: string; readonly repository?: string }
  | { readonly event: "progress"; readonly step: string; readonly progress: Progress }
  | {
      readonly event: "step-finished";
      readonly step: string;
      readonly repository?: string;
      readonly seconds: number;
      readonly result: Readonly<Record<string, unknown>>;
    }
  | {
      readonly event: "step-skipped";
      readonly step: string;
      readonly repository?: string;
      readonly reason: string;
    }
  | {
      readonly event: "step-failed";
      readonly step: string;
      readonly repository?: string;
      readonly code: string;
      readonly message: string;
      readonly hint?: string;
    }
  | {
      readonly event: "volume-attached";
      readonly volume: string;
      readonly path: string;
      /** What was done for it and will be undone, such as "unlocked" and "mounted". */
      readonly did: readonly string[];
    }
  | { readonly event: "volume-released"; readonly volume: string; readonly mayUnplug: true }
  | { readonly event: "warning"; readonly message: string; readonly hint?: string }
  | ({ readonly event: "run-finished"; readonly seconds: number } & RunEnd);

/** An event with its place in time. What `run --json` prints, one a line. */
export interface StampedEvent {
  readonly time: Date;
  readonly run: string;
  readonly job: string;
  readonly event: RunEvent;
}

/** Receives every event once, in order, after the journal has it. Must not throw. */
export type Listener = (event: StampedEvent) => void;
