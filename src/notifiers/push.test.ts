import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleNotification } from "../../test/support/notification.ts";
import { gotifyMessage } from "./gotify.ts";
import { ntfyMessage } from "./ntfy.ts";

test("ntfy: publishes title, text, tag and a priority that follows the event", () => {
  const message = ntfyMessage(exampleNotification({ title: "Größe 💾", message: "Über" }), {
    topic: "backups",
  });

  assert.deepEqual(message, {
    topic: "backups",
    title: "Größe 💾",
    message: "Über\n\nnas · 2026-11-20T03:00:12.000Z · run 01JD3V9",
    priority: 4,
    tags: ["rotating_light"],
    markdown: false,
  });
});

test("ntfy: takes the priority that was configured", () => {
  const message = ntfyMessage(exampleNotification(), { topic: "backups", priority: 1 });

  assert.ok(typeof message === "object" && message !== null && "priority" in message);
  assert.equal(message.priority, 1);
});

test("ntfy: keeps a message under the 4,096 bytes from which on it becomes a file", () => {
  const long = exampleNotification({ message: "ä".repeat(9000), details: ["ö".repeat(9000)] });

  const message = ntfyMessage(long, { topic: "backups" });

  assert.ok(typeof message === "object" && message !== null && "message" in message);
  assert.ok(Buffer.byteLength(String(message.message)) <= 4096);
  assert.match(String(message.message), /run 01JD3V9$/);
});

test("gotify: pushes plain text with a priority that follows the event", () => {
  assert.deepEqual(gotifyMessage(exampleNotification({ event: "success", message: "**no**" })), {
    title: "documents: failed: the disk is full",
    message: "**no**\n\nnas · 2026-11-20T03:00:12.000Z · run 01JD3V9",
    priority: 2,
    extras: { "client::display": { contentType: "text/plain" } },
  });
});
