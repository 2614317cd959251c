// Knows: how cron fields are understood. Must not know: which of their moments want a run.
import { Cron } from "croner";

/** Cron arithmetic alone: without a function there is nothing for a timer to start. */
export function newCron(cron: string, timezone?: string): Cron {
  return new Cron(cron, {
    mode: "5-part",
    paused: true,
    // "30 2,14 * * *" means two times of the day, as in Vixie cron, and not all that a clock shows.
    fixedTimeRule: "no-wildcard",
    ...(timezone === undefined ? {} : { timezone }),
  });
}
