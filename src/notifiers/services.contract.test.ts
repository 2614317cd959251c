import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { suite, test } from "node:test";
import * as z from "zod";
import { openHttpSink } from "../../test/support/http-sink.ts";
import { accessTo, exampleNotification } from "../../test/support/notification.ts";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { runUuid } from "./healthchecks.ts";
import { AnyNotifier } from "./index.ts";
import type { Notification } from "./notifier.ts";

/** Sends as a user has configured it. No command may be run for it. */
async function tell(
  configuration: unknown,
  signal: AbortSignal,
  notification: Notification = exampleNotification(),
): Promise<void> {
  using host = new ScriptedHost([]);
  await AnyNotifier.parse(configuration).open(accessTo(host)).send(notification, signal);
}

const Json = z.record(z.string(), z.unknown());

function json(text: string | undefined): Record<string, unknown> {
  return Json.parse(JSON.parse(text ?? ""));
}

suite("services over HTTP", () => {
  test("discord gets an embed, waits for Discord's word, and keeps the thread", async (t) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 200, body: "{}" });

    const webhook = `${sink.origin}/api/webhooks/1/token?thread_id=7`;
    await tell({ type: "discord", webhook }, t.signal);

    const [request] = sink.requests;
    assert.equal(request?.path, "/api/webhooks/1/token?thread_id=7&wait=true");
    assert.equal(request.headers["content-type"], "application/json");
    assert.deepEqual(json(request.body)["allowed_mentions"], { parse: [] });
  });

  test("slack gets blocks", async (t) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 200, body: "ok" });

    await tell({ type: "slack", webhook: `${sink.origin}/services/T/B/x` }, t.signal);

    assert.equal(sink.requests[0]?.path, "/services/T/B/x");
    assert.equal(json(sink.requests[0].body)["text"], "documents: failed: the disk is full");
  });

  test("slack says what to do about a webhook that is gone", async (t) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 404, body: "no_service" });

    await assert.rejects(tell({ type: "slack", webhook: sink.origin }, t.signal), {
      code: "notification-failed",
      message: "slack: was refused (status 404)",
      hint: /create another one/,
    });
  });

  test("ntfy gets the topic in the body and text of any script", async (t) => {
    await using sink = await openHttpSink();

    const notification = exampleNotification({ title: "Größe überschritten 💾" });
    await tell({ type: "ntfy", server: sink.origin, topic: "backups-7" }, t.signal, notification);

    const [request] = sink.requests;
    assert.equal(request?.path, "/");
    assert.equal(request.headers.authorization, undefined);
    const body = json(request.body);
    assert.deepEqual(
      [body["topic"], body["title"], body["priority"], body["tags"]],
      ["backups-7", "Größe überschritten 💾", 4, ["rotating_light"]],
    );
  });

  test("ntfy logs in with a token or with user and password", async (t) => {
    await using sink = await openHttpSink();
    const ntfy = { type: "ntfy", server: sink.origin, topic: "backups" };

    await tell({ ...ntfy, token: "tk_example" }, t.signal);
    await tell({ ...ntfy, user: "ada", password: "größer" }, t.signal);

    assert.deepEqual(
      sink.requests.map(({ headers }) => headers.authorization),
      ["Bearer tk_example", `Basic ${Buffer.from("ada:größer").toString("base64")}`],
    );
  });

  test("gotify gets its token in a header, also below a path", async (t) => {
    await using sink = await openHttpSink();

    const server = `${sink.origin}/gotify/`;
    await tell({ type: "gotify", server, token: "Aexample", priority: 9 }, t.signal);

    const [request] = sink.requests;
    assert.equal(request?.path, "/gotify/message");
    assert.equal(request.headers["x-gotify-key"], "Aexample");
    assert.equal(json(request.body)["priority"], 9);
  });

  test("webhook gets the published document, signed, with its own headers", async (t) => {
    await using sink = await openHttpSink();

    await tell(
      {
        type: "webhook",
        url: `${sink.origin}/hook`,
        method: "PUT",
        headers: { Authorization: "Bearer example" },
        "signature-secret": "key of the example",
        "include-details": true,
      },
      t.signal,
      exampleNotification({ details: ["photo.jpg could not be read"] }),
    );

    const [request] = sink.requests;
    assert.equal(request?.method, "PUT");
    assert.equal(request.headers.authorization, "Bearer example");
    assert.equal(
      request.headers["x-holdfast-signature"],
      `sha256=${createHmac("sha256", "key of the example").update(request.body).digest("hex")}`,
    );
    assert.deepEqual(json(request.body), {
      version: 1,
      event: "failure",
      job: "documents",
      run: "01JD3V9",
      time: "2026-11-20T03:00:12.000Z",
      machine: "nas",
      title: "documents: failed: the disk is full",
      message: "The repository has no space left.\nNothing was lost.",
      exitStatus: 1,
      seconds: 12.5,
      details: ["photo.jpg could not be read"],
    });
  });
});

suite("healthchecks", () => {
  test("hears of a run in order, under one rid, without a body", async (t) => {
    await using sink = await openHttpSink();
    const check = { type: "healthchecks", url: `${sink.origin}/ping/check` };
    const rid = runUuid("r1");

    for (const changes of [
      { event: "start" },
      { event: "success", exitStatus: 0 },
      { event: "start" },
      { event: "failure", exitStatus: 11 },
    ] as const) {
      const details = ["/home/ada/diary.txt"];
      await tell(check, t.signal, exampleNotification({ run: "r1", details, ...changes }));
    }

    assert.deepEqual(
      sink.requests.map(({ path, body }) => [path, body]),
      [
        [`/ping/check/start?rid=${rid}`, ""],
        [`/ping/check?rid=${rid}`, ""],
        [`/ping/check/start?rid=${rid}`, ""],
        [`/ping/check/11?rid=${rid}`, ""],
      ],
    );
  });

  test("gets the end of the log when it may, and no more than the service keeps", async (t) => {
    await using sink = await openHttpSink();
    const details = Array.from({ length: 5000 }, (_, index) => `line ${index} ${"x".repeat(50)}`);

    const url = `${sink.origin}/ping/check`;
    await tell(
      { type: "healthchecks", url, "include-details": true },
      t.signal,
      exampleNotification({ details }),
    );

    const body = sink.requests[0]?.body ?? "";
    assert.ok(Buffer.byteLength(body) <= 100_000 && Buffer.byteLength(body) > 90_000);
    assert.match(body, /^documents: failed/);
    assert.match(body, /line 4999 x+$/);
  });

  for (const remark of ["not found", "rate limited"]) {
    test(`says when a ping was answered with 200 and did not count: ${remark}`, async (t) => {
      await using sink = await openHttpSink();
      sink.answer({ status: 200, body: `OK (${remark})` });

      await assert.rejects(tell({ type: "healthchecks", url: sink.origin }, t.signal), {
        code: "notification-failed",
        message: `healthchecks: the ping did not count: ${remark}`,
      });
    });
  }
});
