import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { inspect } from "node:util";
import { openHttpSink, type HttpSink } from "../../test/support/http-sink.ts";
import { accessTo, exampleNotification } from "../../test/support/notification.ts";
import { openSmtpSink } from "../../test/support/smtp-sink.ts";
import { withoutTools } from "../../test/support/tools.ts";
import { localHost } from "../hosts/local.ts";
import { Secret } from "../kernel/secret.ts";
import { AnyNotifier } from "./index.ts";

/** A notifier with somebody who listens at its other end. */
interface Listened {
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Everything that has arrived. */
  readonly heard: () => Promise<string>;
  readonly env?: NodeJS.ProcessEnv;
}

type Listen = (t: TestContext) => Promise<Listened>;

async function httpSink(t: TestContext): Promise<HttpSink> {
  const sink = await openHttpSink();
  t.after(async () => sink[Symbol.asyncDispose]());
  return sink;
}

function overHttp(configure: (sink: HttpSink) => Readonly<Record<string, unknown>>): Listen {
  return async (t) => {
    const sink = await httpSink(t);
    return { configuration: configure(sink), heard: async () => JSON.stringify(sink.requests) };
  };
}

/** A program that writes down its arguments, its environment and its input. */
async function listeningProgram(t: TestContext, name: string): Promise<Listened> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-secrecy-"));
  t.after(async () => rm(directory, { recursive: true, force: true }));
  const path = join(directory, name);
  const heard = join(directory, "heard");
  await writeFile(path, `#!/bin/sh\n{ echo "$@"; env; cat; } > ${heard}\n`);
  await chmod(path, 0o755);
  // Somebody may be logged in here: then it runs as that user.
  await chmod(directory, 0o777);
  return {
    configuration: { type: "command", command: [path] },
    heard: async () => readFile(heard, "utf8"),
    env: { ...process.env, PATH: `${directory}:${process.env["PATH"]}` },
  };
}

// Every secret in here is a canary; "Zxq9" is in nothing else.
const canary = (name: string): string => `Zxq9-${name}`;

const listeners: Readonly<Record<string, Listen>> = {
  discord: overHttp(({ origin }) => ({ type: "discord", webhook: `${origin}/${canary("hook")}` })),
  slack: overHttp(({ origin }) => ({ type: "slack", webhook: `${origin}/${canary("hook")}` })),
  ntfy: overHttp(({ origin }) => ({
    type: "ntfy",
    server: origin,
    topic: "backups",
    token: canary("token"),
  })),
  gotify: overHttp(({ origin }) => ({ type: "gotify", server: origin, token: canary("token") })),
  webhook: overHttp(({ origin }) => ({
    type: "webhook",
    url: `${origin}/${canary("url")}`,
    headers: { Authorization: canary("header") },
    "signature-secret": canary("key"),
  })),
  healthchecks: overHttp(({ origin }) => ({
    type: "healthchecks",
    url: `${origin}/${canary("check")}`,
  })),
  email: async (t) => {
    const login = { user: "backup@example.org", password: canary("password") };
    const sink = await openSmtpSink({ tls: "starttls", login });
    t.after(async () => sink[Symbol.asyncDispose]());
    return {
      configuration: {
        type: "email",
        host: "127.0.0.1",
        port: sink.port,
        ca: sink.ca,
        from: "backup@example.org",
        to: ["ada@example.org"],
        ...login,
      },
      heard: async () => sink.mails.map(({ raw, parsed }) => raw + parsed.text).join(),
    };
  },
  apprise: overHttp(({ address }) => ({
    type: "apprise",
    urls: [`json://ada:${canary("password")}@${address}/`],
  })),
  desktop: async (t) => ({
    ...(await listeningProgram(t, "notify-send")),
    configuration: { type: "desktop" },
  }),
  command: async (t) => listeningProgram(t, "tell"),
};

const needs: Readonly<Record<string, string>> = { email: "openssl", apprise: "apprise" };

// A file name has no business outside, and in the log there may be a secret.
const details = ["could not read /home/ada/canary-diary.txt", `password was ${canary("leaked")}`];

for (const [type, listen] of Object.entries(listeners)) {
  const tool = needs[type];

  suite(
    `${type} keeps what is not its to tell`,
    { skip: tool ? withoutTools(tool) : false },
    () => {
      for (const include of [false, true]) {
        const does = include ? "tells details that were asked for" : "tells no details";

        test(does, async (t) => {
          const { configuration, heard, env } = await listen(t);
          const spec = AnyNotifier.parse({ ...configuration, "include-details": include });
          const leaked = new Secret(canary("leaked"));
          const host = localHost(env === undefined ? {} : { env });

          await spec.open(accessTo(host)).send(exampleNotification({ details }), t.signal);

          const all = await heard();
          assert.notEqual(all, "");
          assert.equal(all.includes("canary-diary.txt"), include);
          assert.ok(!all.includes(leaked.reveal()));
        });
      }
    },
  );
}

suite("a failure holds no secret", () => {
  for (const type of ["discord", "slack", "ntfy", "gotify", "webhook", "healthchecks"]) {
    test(`of ${type}, neither refused nor misconfigured`, async (t) => {
      const sink = await httpSink(t);
      const { configuration } = (await listeners[type]?.(t)) ?? assert.fail(type);
      const elsewhere = JSON.stringify(configuration).replaceAll(
        /http:\/\/127[^/"]*/g,
        sink.origin,
      );
      sink.answer({ status: 403, body: canary("answer") });
      const broken = { ...configuration, ...brokenAddress(configuration) };

      for (const configured of [JSON.parse(elsewhere), broken]) {
        const notifier = AnyNotifier.parse(configured).open(accessTo(localHost()));
        const error: unknown = await notifier
          .send(exampleNotification(), t.signal)
          .catch((reason: unknown) => reason);

        const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
        assert.match(shown, /notification-failed/);
        assert.ok(!shown.includes("Zxq9") && !shown.includes(sink.address), shown);
      }
    });
  }
});

// What somebody gets who forgets the scheme, or copies a line break.
function brokenAddress(configuration: Readonly<Record<string, unknown>>): Record<string, string> {
  if ("webhook" in configuration) return { webhook: `no scheme ${canary("hook")}` };
  if ("url" in configuration) return { url: `no scheme ${canary("url")}` };
  return { token: `${canary("token")}\nX-Other: header` };
}
