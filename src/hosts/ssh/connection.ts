// Knows: the one ssh process that holds a connection. Must not know: which address is chosen, and what uses it.
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailed } from "../command-failed.ts";
import type { Host } from "../host.ts";
import { interruption, onAbort } from "../interruption.ts";
import { makePrivateDirectory } from "./private-directory.ts";
import { keeperScript, type Register } from "./scripts.ts";
import { lineForAnyShell } from "./shell-text.ts";
import { clientConfig, type SshConfig } from "./ssh-config.ts";
import { type Attempt, HostUnreachable, unreachable } from "./unreachable.ts";

/** How one connection is made. */
export interface Connecting {
  readonly here: Host;
  readonly config: SshConfig;
  readonly attempt: Attempt;
  /** So long it may take until a command could run there. */
  readonly readyMs: number;
  /** From SIGTERM to SIGKILL, for what is left running there when the connection ends. */
  readonly graceMs: number;
}

/** A connection that is open, until `ended` is set or it is disposed of. */
export interface Connection extends AsyncDisposable {
  readonly attempt: Attempt;
  readonly register: Register;
  /** The words of ssh before the destination. */
  readonly shell: readonly [string, ...string[]];
  readonly destination: string;
  /** A shell there has said something before it ran a command. */
  readonly chatty: boolean;
  /** Why it is no longer open. */
  readonly ended: HostUnreachable | undefined;
}

const mostSaid = 100;

// Held open for writing by ssh itself, its input never ends before ssh does.
const holdOpen = ["sh", "-c", 'mkfifo -m 600 "$0" && exec "$@" <>"$0"'] as const;

// What ~/.ssh/config says about these is meant for sessions of people.
const masterOptions = [
  "ControlMaster=yes",
  "ControlPersist=no",
  "RequestTTY=no",
  "RemoteCommand=none",
  "PermitLocalCommand=no",
  "ClearAllForwardings=yes",
  "EscapeChar=none",
].flatMap((option) => ["-o", option]);

/** Makes a connection. Throws `host-unreachable`, `interrupted`, and `tool-missing` without ssh. */
export async function connect(connecting: Connecting, signal: AbortSignal): Promise<Connection> {
  await using stack = new AsyncDisposableStack();
  const directory = await makePrivateDirectory();
  stack.defer(async () => await rm(directory, { recursive: true, force: true }));
  const { config, graceMs } = connecting;
  const files = { config: join(directory, "config"), client: join(directory, "client") };
  const socket = join(directory, "s");
  await writeFile(files.config, config.text, { mode: 0o600 });
  await writeFile(files.client, clientConfig(socket), { mode: 0o600 });

  const id = randomBytes(12).toString("hex");
  const master = new Master(connecting);
  stack.use(master);
  const ready = await master.start(
    {
      id,
      argv: [
        ...holdOpen,
        join(directory, "input"),
        "ssh",
        "-F",
        files.config,
        ...masterOptions,
        "-o",
        `ControlPath=${socket}`,
        "--",
        config.destination,
        lineForAnyShell(keeperScript(id, graceMs)),
      ],
    },
    signal,
  );
  const held = stack.move();
  return {
    attempt: connecting.attempt,
    register: { directory: ready.directory },
    shell: ["ssh", "-F", files.client],
    destination: connecting.attempt.name,
    chatty: ready.chatty,
    get ended() {
      return master.ended;
    },
    [Symbol.asyncDispose]: async () => await held.disposeAsync(),
  };
}

/** What the other machine says when a command could run there. */
interface Ready {
  readonly directory: string;
  readonly chatty: boolean;
}

class Master implements AsyncDisposable {
  readonly #connecting: Connecting;
  readonly #controller = new AbortController();
  readonly #said: string[] = [];
  readonly #ready = Promise.withResolvers<Ready>();
  #running: Promise<void> | undefined;
  #ended: HostUnreachable | undefined;

  constructor(connecting: Connecting) {
    this.#connecting = connecting;
  }

  get ended(): HostUnreachable | undefined {
    return this.#ended;
  }

  async start(
    { id, argv }: { readonly id: string; readonly argv: readonly [string, ...string[]] },
    signal: AbortSignal,
  ): Promise<Ready> {
    const { attempt, readyMs } = this.#connecting;
    const subject = `connecting to host "${attempt.name}"`;
    if (signal.aborted) throw interruption(signal, subject);
    using stack = new DisposableStack();
    stack.use(onAbort(signal, () => this.#ready.reject(interruption(signal, subject))));
    const timer = setTimeout(() => {
      this.#ready.reject(unreachable(attempt, [...this.#said, "timed out"].join("\n")));
    }, readyMs);
    stack.defer(() => clearTimeout(timer));
    this.#running = this.#run(id, argv);
    return await this.#ready.promise;
  }

  async #run(id: string, argv: readonly [string, ...string[]]): Promise<void> {
    const { here, attempt } = this.#connecting;
    let chatty = false;
    try {
      await here.run({ argv, effect: "reads" }, this.#controller.signal, {
        stdoutLine: (line) => {
          const [word, ...rest] = line.split(" ");
          if (word === id) this.#arrive(rest.join(" "), chatty);
          // Before its own line it says an empty one, in case that a shell has said something without an end.
          else chatty ||= line !== "";
        },
        stderrLine: (line) => {
          if (this.#said.length < mostSaid) this.#said.push(line);
        },
      });
      this.#ended = unreachable(attempt, this.#said.join("\n"));
    } catch (error) {
      this.#ended =
        error instanceof CommandFailed
          ? unreachable(attempt, this.#said.join("\n"))
          : new HostUnreachable(
              `the connection to host "${attempt.name}" was closed`,
              { cause: error },
              { code: "host-unreachable", severity: "away" },
            );
      if (!(error instanceof CommandFailed)) this.#ready.reject(error);
    }
    this.#ready.reject(this.#ended);
  }

  #arrive(directory: string, chatty: boolean): void {
    const { attempt } = this.#connecting;
    if (directory.startsWith("/")) {
      // What it said while it connected, such as a banner, is no reason for what happens later.
      this.#said.length = 0;
      this.#ready.resolve({ directory, chatty });
      return;
    }
    this.#ready.reject(
      new HostUnreachable(
        `host "${attempt.name}" has no place for a private directory`,
        { hint: `make /tmp writable there, or set TMPDIR for its user` },
        { code: "host-misconfigured", severity: "error" },
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nobody may be waiting for it any more.
    this.#ready.promise.catch(() => undefined);
    this.#controller.abort();
    await this.#running;
  }
}
