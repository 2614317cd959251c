import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { suite, test } from "node:test";
import { inspect } from "node:util";
import { accessTo, exampleNotification } from "../../test/support/notification.ts";
import { ScriptedHost } from "../../test/support/scripted-host.ts";
import { openSmtpSink, type SmtpSink } from "../../test/support/smtp-sink.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { AnyNotifier } from "./index.ts";
import type { Notification } from "./notifier.ts";

const login = { user: "backup@example.org", password: "canary-password-of-mail" };

function mailTo(sink: SmtpSink, changes: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    type: "email",
    host: "127.0.0.1",
    port: sink.port,
    ca: sink.ca,
    from: "Holdfast <backup@example.org>",
    to: ["ada@example.org"],
    ...changes,
  };
}

async function tell(
  configuration: unknown,
  notification: Notification = exampleNotification(),
): Promise<void> {
  using host = new ScriptedHost([]);
  const notifier = AnyNotifier.parse(configuration).open(accessTo(host));
  await notifier.send(notification, new AbortController().signal);
}

suite("mail", { skip: withoutTools("openssl") }, () => {
  test("arrives over STARTTLS with a login, in any script", async () => {
    await using sink = await openSmtpSink({ tls: "starttls", login });

    await tell(
      mailTo(sink, { ...login, to: ["ada@example.org", "Bob <bob@example.org>"] }),
      exampleNotification({ title: "Größe überschritten 💾", message: "Zeile 1\nZeile 2 ☂" }),
    );

    assert.equal(sink.mails.length, 1);
    const [mail] = sink.mails;
    assert.deepEqual([mail?.secure, mail?.user], [true, login.user]);
    assert.deepEqual(mail?.recipients, ["ada@example.org", "bob@example.org"]);
    assert.equal(mail.parsed.subject, "Größe überschritten 💾");
    assert.deepEqual(mail.parsed.from, { name: "Holdfast", address: "backup@example.org" });
    assert.equal(
      mail.parsed.text?.replaceAll("\r\n", "\n").trim(),
      "Zeile 1\nZeile 2 ☂\n\nnas · 2026-11-20T03:00:12.000Z · run 01JD3V9",
    );
    assert.equal(mail.parsed.html, undefined);
    assert.equal(new Date(mail.parsed.date ?? 0).toISOString(), "2026-11-20T03:00:12.000Z");
    assert.match(mail.raw, /^Auto-Submitted: auto-generated\r$/m);
  });

  test("arrives over implicit TLS", async () => {
    await using sink = await openSmtpSink({ tls: "implicit" });

    await tell(mailTo(sink, { tls: "implicit" }));

    assert.equal(sink.mails[0]?.secure, true);
  });

  test("arrives without TLS only where that was asked for", async () => {
    await using sink = await openSmtpSink({ tls: "none" });

    await assert.rejects(tell(mailTo(sink)), {
      code: "notification-failed",
      message: /^email: the mail server did not encrypt the connection/,
    });
    assert.equal(sink.mails.length, 0);

    await tell(mailTo(sink, { tls: "none" }));
    assert.equal(sink.mails[0]?.secure, false);
  });

  test("goes to no server that nobody vouches for", async () => {
    await using sink = await openSmtpSink({ tls: "starttls", login });

    await assert.rejects(tell(mailTo(sink, { ...login, ca: undefined })), {
      code: "notification-failed",
      hint: /set ca|and ca/,
    });
    assert.equal(sink.mails.length, 0);
  });

  test("takes no further header from a title or a job's name", async () => {
    await using sink = await openSmtpSink({ tls: "starttls" });

    const title = "done\r\nBcc: everybody@example.org\r\n\r\n<b>body</b>";
    await tell(mailTo(sink), exampleNotification({ title }));

    const [mail] = sink.mails;
    assert.deepEqual(mail?.recipients, ["ada@example.org"]);
    assert.equal(mail.parsed.bcc, undefined);
    assert.equal(mail.parsed.subject, "done Bcc: everybody@example.org <b>body</b>");
  });

  test("explains a login that is refused without repeating it, whatever the server says", async () => {
    await using sink = await openSmtpSink({ tls: "starttls", login });
    const wrong = { user: login.user, password: "canary-wrong-password" };

    const error: unknown = await tell(mailTo(sink, wrong)).catch((reason: unknown) => reason);

    const shown = inspect(error, { depth: 9, showHidden: true });
    assert.match(shown, /email: the mail server refused user or password \(status 535\)/);
    assert.doesNotMatch(shown, /canary/);
    assert.ok(!shown.includes(Buffer.from(wrong.password).toString("base64")), shown);
  });

  test("says so when some recipients are refused, and the others have it", async () => {
    await using sink = await openSmtpSink({ tls: "starttls", refused: ["gone@example.org"] });

    await assert.rejects(tell(mailTo(sink, { to: ["ada@example.org", "gone@example.org"] })), {
      code: "notification-failed",
      message: "email: the mail server refused 1 of 2 recipients",
    });
    assert.deepEqual(sink.mails[0]?.recipients, ["ada@example.org"]);
  });

  test("gives up on a server that falls silent", async () => {
    await using sink = await openSmtpSink({ tls: "starttls", mute: true });

    await assert.rejects(tell(mailTo(sink, { timeout: "500ms" })), {
      code: "notification-failed",
      message: "email: did not take the message within 500 ms",
    });
  });

  test("gives up on a server that never greets, and hangs up", async () => {
    const silent = createServer();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const connected = once(silent, "connection");
    const address = silent.address();
    assert.ok(typeof address === "object" && address !== null);

    const configuration = { ...hollow, port: address.port, timeout: "300ms" };
    await assert.rejects(tell(configuration), { message: /^email: did not take the message/ });

    const [socket] = await connected;
    assert.ok(socket instanceof Object && "destroyed" in socket);
    silent.close();
    // The server only closes when the client has hung up.
    await once(silent, "close");
  });

  test("says that there is no mail server", async () => {
    const sink = await openSmtpSink({ tls: "starttls" });
    await sink[Symbol.asyncDispose]();

    await assert.rejects(tell({ ...hollow, port: sink.port }), {
      code: "notification-failed",
      message: /^email: the mail server cannot be reached/,
    });
  });
});

const hollow = {
  type: "email",
  host: "127.0.0.1",
  from: "backup@example.org",
  to: ["ada@example.org"],
};
