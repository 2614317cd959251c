import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { inspect } from "node:util";
import * as z from "zod";
import { openHttpSink } from "../../test/support/http-sink.ts";
import { accessTo, exampleNotification } from "../../test/support/notification.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { localHost } from "../hosts/local.ts";
import { AnyNotifier } from "./index.ts";
import type { Notification } from "./notifier.ts";

async function newDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-programs-"));
  t.after(async () => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function program(directory: string, script: string): Promise<string> {
  const path = join(directory, "tell");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

async function tell(
  configuration: unknown,
  signal: AbortSignal,
  notification: Notification = exampleNotification(),
): Promise<void> {
  await AnyNotifier.parse(configuration).open(accessTo(localHost())).send(notification, signal);
}

const AppriseDocument = z.object({ title: z.string(), message: z.string(), type: z.string() });

suite("a program of one's own", () => {
  test("finds the message in its environment and as JSON on its input", async (t) => {
    const directory = await newDirectory(t);
    const record = `env | grep ^HOLDFAST_ > "$1/env"; cat > "$1/input"; printf %s "$2" > "$1/word"`;
    const path = await program(directory, record);

    const notification = exampleNotification({ title: "Größe `reboot` $(reboot)" });
    await tell({ type: "command", command: [path, directory, "a b; c"] }, t.signal, notification);

    const env = await readFile(join(directory, "env"), "utf8");
    assert.match(env, /^HOLDFAST_EVENT=failure$/m);
    assert.match(env, /^HOLDFAST_JOB=documents$/m);
    assert.match(env, /^HOLDFAST_TITLE=Größe `reboot` \$\(reboot\)$/m);
    assert.match(env, /^HOLDFAST_EXIT_STATUS=1$/m);
    assert.equal(await readFile(join(directory, "word"), "utf8"), "a b; c");
    const input = z
      .object({ version: z.literal(1), event: z.string(), job: z.string() })
      .parse(JSON.parse(await readFile(join(directory, "input"), "utf8")));
    assert.deepEqual([input.event, input.job], ["failure", "documents"]);
  });

  test("may leave its input unread", async (t) => {
    const path = await program(await newDirectory(t), "exec true");

    await tell({ type: "command", command: [path] }, t.signal);
  });

  test("that fails is a notification that failed, with its last words", async (t) => {
    const path = await program(await newDirectory(t), `echo "no such channel" >&2; exit 3`);

    await assert.rejects(tell({ type: "command", command: [path] }, t.signal), {
      code: "notification-failed",
      message: "command: tell failed with exit status 3: no such channel",
    });
  });

  test("that hangs is ended when its time is over", async (t) => {
    const directory = await newDirectory(t);
    const path = await program(directory, `echo $$ > "${directory}/pid"; exec sleep 600`);

    await assert.rejects(tell({ type: "command", command: [path], timeout: "1s" }, t.signal), {
      code: "notification-failed",
      message: "command: did not take the message within 1 s",
    });

    const pid = Number(await readFile(join(directory, "pid"), "utf8"));
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  });

  test("that does not exist is named", async (t) => {
    await assert.rejects(tell({ type: "command", command: ["/nonexistent/tell"] }, t.signal), {
      code: "notification-failed",
      message: /^command: .*tell/,
    });
  });
});

suite("apprise", { skip: withoutTools("apprise") }, () => {
  test("tells every service, in any script, whatever the locale", async (t) => {
    await using sink = await openHttpSink();
    const notification = exampleNotification({
      title: "--body=x Größe 💾",
      message: "Zeile 1\\n\n<b>Zeile 2</b>",
      event: "warning",
    });

    const urls = [`json://${sink.address}/first`, `json://ada:secret-one@${sink.address}/second`];
    const env = { PATH: process.env["PATH"], HOME: await newDirectory(t), LC_ALL: "C" };
    await AnyNotifier.parse({ type: "apprise", urls })
      .open(accessTo(localHost({ env })))
      .send(notification, t.signal);

    const paths = sink.requests.map(({ path }) => path.replace(/\/$/, ""));
    assert.deepEqual(new Set(paths), new Set(["/first", "/second"]));
    for (const { body } of sink.requests) {
      assert.deepEqual(AppriseDocument.parse(JSON.parse(body)), {
        title: "--body=x Größe 💾",
        message: "Zeile 1\\n\n<b>Zeile 2</b>\n\nnas · 2026-11-20T03:00:12.000Z · run 01JD3V9",
        type: "warning",
      });
    }
  });

  test("shows no address to other users and leaves no file behind", async (t) => {
    await using sink = await openHttpSink();
    sink.answer("hang");
    const scratch = await newDirectory(t);
    const url = `json://ada:canary-of-apprise@${sink.address}/`;
    const env = { ...process.env, RUNTIME_DIRECTORY: scratch };
    const stop = new AbortController();

    const sending = AnyNotifier.parse({ type: "apprise", urls: [url] })
      .open(accessTo(localHost({ env })))
      .send(exampleNotification(), stop.signal);
    const seen = await commandLinesUntil(() => sink.requests.length > 0);
    stop.abort();

    await assert.rejects(sending, { code: "notification-failed" });
    assert.match(seen, /apprise/);
    assert.doesNotMatch(seen, /canary-of-apprise/);
    assert.deepEqual(await readdir(scratch), []);
  });

  test("counts the services that were not told, without naming them", async (t) => {
    await using sink = await openHttpSink();
    sink.answer({ status: 500 }, { status: 500 });
    const urls = [`json://ada:canary-pass@${sink.address}/`, "nosuchservice://canary-host/token"];

    const error: unknown = await tell({ type: "apprise", urls }, t.signal).catch(
      (reason: unknown) => reason,
    );

    const shown = inspect(error, { depth: 9, showHidden: true });
    assert.match(shown, /notification-failed/);
    assert.match(shown, /apprise: 2 of 2 services were not told/);
    assert.doesNotMatch(shown, /canary/);
  });

  test("takes no address that would be something else in its file", async (t) => {
    for (const url of [
      "include http://canary.example.org",
      "# canary",
      "a=json://canary x",
      "canary",
    ]) {
      const sending = tell({ type: "apprise", urls: [url] }, t.signal);

      await assert.rejects(sending, (error) => {
        const shown = inspect(error, { depth: 9, showHidden: true });
        assert.match(shown, /apprise: one of its addresses is not valid/);
        assert.doesNotMatch(shown, /canary/);
        return true;
      });
    }
  });
});

/** All command lines on this machine that were seen until something happened. */
async function commandLinesUntil(happened: () => boolean): Promise<string> {
  const seen = new Set<string>();
  const deadline = Date.now() + 20_000;
  while (!happened()) {
    assert.ok(Date.now() < deadline, "it did not happen within 20 seconds");
    for (const pid of await readdir("/proc")) {
      if (/^\d+$/.test(pid)) seen.add(await commandLine(pid));
    }
  }
  return [...seen].join("\n");
}

async function commandLine(pid: string): Promise<string> {
  // A process may end while it is looked at.
  return await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
}
