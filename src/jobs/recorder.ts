// Knows: that an event is kept before anyone hears of it. Must not know: what events mean.
import type { Journal } from "../journal/journal.ts";
import type { Listener, RunEvent } from "./event.ts";

/** Says what happens in one run: to the journal first, then to whoever listens. */
export type Record = (event: RunEvent) => void;

/** The recorder of one run. Progress is passed on and not kept: it is stale at once. */
export function recorder(options: {
  readonly journal: Journal;
  readonly run: string;
  readonly job: string;
  readonly now: () => Date;
  readonly listener: Listener;
}): Record {
  const { journal, run, job, now, listener } = options;
  return (event) => {
    const time = now();
    if (event.event !== "progress") {
      const { event: name, ...data } = event;
      journal.append(run, { time, event: name, data });
    }
    listener({ time, run, job, event });
  };
}
