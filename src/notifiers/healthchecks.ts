// Knows: the pinging API of Healthchecks. Must not know: other channels.
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec, notificationFailed } from "./channel.ts";
import { bodyOf, bytesOf, cleanLine } from "./format.ts";
import { post } from "./http.ts";
import { commonNotifierShape, NotificationEvent, type Notification } from "./notifier.ts";

const Options = z.strictObject({
  type: z.literal("healthchecks").meta({
    description:
      "Pings of a Healthchecks server (healthchecks.io or your own), which raises the alarm when they stay away.",
  }),
  url: SecretReference.meta({
    description:
      "The ping address of one check, with its UUID or with ping key and slug (`?create=1` may follow). Use one check for one job.",
    examples: [{ env: "HEALTHCHECKS_URL" }, { file: "/etc/holdfast/healthchecks" }],
  }),
  warning: z.enum(["failure", "success"]).default("failure").meta({
    description:
      "What a run that ended with warnings is reported as. A check knows no third state.",
  }),
  ...commonNotifierShape,
  on: z
    .array(NotificationEvent)
    .default([
      "start",
      "success",
      "warning",
      "failure",
      "recovered",
      "repository-full",
      "retries-exhausted",
    ])
    .meta({
      description:
        "Which events it is told about. Start and success belong here: without them the check cannot notice that they stay away.",
      examples: [["start", "success", "warning", "failure"]],
    }),
});
type Options = z.output<typeof Options>;

/**
 * Pings a check (https://healthchecks.io/docs/http_api/): `/start`, the plain address for success,
 * the exit status or `/fail` for failure, all with the `rid` of the run, so that durations are right.
 * Log and file names follow only with `include-details`.
 */
export const healthchecks = Options.transform((options) =>
  channelSpec(options, async (notification, { reveal, signal }) => {
    const answer = await post(
      {
        channel: "healthchecks",
        address: pingAddress(await reveal(options.url), notification, options.warning),
        headers: { "content-type": "text/plain; charset=utf-8" },
        body: options["include-details"] ? pingBody(notification) : "",
        hints: {
          404: "there is no such check: copy its ping address again",
          409: "several checks have this slug: use the address with the UUID",
        },
      },
      signal,
    );
    checkAnswer(answer);
  }),
);

// A ping to an unknown UUID, and one too many a minute, are answered with status 200.
function checkAnswer(answer: string): void {
  const remark = /^OK \((not found|rate limited)\)/.exec(cleanLine(answer))?.[1];
  if (remark === undefined) return;
  throw notificationFailed("healthchecks", `the ping did not count: ${remark}`, {
    hint:
      remark === "not found"
        ? "there is no such check: copy its ping address again"
        : "a check takes five pings a minute: use one check for one job",
  });
}

/** The address to ping. One that cannot be parsed is returned as it is: `post` explains it. */
export function pingAddress(
  base: string,
  notification: Notification,
  warning: Options["warning"],
): string {
  const url = URL.parse(base);
  if (url === null) return base;
  // `?create=1` and the like stay behind the path.
  url.pathname = url.pathname.replace(/\/+$/, "") + pingPath(notification, warning);
  if (notification.run !== undefined) url.searchParams.set("rid", runUuid(notification.run));
  return url.href;
}

// A test message says nothing about the health of a job, and neither does a run that was not needed:
// `/log` is written down and changes nothing.
function pingPath(notification: Notification, warning: Options["warning"]): string {
  if (notification.job === undefined) return "/log";
  switch (notification.event) {
    case "start":
      return "/start";
    case "success":
    case "recovered":
      return "";
    case "skipped":
      return "/log";
    case "warning":
      return warning === "success" ? "" : failurePath(notification.exitStatus);
    case "failure":
    case "overdue":
    case "repository-full":
    case "retries-exhausted":
      return failurePath(notification.exitStatus);
  }
}

// The service shows the exit status. It takes 1 to 255 for a failure and 0 for a success.
function failurePath(exitStatus: number | undefined): string {
  const known = exitStatus !== undefined && exitStatus >= 1 && exitStatus <= 255;
  return known ? `/${exitStatus}` : "/fail";
}

// Any fixed UUID would do: it keeps ours apart from those that others derive from the same text.
const namespace = Buffer.from("5f6f1c0e9d0a4c55a1d95b2f6c1a7e34", "hex");

const uuidForm = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * The UUID that stands for a run, the same for its start and its end: the run's id where that is
 * one, else version 5 of it (RFC 9562, 5.5).
 */
export function runUuid(run: string): string {
  if (uuidForm.test(run)) return run.toLowerCase();
  // Loaded when it is needed: it takes 5 ms, for which every start of the program would wait.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const hash = createHash("sha1").update(namespace).update(run).digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString("hex");
  return [8, 12, 16, 20, 32]
    .map((end, index, ends) => hex.slice(ends[index - 1] ?? 0, end))
    .join("-");
}

// Healthchecks keeps the first 100 kB of a body (https://healthchecks.io/docs/attaching_logs/).
function pingBody(notification: Notification): string {
  const head = `${notification.title}\n\n`;
  const limit = 100_000 - bytesOf(head);
  return head + bodyOf(notification, { limit, measure: bytesOf });
}
