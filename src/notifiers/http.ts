// Knows: how a message is posted over HTTP and when posting is tried again. Must not know: any service.
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { notificationFailed } from "./channel.ts";

/** The address of a service that is no secret itself. */
export const ServerAddress = z
  .url({ protocol: /^https?$/, error: "expected an address that begins with https:// or http://" })
  .refine((text) => !hasCredentials(text), {
    error: "an address holds no user and no password: they have keys of their own",
  });

function hasCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}

/** One message to post. */
export interface Post {
  /** Which notifier speaks: named in errors. */
  readonly channel: string;
  /** Often a secret as a whole, so it is never named in errors. */
  readonly address: string;
  readonly method?: "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** What to do about an answer with this status, for the hint. */
  readonly hints?: Readonly<Record<number, string>>;
}

/** How posting is tried again. Milliseconds. */
export interface Patience {
  /** The pauses between attempts; one attempt more than there are pauses. */
  readonly pausesMs: readonly number[];
  /** A server that asks for a longer pause (`Retry-After`) is not asked again. */
  readonly longestPauseMs: number;
}

// Three attempts within the thirty seconds that a notifier has by default.
const patience: Patience = { pausesMs: [1000, 3000], longestPauseMs: 10_000 };

// Statuses that say "not now". Everything else will be the same in a second.
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/** More of an answer than this is not read: it is no answer to a message. */
const answerLimit = 64 * 1024;

const redirectLimit = 3;

/**
 * Posts a message until a server takes it (status 2xx), and returns the beginning of its answer.
 *
 * Tries again on network errors, 429 and 5xx, after the pause that `Retry-After` asks for. Redirects
 * are followed on the same host only, with the same method and body: addresses, headers and messages
 * are not for other hosts. Throws `notification-failed`, which names channel and status and never
 * the address or a header.
 */
export async function post(
  message: Post,
  signal: AbortSignal,
  { pausesMs, longestPauseMs }: Patience = patience,
): Promise<string> {
  const request = requestOf(message);
  for (const pauseMs of [...pausesMs, undefined]) {
    const answer = await ask(request, message.channel, signal);
    if (answer.kind === "taken") return answer.text;

    const wait = Math.max(pauseMs ?? 0, answer.retryAfterMs ?? 0);
    const hopeless = !answer.passing || pauseMs === undefined || wait > longestPauseMs;
    if (hopeless) throw refusal(message, answer);
    await sleep(wait, undefined, { signal });
  }
  throw new Error("the last attempt neither succeeded nor failed");
}

type Answer =
  | { readonly kind: "taken"; readonly text: string }
  | {
      readonly kind: "refused";
      readonly status?: number;
      /** What happened, without the address. */
      readonly what: string;
      readonly passing: boolean;
      readonly retryAfterMs?: number;
    };

type Refusal = Extract<Answer, { kind: "refused" }>;

function refusal(message: Post, { status, what }: Refusal): Error {
  const hint = status === undefined ? undefined : message.hints?.[status];
  return notificationFailed(message.channel, what, hint === undefined ? {} : { hint });
}

function requestOf(message: Post): Request {
  try {
    return new Request(message.address, {
      method: message.method ?? "POST",
      headers: { "user-agent": "holdfast", ...message.headers },
      body: message.body,
      redirect: "manual",
    });
  } catch {
    // The error is dropped because it quotes the address or the header, and both may be secrets.
    throw notificationFailed(message.channel, "its address or a header is not valid", {
      hint: "an address begins with https://, and a secret has no line breaks",
    });
  }
}

async function ask(request: Request, channel: string, signal: AbortSignal): Promise<Answer> {
  let current = request;
  for (let redirects = 0; redirects <= redirectLimit; redirects += 1) {
    const response = await attempt(current, signal);
    if ("kind" in response) return response;

    const location = response.headers.get("location");
    if (!redirecting.has(response.status) || location === null) return read(response);
    await response.body?.cancel();
    const next = URL.parse(location, current.url);
    if (next === null || !isSameHost(new URL(current.url), next)) {
      throw notificationFailed(channel, `was sent to another host (status ${response.status})`, {
        hint: "write the final address into the configuration",
      });
    }
    current = new Request(next, current.clone());
  }
  return { kind: "refused", what: "was sent in circles by redirects", passing: false };
}

// 303 is missing on purpose: it answers a message that was taken with a page to look at.
const redirecting = new Set([301, 302, 307, 308]);

// The step from http to https is the one that well-kept servers ask for.
function isSameHost(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true;
  const isUpgrade = from.protocol === "http:" && to.protocol === "https:";
  return isUpgrade && from.hostname === to.hostname && from.port === "" && to.port === "";
}

async function attempt(request: Request, signal: AbortSignal): Promise<Response | Answer> {
  try {
    return await fetch(request.clone(), { signal });
  } catch (error) {
    signal.throwIfAborted();
    // Only the code: the message of the error may quote the address.
    return { kind: "refused", what: `could not be reached (${codeOf(error)})`, passing: true };
  }
}

function codeOf(error: unknown): string {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ("code" in current && typeof current.code === "string") return current.code;
  }
  return "network error";
}

async function read(response: Response): Promise<Answer> {
  const text = await beginningOf(response);
  if (response.ok) return { kind: "taken", text };
  const retryAfterMs = retryAfter(response.headers.get("retry-after"), Date.now());
  return {
    kind: "refused",
    status: response.status,
    what: `was refused (status ${response.status})`,
    passing: passing.has(response.status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

async function beginningOf(response: Response): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (bytes >= answerLimit) break;
  }
  return text;
}

/**
 * How long a server asks to wait, in milliseconds: `Retry-After` is a number of seconds or a date
 * (RFC 9110, 10.2.3). Discord sends fractions.
 */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+(\.\d+)?$/.test(header)) return Math.ceil(Number(header) * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
