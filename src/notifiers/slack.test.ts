import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { exampleNotification } from "../../test/support/notification.ts";
import type { Notification } from "./notifier.ts";
import { slackMessage } from "./slack.ts";

const Plain = z.strictObject({
  type: z.literal("plain_text"),
  text: z.string().min(1),
  emoji: z.literal(false),
});

const Message = z.strictObject({
  text: z.string(),
  mrkdwn: z.literal(false),
  link_names: z.literal(false),
  attachments: z.tuple([
    z.strictObject({
      color: z.string().regex(/^#[0-9a-f]{6}$/),
      blocks: z.array(
        z.discriminatedUnion("type", [
          z.strictObject({ type: z.literal("header"), text: Plain }),
          z.strictObject({ type: z.literal("section"), text: Plain }),
          z.strictObject({ type: z.literal("context"), elements: z.array(Plain) }),
        ]),
      ),
    }),
  ]),
});

function messageFor(changes: Partial<Notification>): z.output<typeof Message> {
  return Message.parse(slackMessage(exampleNotification(changes)));
}

test("shows title, text and signature as plain text", () => {
  const [attachment] = messageFor({}).attachments;

  assert.deepEqual(
    attachment.blocks.map((block) => ("text" in block ? block.text : block.elements[0])?.text),
    [
      "documents: failed: the disk is full",
      "The repository has no space left.\nNothing was lost.",
      "nas · 2026-11-20T03:00:12.000Z · run 01JD3V9",
    ],
  );
  assert.equal(attachment.color, "#d0342c");
});

test("encodes the characters that open links and call channels", () => {
  const message = messageFor({ title: "<!channel> & <https://example.org|free>" });

  assert.equal(message.text, "&lt;!channel&gt; &amp; &lt;https://example.org|free&gt;");
});

test("leaves out the section when there is nothing to say in it", () => {
  const [attachment] = messageFor({ message: "" }).attachments;

  assert.deepEqual(
    attachment.blocks.map(({ type }) => type),
    ["header", "context"],
  );
});

test("stays within Slack's limits after encoding", () => {
  const [attachment] = messageFor({
    title: "<".repeat(400),
    message: "&".repeat(5000),
    machine: ">".repeat(5000),
    details: ["<".repeat(5000)],
  }).attachments;

  const lengths = attachment.blocks.map((block) =>
    "text" in block ? block.text.text.length : (block.elements[0]?.text.length ?? 0),
  );
  assert.ok((lengths[0] ?? 0) <= 150, `header ${lengths[0]}`);
  assert.ok((lengths[1] ?? 0) <= 3000, `section ${lengths[1]}`);
  assert.ok((lengths[2] ?? 0) <= 3000, `context ${lengths[2]}`);
});
