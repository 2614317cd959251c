// Knows: Gotify servers. Must not know: other channels.
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec } from "./channel.ts";
import { fit, severityOf, signedBodyOf, type Severity } from "./format.ts";
import { post, ServerAddress } from "./http.ts";
import { commonNotifierShape, type Notification } from "./notifier.ts";

const Options = z.strictObject({
  type: z.literal("gotify").meta({ description: "A push message through a Gotify server." }),
  server: ServerAddress.meta({
    description: "The Gotify server.",
    examples: ["https://gotify.example.org"],
  }),
  token: SecretReference.meta({
    description: "The token of an application (Apps, Create Application).",
    examples: [{ env: "GOTIFY_TOKEN" }],
  }),
  priority: z
    .int()
    .min(0)
    .max(10)
    .optional()
    .meta({
      description:
        "0 to 10 for every message. Default: 8 for problems, 5 for warnings, 2 for all else.",
      examples: [5],
    }),
  ...commonNotifierShape,
});

/** Pushes a message to a Gotify server. The token goes in a header, not in the address. */
export const gotify = Options.transform((options) =>
  channelSpec(options, async (notification, { reveal, signal }) => {
    await post(
      {
        channel: "gotify",
        address: `${options.server.replace(/\/+$/, "")}/message`,
        headers: {
          "content-type": "application/json",
          "x-gotify-key": await reveal(options.token),
        },
        body: JSON.stringify(gotifyMessage(notification, options.priority)),
        hints: {
          401: "check the token: it must be that of an application, not of a client",
          403: "check the token: it must be that of an application, not of a client",
          404: "the server is not a Gotify server, or a path is missing in its address",
        },
      },
      signal,
    );
  }),
);

// The Android app makes a sound from 4 on and vibrates too from 8 on
// (https://github.com/gotify/android#message-priorities).
const priorities: Readonly<Record<Severity, number>> = {
  information: 2,
  success: 2,
  warning: 5,
  problem: 8,
};

/**
 * What is pushed: shown as plain text, so that nothing in it is taken for Markdown. Gotify documents
 * no limits; these keep a message readable on a phone.
 */
export function gotifyMessage(notification: Notification, priority?: number): unknown {
  return {
    title: fit(notification.title, { limit: 250 }),
    message: signedBodyOf(notification, { limit: 8000 }),
    priority: priority ?? priorities[severityOf(notification.event)],
    extras: { "client::display": { contentType: "text/plain" } },
  };
}
