// Knows: what is told and how a channel is spoken to. Must not know: why something is told (jobs).
import * as z from "zod";
import type { Host } from "../hosts/host.ts";
import { Duration } from "../kernel/duration.ts";
import type { ResolveSecret } from "../kernel/secret-reference.ts";

/** What somebody can be told about. */
export const NotificationEvent = z.enum([
  "start",
  "success",
  "warning",
  "failure",
  "skipped",
  "overdue",
  "recovered",
  "repository-full",
  "retries-exhausted",
]);
export type NotificationEvent = z.output<typeof NotificationEvent>;

/** Keys that every notifier has. Spread into each notifier's own strict schema. */
export const commonNotifierShape = {
  on: z
    .array(NotificationEvent)
    .default(["warning", "failure", "overdue", "recovered", "repository-full", "retries-exhausted"])
    .meta({
      description: "Which events it is told about.",
      examples: [["failure", "warning", "recovered"]],
    }),
  "include-details": z.boolean().default(false).meta({
    description:
      "Also send the end of the log and the names of files that could not be read. They leave the house then.",
  }),
  timeout: Duration.refine((ms) => ms >= 100 && ms <= 3_600_000, {
    error: "expected a time between 100ms and 1h",
  })
    .prefault("30s")
    .meta({
      description: "How long sending one message may take in all, with every attempt.",
      examples: ["30s"],
    }),
};

/** One message, the same for every channel. Holds no secret. */
export interface Notification {
  readonly event: NotificationEvent;
  /** Absent in a test message. */
  readonly job?: string;
  readonly run?: string;
  readonly time: Date;
  /** The machine that speaks. */
  readonly machine: string;
  /** One line. */
  readonly title: string;
  /** A few lines, no mark-up, no file names. */
  readonly message: string;
  readonly exitStatus?: number;
  readonly seconds?: number;
  /** Log lines and file names. Only sent with `include-details`. */
  readonly details: readonly string[];
}

/** What a notifier's schema parses into. */
export interface NotifierSpec {
  readonly type: string;
  readonly on: ReadonlySet<NotificationEvent>;
  readonly includeDetails: boolean;
  open(access: NotifierAccess): Notifier;
}

export interface NotifierAccess {
  readonly host: Host;
  readonly secret: ResolveSecret;
}

export interface Notifier {
  /**
   * Says it once, within a time limit of its own. Throws `notification-failed`, also when the caller
   * aborts; never a secret in it.
   */
  send(notification: Notification, signal: AbortSignal): Promise<void>;
}
