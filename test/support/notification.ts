// Knows: a notification to try notifiers with. Must not know: any notifier.
import { HoldfastError } from "../../src/kernel/errors.ts";
import type { Host } from "../../src/hosts/host.ts";
import type { Notification, NotifierAccess } from "../../src/notifiers/notifier.ts";

/** What a failed backup says, with anything in it replaced. */
export function exampleNotification(changes: Partial<Notification> = {}): Notification {
  return {
    event: "failure",
    job: "documents",
    run: "01JD3V9",
    time: new Date("2026-11-20T03:00:12Z"),
    machine: "nas",
    title: "documents: failed: the disk is full",
    message: "The repository has no space left.\nNothing was lost.",
    exitStatus: 1,
    seconds: 12.5,
    details: [],
    ...changes,
  };
}

/** Access to a host and to the secrets that a configuration holds as text, and to no others. */
export function accessTo(host: Host): NotifierAccess {
  return {
    host,
    secret: async (reference) => {
      if ("text" in reference) return reference.text;
      throw new HoldfastError("secret-unavailable", `there is no ${JSON.stringify(reference)}`, {
        hint: "create it",
      });
    },
  };
}
