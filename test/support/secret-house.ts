// Knows: a user every secret field of whose configuration holds a canary, and who listens at the other end. Must not know: where the canaries are looked for.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { writeTree } from "./backup-user.ts";
import { canary } from "./canaries.ts";
import { tracing } from "./exec-trace.ts";
import { type Ended, holdfastProgram, newUser, type User } from "./holdfast.ts";
import { type HttpSink, openHttpSink } from "./http-sink.ts";
import { forgeRepository } from "./restic-forge.ts";
import { openSmtpSink, type SmtpSink } from "./smtp-sink.ts";

// Characters that are written differently in a URL, in JSON, in a shell and in YAML.
const awkward = ` +/&%"\\'$ü`;

/** One call of the program, and how it ended. */
export interface Call extends Ended {
  readonly words: readonly string[];
}

/** Everybody who is told something over HTTP. */
export const httpChannels = [
  "discord",
  "slack",
  "ntfy",
  "ntfy-user",
  "gotify",
  "webhook",
  "healthchecks",
  "apprise",
  "refused",
] as const;
type HttpChannel = (typeof httpChannels)[number];

/** A user with secrets, and all that was seen of the program. */
export class SecretHouse implements AsyncDisposable {
  readonly user: User;
  readonly sinks: Readonly<Record<HttpChannel, HttpSink>>;
  readonly mail: SmtpSink;
  readonly service: HttpSink;
  readonly calls: Call[] = [];
  readonly #stack: AsyncDisposableStack;

  private constructor(parts: Parts, stack: AsyncDisposableStack) {
    this.user = parts.user;
    this.sinks = parts.sinks;
    this.mail = parts.mail;
    this.service = parts.service;
    this.#stack = stack;
  }

  /** Builds it: repositories, notifiers with servers on loopback, programs that write down what they get. */
  static async build(): Promise<SecretHouse> {
    await using stack = new AsyncDisposableStack();
    const user = stack.use(await newUser());
    const sinks: Partial<Record<HttpChannel, HttpSink>> = {};
    for (const channel of httpChannels) sinks[channel] = stack.use(await openHttpSink());
    const service = stack.use(await openHttpSink());
    const login = { user: "backup@example.org", password: canary("smtp", awkward) };
    const mail = stack.use(await openSmtpSink({ tls: "starttls", login }));
    // All channels have one now.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const parts = { user, sinks: sinks as Record<HttpChannel, HttpSink>, service, mail };
    const many = 1000;
    parts.sinks.refused.answer(...Array.from({ length: many }, () => ({ status: 403 })));
    service.answer(...Array.from({ length: many }, () => ({ status: 401, body: "no" })));
    await furnish(parts);
    return new SecretHouse(parts, stack.move());
  }

  /** The environment of every call: some secrets are in it. */
  environment(): NodeJS.ProcessEnv {
    const { user } = this;
    return {
      ...user.environment(),
      PATH: `${user.at("programs")}:${process.env["PATH"]}`,
      TMPDIR: user.at("tmp"),
      CREDENTIALS_DIRECTORY: user.at("secrets"),
      HOUSE_PASSWORD: canary("from-environment", awkward),
      HOUSE_TOKEN: canary("token-from-environment"),
    };
  }

