import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import * as z from "zod";
import { exampleNotification } from "../../test/support/notification.ts";
import { discordMessage } from "./discord.ts";
import type { Notification } from "./notifier.ts";

const Message = z.strictObject({
  embeds: z.tuple([
    z.strictObject({
      title: z.string(),
      description: z.string(),
      color: z.number(),
      timestamp: z.string(),
      footer: z.strictObject({ text: z.string() }),
    }),
  ]),
  allowed_mentions: z.strictObject({ parse: z.array(z.string()) }),
});

function messageFor(changes: Partial<Notification>): z.output<typeof Message> {
  return Message.parse(discordMessage(exampleNotification(changes)));
}

test("shows a failure in red with title, text, time and machine", () => {
  const { embeds } = messageFor({});

  assert.deepEqual(embeds, [
    {
      title: "documents\\: failed\\: the disk is full",
      description: "The repository has no space left.\nNothing was lost.",
      color: 0xd0342c,
      timestamp: "2026-11-20T03:00:12.000Z",
      footer: { text: "nas · 2026-11-20T03:00:12.000Z · run 01JD3V9" },
    },
  ]);
});

test("lets nobody be mentioned", () => {
  const message = messageFor({ title: "@everyone <@&123> look" });

  assert.deepEqual(message.allowed_mentions, { parse: [] });
  assert.equal(message.embeds[0].title, "\\@everyone \\<\\@&123\\> look");
});

test("takes no mark-up from a job's name", () => {
  const { embeds } = messageFor({ message: "# **loud** [free](https://example.org) ||x|| `y`" });

  assert.equal(
    embeds[0].description,
    "\\# \\*\\*loud\\*\\* \\[free\\](https\\://example.org) \\|\\|x\\|\\| \\`y\\`",
  );
});

test("stays within Discord's limits, whatever it is told", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.nat({ max: 500 }),
      fc.nat({ max: 500 }),
      (piece, repeats, lines) => {
        const text = piece.repeat(repeats);
        const details = Array.from({ length: lines }, () => piece);

        const [embed] = messageFor({ title: text, message: text, machine: text, details }).embeds;

        assert.ok(embed.title.length <= 256);
        assert.ok(embed.description.length <= 4096);
        assert.ok(embed.title.length + embed.description.length + embed.footer.text.length <= 6000);
      },
    ),
    { numRuns: 50, verbose: true },
  );
});
