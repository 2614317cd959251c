// Knows: Discord's webhooks. Must not know: other channels.
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec } from "./channel.ts";
import { bodyOf, colourOf, fit, signature } from "./format.ts";
import { post } from "./http.ts";
import { commonNotifierShape, type Notification } from "./notifier.ts";

const Options = z.strictObject({
  type: z.literal("discord").meta({ description: "A message in a Discord channel." }),
  webhook: SecretReference.meta({
    description:
      "The address of the webhook (channel settings, Integrations). Whoever knows it can post.",
    examples: [{ env: "DISCORD_WEBHOOK" }, { file: "/etc/holdfast/discord" }],
  }),
  ...commonNotifierShape,
});

/** Posts an embed to a Discord webhook. */
export const discord = Options.transform((options) =>
  channelSpec(options, async (notification, { reveal, signal }) => {
    await post(
      {
        channel: "discord",
        address: confirmed(await reveal(options.webhook)),
        headers: { "content-type": "application/json" },
        body: JSON.stringify(discordMessage(notification)),
        hints: {
          401: "the webhook was deleted or its token changed: create a new one in the channel's settings",
          404: "the webhook was deleted: create a new one in the channel's settings",
        },
      },
      signal,
    );
  }),
);

// Without `wait` Discord answers before it knows whether the message can be shown
// (https://discord.com/developers/docs/resources/webhook#execute-webhook). An address that cannot
// be parsed is explained by `post`.
function confirmed(address: string): string {
  const url = URL.parse(address);
  url?.searchParams.set("wait", "true");
  return url?.href ?? address;
}

// https://discord.com/developers/docs/resources/message#embed-object-embed-limits: title 256,
// description 4096, footer 2048, 6000 together.
const limits = { title: 256, description: 4096, footer: 512 };

// A backslash makes punctuation plain. "<" opens mentions and time stamps, "[" opens links.
function plain(character: string): string {
  return /[\\*_~`|<>[\]#@:]/.test(character) ? `\\${character}` : character;
}

/** The embed for a notification, within Discord's limits. No text in it can mention anybody. */
export function discordMessage(notification: Notification): unknown {
  return {
    embeds: [
      {
        title: fit(notification.title, { limit: limits.title, encode: plain }),
        description: bodyOf(notification, { limit: limits.description, encode: plain }),
        color: colourOf(notification.event),
        timestamp: notification.time.toISOString(),
        // A footer knows no mark-up.
        footer: { text: fit(signature(notification), { limit: limits.footer }) },
      },
    ],
    allowed_mentions: { parse: [] },
  };
}
