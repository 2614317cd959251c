// Knows: how a notification becomes text of the right size for somebody to read. Must not know: any channel.
import { redact } from "../kernel/secret.ts";
import type { Notification, NotificationEvent } from "./notifier.ts";

/** How much an event asks of its reader. */
export type Severity = "information" | "success" | "warning" | "problem";

const severities: Readonly<Record<NotificationEvent, Severity>> = {
  start: "information",
  success: "success",
  warning: "warning",
  failure: "problem",
  skipped: "information",
  overdue: "problem",
  recovered: "success",
  "repository-full": "problem",
  "retries-exhausted": "problem",
};

/** How much this event asks of its reader. */
export function severityOf(event: NotificationEvent): Severity {
  return severities[event];
}

const colours: Readonly<Record<Severity, number>> = {
  information: 0x3b82f6,
  success: 0x2e9e5b,
  warning: 0xe0a100,
  problem: 0xd0342c,
};

/** The colour of an event, as 0xRRGGBB. */
export function colourOf(event: NotificationEvent): number {
  return colours[severityOf(event)];
}

// Besides control characters those that reverse the direction of the text after them: with them a
// file name can pretend to be another. Broken surrogates cannot be sent as UTF-8.
// oxlint-disable-next-line no-control-regex
const unwanted = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text without secrets, control characters (but newline and tab) and broken Unicode. */
export function cleanText(text: string): string {
  return redact(text).replaceAll(/\r\n?/g, "\n").replaceAll(unwanted, "").toWellFormed();
}

/** The same as one line: every run of white space becomes a space. */
export function cleanLine(text: string): string {
  return cleanText(text.replaceAll(/\s+/g, " ")).trim();
}

/** Bytes of a text in UTF-8, for limits that are counted so. */
export function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/** How long a text may get, and what is done to its characters on the way. */
export interface Room {
  readonly limit: number;
  /** Makes one character harmless in the notation of a channel. */
  readonly encode?: (character: string) => string;
  /** What `limit` counts. Default: UTF-16 units, which are never fewer than characters. */
  readonly measure?: (text: string) => number;
}

/**
 * Encodes a text and cuts it where the room ends, with "…" for what is missing. Neither a character
 * nor what it was encoded as is cut in half.
 */
export function fit(text: string, room: Room): string {
  const { limit, encode = (character) => character, measure = (piece) => piece.length } = room;
  const pieces = Array.from(text, encode);
  const sizes = pieces.map(measure);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= limit) return pieces.join("");

  const available = limit - measure("…");
  let used = 0;
  const cut = sizes.findIndex((size) => (used += size) > available);
  return `${pieces.slice(0, cut).join("").trimEnd()}…`;
}

/**
 * Message and details as one text that fits. When there is not room for all details the first ones
 * go: the end of a log says why it ended.
 */
export function bodyOf(notification: Notification, room: Room): string {
  const { measure = (piece: string) => piece.length } = room;
  const message = fit(notification.message, room);
  if (notification.details.length === 0) return message;

  let free = room.limit - measure(message) - measure("\n\n…\n");
  const kept: string[] = [];
  for (const line of notification.details.toReversed()) {
    const encoded = fit(line, { ...room, limit: Number.POSITIVE_INFINITY });
    free -= measure(encoded) + 1;
    if (free < 0) break;
    kept.unshift(encoded);
  }
  if (kept.length === 0) return message;
  const missing = kept.length < notification.details.length ? ["…"] : [];
  return [message, "", ...missing, ...kept].join("\n").trim();
}

/** Who speaks, when, and about which run: for the foot of a message. */
export function signature(notification: Notification): string {
  const run = notification.run === undefined ? [] : [`run ${notification.run}`];
  return [notification.machine, notification.time.toISOString(), ...run].join(" · ");
}

/** Message, details and signature as plain text that fits. */
export function signedBodyOf(notification: Notification, room: Room): string {
  const { measure = (piece: string) => piece.length } = room;
  const foot = `\n\n${fit(signature(notification), { ...room, limit: room.limit / 4 })}`;
  return bodyOf(notification, { ...room, limit: room.limit - measure(foot) }) + foot;
}

/** Version 1 of the document that `webhook` and `command` hand over. Fields may be added. */
export interface NotificationDocument {
  readonly version: 1;
  readonly event: NotificationEvent;
  /** Absent in a test message. */
  readonly job: string | undefined;
  readonly run: string | undefined;
  /** ISO 8601 in UTC. */
  readonly time: string;
  readonly machine: string;
  readonly title: string;
  readonly message: string;
  readonly exitStatus: number | undefined;
  readonly seconds: number | undefined;
  /** Only with `include-details`. */
  readonly details: readonly string[] | undefined;
}

/** A notification as published data. What is undefined does not appear in JSON. */
export function documentOf(notification: Notification): NotificationDocument {
  return {
    version: 1,
    event: notification.event,
    job: notification.job,
    run: notification.run,
    time: notification.time.toISOString(),
    machine: notification.machine,
    title: notification.title,
    message: notification.message,
    exitStatus: notification.exitStatus,
    seconds: notification.seconds,
    details: notification.details.length === 0 ? undefined : notification.details,
  };
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** One character as text in a mark-up that knows entities: Slack's and the desktop's. */
export function encodeEntity(character: string): string {
  return entities[character] ?? character;
}