  /** Calls the program, traced. `meanwhile` is done while it runs. */
  async call(
    words: readonly string[],
    meanwhile?: (end: (signal: NodeJS.Signals) => void) => Promise<void>,
  ): Promise<Call> {
    const [file, ...prefix] = tracing(this.user.at("trace"));
    const child = spawn(file, [...prefix, holdfastProgram, ...words], {
      cwd: this.user.home,
      env: this.environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    await meanwhile?.((signal) => child.kill(signal));
    const [stdout, stderr] = await said;
    const call = { words, exitStatus: child.exitCode, stdout, stderr };
    this.calls.push(call);
    return call;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

interface Parts {
  readonly user: User;
  readonly sinks: Readonly<Record<HttpChannel, HttpSink>>;
  readonly mail: SmtpSink;
  readonly service: HttpSink;
}

const passwords = {
  plain: canary("plain", awkward),
  file: canary("from-file", awkward),
  command: canary("from-command", awkward),
  keyring: canary("from-keyring", awkward),
  credential: canary("from-credential", awkward),
  env: canary("from-environment", awkward),
  wrong: canary("the-right-one"),
};

async function furnish(parts: Parts): Promise<void> {
  const { user } = parts;
  await mkdir(user.at("tmp"));
  await writeTree(user.at("data"), { "letter.txt": "Dear reader", "photos/one.jpg": "no photo" });
  for (const [name, password] of Object.entries(passwords)) {
    await user.write(`secrets/${name}`, `${password}\n`);
    await forgeRepository("restic", user.at("repositories", name), password);
  }
  await user.write("secrets/wrong", canary("the-wrong-one", awkward));
  await user.write("secrets/hook", canary("hook", awkward));
  await writePrograms(user);
  await user.configure(configurationOf(parts));
}

async function writePrograms(user: User): Promise<void> {
  const witness = `{ printf '%s\\n' "$0" "$@"; env; cat; } >> "${user.at("witnessed")}"\n`;
  const programs = {
    witness,
    "notify-send": witness,
    "tell-password": `cat "${user.at("secrets/command")}"; printf 'login: me\\n'\n`,
    "secret-tool": `cat "${user.at("secrets/keyring")}"\n`,
    "tell-and-fail": `echo '${canary("of-a-failing-command")}'; exit 1\n`,
    "fail-loudly": `cat "${user.at("secrets/hook")}" >&2; exit 1\n`,
  };
  for (const [name, script] of Object.entries(programs)) {
    await chmod(await user.write(`programs/${name}`, `#!/bin/sh\n${script}`), 0o755);
  }
}

function configurationOf(parts: Parts): object {
  const { user } = parts;
  const witness = (...words: readonly string[]): readonly string[] => [
    user.at("programs/witness"),
    ...words,
  ];
  const notifiers = notifiersOf(parts);
  const job = (repository: string, more: object = {}): object => ({
    sources: [user.at("data")],
    repository,
    ...more,
  });
  return {
    state: user.at("state"),
    repositories: repositoriesOf(parts),
    notifiers,
    jobs: {
      main: job("plain", {
        copies: ["file"],
        keep: { last: 1 },
        "prune-every": "0s",
        notify: Object.keys(notifiers),
        hooks: {
          before: [witness("before")],
          after: [witness("after")],
          "on-failure": [witness("on-failure")],
        },
      }),
      fresh: job("fresh"),
      env: job("env"),
      command: job("command"),
      keyring: job("keyring"),
      credential: job("credential"),
      wrong: job("wrong", { notify: ["webhook", "command", "email"] }),
      failing: job("failing"),
      rest: job("rest"),
      s3: job("s3"),
      gone: job("gone"),
      hook: job("hook", {
        hooks: { before: [[user.at("programs/fail-loudly")]] },
        notify: ["webhook"],
      }),
    },
  };
}

function resticAt(at: string, password: unknown, environment: object = {}): object {
  return { engine: "restic", at, password, environment };
}

function repositoriesOf({ user, service }: Parts): object {
  const local = (name: string, password: unknown, environment: object = {}): object =>
    resticAt(user.at("repositories", name), password, environment);
  const credentials = {
    RESTIC_REST_USERNAME: "me",
    RESTIC_REST_PASSWORD: canary("rest", awkward),
  };
  const keys = {
    AWS_ACCESS_KEY_ID: canary("s3-id"),
    AWS_SECRET_ACCESS_KEY: canary("s3", awkward),
  };
  const file = { file: user.at("secrets/file") };
  return {
    plain: local("plain", passwords.plain),
    fresh: local("fresh", canary("fresh", awkward)),
    file: local("file", file),
    env: local("env", { env: "HOUSE_PASSWORD" }, { SOME_TOKEN: { env: "HOUSE_TOKEN" } }),
    command: local("command", { command: ["tell-password"] }),
    keyring: local("keyring", { keyring: "house" }),
    credential: local("credential", { credential: "credential" }),
    wrong: local("wrong", { file: user.at("secrets/wrong") }),
    failing: local("failing", { command: ["tell-and-fail"] }),
    hook: local("hook", canary("hook", awkward)),
    rest: resticAt(`rest:${service.origin}/rest/`, file, credentials),
    gone: resticAt("rest:http://127.0.0.1:9/gone/", file, credentials),
    s3: resticAt(`s3:${service.origin}/bucket/s3`, file, keys),
  };
}

function notifiersOf({ sinks, mail, user }: Parts): Readonly<Record<string, object>> {
  const on = ["start", "success", "warning", "failure", "recovered", "skipped"];
  const server = (channel: HttpChannel): string => sinks[channel].origin;
  const login = { user: "backup@example.org", password: canary("smtp", awkward) };
  const notifiers = {
    discord: { type: "discord", webhook: `${server("discord")}/${canary("discord")}` },
    slack: { type: "slack", webhook: `${server("slack")}/${canary("slack")}` },
    ntfy: { type: "ntfy", server: server("ntfy"), topic: "t", token: { env: "HOUSE_TOKEN" } },
    "ntfy-user": {
      type: "ntfy",
      server: server("ntfy-user"),
      topic: "t",
      user: "ada",
      password: canary("ntfy", awkward),
    },
    gotify: { type: "gotify", server: server("gotify"), token: canary("gotify") },
    webhook: {
      type: "webhook",
      url: `${server("webhook")}/${canary("webhook")}`,
      headers: { Authorization: canary("header"), "X-Key": canary("another-header") },
      "signature-secret": canary("signature", awkward),
      "include-details": true,
    },
    healthchecks: { type: "healthchecks", url: `${server("healthchecks")}/${canary("check")}` },
    refused: { type: "gotify", server: server("refused"), token: canary("refused") },
    email: {
      type: "email",
      host: "127.0.0.1",
      port: mail.port,
      ca: mail.ca,
      from: "backup@example.org",
      to: ["ada@example.org"],
      "include-details": true,
      ...login,
    },
    "email-refused": {
      type: "email",
      host: "127.0.0.1",
      port: mail.port,
      ca: mail.ca,
      from: "backup@example.org",
      to: ["ada@example.org"],
      ...login,
      password: canary("wrong-smtp", awkward),
    },
    apprise: { type: "apprise", urls: [appriseAddress(sinks.apprise)] },
    desktop: { type: "desktop" },
    command: {
      type: "command",
      command: [user.at("programs/witness"), "command"],
      "include-details": true,
    },
  };
  return Object.fromEntries(
    Object.entries(notifiers).map(([name, notifier]) => [name, { ...notifier, on }]),
  );
}

function appriseAddress({ address }: HttpSink): string {
  return `json://ada:${canary("apprise")}@${address}/`;
}
