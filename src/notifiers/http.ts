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
  const call = callOf(message);
  for (let attempts = 0; ; attempts += 1) {
    const answer = await ask(call, message.channel, signal);
    if (answer.kind === "taken") return answer.text;

    const pauseMs = pausesMs[attempts];
    const wait = Math.max(pauseMs ?? 0, answer.retryAfterMs ?? 0);
    const isLast = !answer.passing || pauseMs === undefined || wait > longestPauseMs;
    if (isLast) throw refusal(message, answer);
    await sleep(wait, undefined, { signal });
  }
}

type Answer =
  | { readonly kind: "taken"; readonly text: string }
  | {
      readonly kind: "refused";
      readonly status?: number;
      /** What happened, without the address. */
      readonly what: string;
      readonly hint?: string;
      /** Whether the same may succeed in a second. */
      readonly passing: boolean;
      readonly retryAfterMs?: number;
    };

type Refusal = Extract<Answer, { kind: "refused" }>;

function refusal(message: Post, { status, what, hint = message.hints?.[status ?? 0] }: Refusal) {
  return notificationFailed(message.channel, what, hint === undefined ? {} : { hint });
}

/** A request that can be made again: fetch uses up the body of a `Request`. */
interface Call {
  readonly url: URL;
  readonly init: RequestInit;
}

function callOf(message: Post): Call {
  try {
    const url = new URL(message.address);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError("another protocol");
    const headers = new Headers({ "user-agent": "holdfast", ...message.headers });
    // fetch refuses addresses with credentials.
    if (url.username !== "" && !headers.has("authorization")) {
      const credentials = [url.username, url.password].map(decodeURIComponent).join(":");
      headers.set("authorization", `Basic ${Buffer.from(credentials).toString("base64")}`);
    }
    url.username = "";
    url.password = "";
    const method = message.method ?? "POST";
    return { url, init: { method, headers, body: message.body, redirect: "manual" } };
  } catch {
    // The error is dropped because it quotes the address or the header, and both may be secrets.
    throw notificationFailed(message.channel, "its address or a header is not valid", {
      hint: "an address begins with https://, and a secret has no line breaks",
    });
  }
}

async function ask(call: Call, channel: string, signal: AbortSignal): Promise<Answer> {
  let { url } = call;
  for (let redirects = 0; redirects <= redirectLimit; redirects += 1) {
    const response = await attempt({ ...call, url }, signal);
    if ("kind" in response) return response;

    const location = response.headers.get("location");
    if (!redirecting.has(response.status) || location === null) return read(response, signal);
    await response.body?.cancel();
    const next = URL.parse(location, url.href);
    if (next === null || !isSameHost(url, next)) {
      throw notificationFailed(channel, `was sent to another host (status ${response.status})`, {
        hint: "write the final address into the configuration",
      });
    }
    url = next;
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

async function attempt({ url, init }: Call, signal: AbortSignal): Promise<Response | Answer> {
  try {
    return await fetch(url, { ...init, signal });
  } catch (error) {
    return unreached(error, signal);
  }
}

// Only the code of an error is told: its message may quote the address.
function unreached(error: unknown, signal: AbortSignal): Refusal {
  signal.throwIfAborted();
  const code = codeOf(error);
  if (!/CERT|SIGNATURE/.test(code)) {
    return { kind: "refused", what: `could not be reached (${code})`, passing: true };
  }
  return {
    kind: "refused",
    what: `has a certificate that is not trusted (${code})`,
    hint: "for a certificate of your own set NODE_EXTRA_CA_CERTS to its file",
    passing: false,
  };
}

function codeOf(error: unknown): string {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ("code" in current && typeof current.code === "string") return current.code;
  }
  return "network error";
}

async function read(response: Response, signal: AbortSignal): Promise<Answer> {
  const retryAfterMs = retryAfter(response.headers.get("retry-after"), Date.now());
  try {
    const text = await beginningOf(response);
    if (response.ok) return { kind: "taken", text };
  } catch (error) {
    // Cut off in the middle. What was taken is not sent twice for the sake of the rest.
    if (response.ok && !signal.aborted) return { kind: "taken", text: "" };
    return unreached(error, signal);
  }
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
