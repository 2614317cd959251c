// Knows: what all channels do alike: hold back details, keep a time limit, fail in one way. Must not know: any channel.
import type { Host } from "../hosts/host.ts";
import { formatDuration } from "../kernel/duration.ts";
import { HoldfastError, type ErrorDetails } from "../kernel/errors.ts";
import type { SecretReference } from "../kernel/secret-reference.ts";
import { cleanLine, cleanText } from "./format.ts";
import type { Notification, NotificationEvent, NotifierAccess, NotifierSpec } from "./notifier.ts";

/** What every channel's options have. */
export interface ChannelOptions {
  readonly type: string;
  readonly on: readonly NotificationEvent[];
  readonly "include-details": boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

/** What a channel works with while it delivers one notification. */
export interface Delivery {
  readonly host: Host;
  /** Aborts when the caller does or when the time limit is over. */
  readonly signal: AbortSignal;
  /** The text of a secret. It must go no further than into the request or the command itself. */
  readonly reveal: (reference: SecretReference) => Promise<string>;
}

/**
 * Delivers one notification, which is clean (see `outgoing`). Throws any `HoldfastError`; its message
 * becomes part of `notification-failed`.
 */
export type Deliver = (notification: Notification, delivery: Delivery) => Promise<void>;

/** A failure of one channel in the one form that all have. `what` must hold no secret and no address. */
export function notificationFailed(
  channel: string,
  what: string,
  details: ErrorDetails = {},
): HoldfastError {
  return new HoldfastError("notification-failed", `${channel}: ${what}`, details);
}

/** Makes a notifier of a function that delivers, with what all channels do alike around it. */
export function channelSpec(options: ChannelOptions, deliver: Deliver): NotifierSpec {
  return {
    type: options.type,
    on: new Set(options.on),
    includeDetails: options["include-details"],
    open: (access) => ({
      send: (notification, signal) => send(notification, { options, deliver, access, signal }),
    }),
  };
}

interface Sending {
  readonly options: ChannelOptions;
  readonly deliver: Deliver;
  readonly access: NotifierAccess;
  readonly signal: AbortSignal;
}

async function send(notification: Notification, sending: Sending): Promise<void> {
  const { options, access } = sending;
  const signal = AbortSignal.any([sending.signal, AbortSignal.timeout(options.timeout)]);
  const reveal = async (reference: SecretReference): Promise<string> =>
    (await access.secret(reference, signal)).reveal();
  try {
    signal.throwIfAborted();
    await sending.deliver(outgoing(notification, options["include-details"]), {
      host: access.host,
      signal,
      reveal,
    });
  } catch (error) {
    throw explain(error, sending, signal);
  }
}

/**
 * What may leave the house: without `includeDetails` no details, and in any case no secret, no
 * control characters and no broken Unicode, whatever the caller put in.
 */
export function outgoing(notification: Notification, includeDetails: boolean): Notification {
  return {
    ...notification,
    ...(notification.job === undefined ? {} : { job: cleanLine(notification.job) }),
    machine: cleanLine(notification.machine),
    title: cleanLine(notification.title),
    message: cleanText(notification.message),
    details: includeDetails ? notification.details.map(cleanText) : [],
  };
}

function explain(error: unknown, sending: Sending, limited: AbortSignal): unknown {
  const { type, timeout } = sending.options;
  if (sending.signal.aborted) return notificationFailed(type, "stopped before it was told");
  if (limited.aborted) {
    return notificationFailed(type, `did not take the message within ${formatDuration(timeout)}`);
  }
  // Anything but a HoldfastError is a bug, and keeps its stack.
  if (!(error instanceof HoldfastError) || error.code === "notification-failed") return error;
  return notificationFailed(type, error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
