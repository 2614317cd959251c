// Knows: Slack's incoming webhooks. Must not know: other channels.
import * as z from "zod";
import { SecretReference } from "../kernel/secret-reference.ts";
import { channelSpec } from "./channel.ts";
import { bodyOf, colourOf, encodeEntity, fit, signature } from "./format.ts";
import { post } from "./http.ts";
import { commonNotifierShape, type Notification } from "./notifier.ts";

const Options = z.strictObject({
  type: z.literal("slack").meta({ description: "A message in a Slack channel." }),
  webhook: SecretReference.meta({
    description: "The address of the incoming webhook. Whoever knows it can post.",
    examples: [{ env: "SLACK_WEBHOOK" }, { file: "/etc/holdfast/slack" }],
  }),
  ...commonNotifierShape,
});

const createAnother = "the webhook no longer works: create another one in the Slack app";

/** Posts blocks to a Slack incoming webhook. */
export const slack = Options.transform((options) =>
  channelSpec(options, async (notification, { reveal, signal }) => {
    await post(
      {
        channel: "slack",
        address: await reveal(options.webhook),
        headers: { "content-type": "application/json" },
        body: JSON.stringify(slackMessage(notification)),
        // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/#handling_errors
        hints: { 403: createAnother, 404: createAnother, 410: "the Slack channel is archived" },
      },
      signal,
    );
  }),
);

// https://docs.slack.dev/reference/block-kit/blocks/section-block: text 3000;
// .../header-block: 150; .../composition-objects/text-object: 3000.
const limits = { header: 150, section: 3000, context: 1000 };

/**
 * The blocks for a notification, within Slack's limits. They are plain text, and "<", ">" and "&"
 * are encoded, as Slack asks for (https://docs.slack.dev/messaging/formatting-message-text#escaping):
 * so no text in it is a link or calls a channel.
 */
export function slackMessage(notification: Notification): unknown {
  const encode = encodeEntity;
  const title = fit(notification.title, { limit: limits.header, encode });
  const body = bodyOf(notification, { limit: limits.section, encode });
  const foot = fit(signature(notification), { limit: limits.context, encode });
  return {
    // What notifications on a phone show.
    text: title,
    mrkdwn: false,
    link_names: false,
    attachments: [
      {
        color: `#${colourOf(notification.event).toString(16).padStart(6, "0")}`,
        blocks: [
          { type: "header", text: plain(title) },
          // A block without text would be refused.
          ...(body === "" ? [] : [{ type: "section", text: plain(body) }]),
          { type: "context", elements: [plain(foot)] },
        ],
      },
    ],
  };
}

function plain(text: string): unknown {
  return { type: "plain_text", text, emoji: false };
}
