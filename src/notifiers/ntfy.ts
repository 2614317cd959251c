// Knows: ntfy servers. Must not know: other channels.
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec, type Delivery } from "./channel.ts";
import { bytesOf, fit, severityOf, signedBodyOf, type Severity } from "./format.ts";
import { post, ServerAddress } from "./http.ts";
import { commonNotifierShape, type Notification } from "./notifier.ts";

const Options = z
  .strictObject({
    type: z.literal("ntfy").meta({ description: "A push message through an ntfy server." }),
    server: ServerAddress.default("https://ntfy.sh").meta({
      description: "The ntfy server.",
      examples: ["https://ntfy.example.org"],
    }),
    topic: z
      .string()
      .regex(/^[-_A-Za-z0-9]{1,64}$/, {
        error: "a topic has 1 to 64 letters, digits, hyphens and underscores",
      })
      .meta({
        description:
          "The topic. On a server without accounts whoever guesses it can read it: make it long.",
        examples: ["backups-7hq2mz"],
      }),
    token: SecretReference.optional().meta({
      description: "An access token, instead of user and password.",
      examples: [{ env: "NTFY_TOKEN" }],
    }),
    user: z
      .string()
      .min(1)
      .regex(/^[^:]+$/, { error: "a user name has no colon" })
      .optional()
      .meta({ description: "The user who may publish.", examples: ["holdfast"] }),
    password: SecretReference.optional().meta({
      description: "The user's password.",
      examples: [{ file: "/etc/holdfast/ntfy" }],
    }),
    priority: z
      .int()
      .min(1)
      .max(5)
      .optional()
      .meta({
        description:
          "1 to 5 for every message. Default: 4 for problems, 3 for warnings, 2 for all else.",
        examples: [3],
      }),
    ...commonNotifierShape,
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    error: "user and password belong together",
    path: ["user"],
  })
  .refine(({ user, token }) => user === undefined || token === undefined, {
    error: "either a token or a user with a password",
    path: ["token"],
  });
type Options = z.output<typeof Options>;

/**
 * Publishes to an ntfy topic. As JSON (https://docs.ntfy.sh/publish/#publish-as-json): text of any
 * script needs no encoding there, and the topic is not in the address, which proxies write down.
 */
export const ntfy = Options.transform((options) =>
  channelSpec(options, async (notification, delivery) => {
    const authorization = await authorizationOf(options, delivery);
    await post(
      {
        channel: "ntfy",
        address: options.server,
        headers: {
          "content-type": "application/json",
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: JSON.stringify(ntfyMessage(notification, options)),
        hints: {
          401: "check the token, or user and password",
          403: "this user or token may not write to the topic",
          404: "the server is not an ntfy server, or its address has a path too many",
        },
      },
      delivery.signal,
    );
  }),
);

async function authorizationOf(
  { token, user, password }: Options,
  { reveal }: Delivery,
): Promise<string | undefined> {
  if (token !== undefined) return `Bearer ${await reveal(token)}`;
  if (user === undefined || password === undefined) return undefined;
  return `Basic ${Buffer.from(`${user}:${await reveal(password)}`).toString("base64")}`;
}

// 5 keeps a phone ringing: nothing that a backup says is that urgent unless somebody asks for it.
const priorities: Readonly<Record<Severity, number>> = {
  information: 2,
  success: 2,
  warning: 3,
  problem: 4,
};

// Names from https://docs.ntfy.sh/emojis/: shown as a symbol before the title.
const tags: Readonly<Record<Severity, string>> = {
  information: "information_source",
  success: "white_check_mark",
  warning: "warning",
  problem: "rotating_light",
};

/**
 * What is published. A message over 4,096 bytes would arrive as an attached file
 * (https://docs.ntfy.sh/publish/#limitations). The length of titles is not documented.
 */
export function ntfyMessage(
  notification: Notification,
  { topic, priority }: { readonly topic: string; readonly priority?: number | undefined },
): unknown {
  const severity = severityOf(notification.event);
  return {
    topic,
    title: fit(notification.title, { limit: 250 }),
    message: signedBodyOf(notification, { limit: 4096, measure: bytesOf }),
    priority: priority ?? priorities[severity],
    tags: [tags[severity]],
    markdown: false,
  };
}
