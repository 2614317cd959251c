// Knows: how commands run on a machine behind ssh. Must not know: what they are for.
import { CommandFailed } from "../command-failed.ts";
import type {
  Command,
  CommandResult,
  Host,
  Leash,
  PathState,
  PipeResult,
  Remote,
  Scratch,
  Watch,
} from "../host.ts";
import { refuseNul } from "../launch.ts";
import { supervise } from "../supervise.ts";
import type { Connection } from "./connection.ts";
import type { Keeping } from "./keeping.ts";
import { Looking } from "./look.ts";
import { runRemotePipeline } from "./remote-pipeline.ts";
import { endedWith255, noRoom, plainRunScript } from "./scripts.ts";
import { endThere, type EndingThere, newToken, Session } from "./session.ts";
import { lineForAnyShell, scriptAsInput, scriptReader } from "./shell-text.ts";
import { Secret } from "../../kernel/secret.ts";

/** What a host behind ssh is made of. */
export interface SshHostOptions {
  readonly name: string;
  readonly here: Host;
  readonly keeping: Keeping;
  readonly graceMs: number;
  /** How a person reaches it before a connection is open. */
  readonly typed: readonly string[];
}

/** A machine behind ssh. */
export class SshHost implements Host {
  readonly name: string;
  readonly remote: Remote;
  readonly #options: SshHostOptions;
  readonly #looking: Looking;

  constructor(options: SshHostOptions) {
    this.name = options.name;
    this.#options = options;
    this.remote = remoteOf(options);
    this.#looking = new Looking(this);
  }

  async reach(signal: AbortSignal): Promise<void> {
    await this.#options.keeping.open(signal);
  }

  async run(command: Command, signal: AbortSignal, watch: Watch = {}): Promise<CommandResult> {
    refuseUnfit(command);
    const { here, graceMs, keeping, name } = this.#options;
    let leash: EndingThere | undefined;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const work = async (letGo: AbortSignal): Promise<CommandResult> => {
      return await keeping.use({ signal: letGo, sessions: 1 }, async (connection) => {
        begin();
        const session = new Session(command, { here, connection, name, watch });
        const { endSignal = "SIGTERM" } = command;
        leash = { here, connection, tokens: [session.token], signal: endSignal, graceMs };
        return await session.run(letGo);
      });
    };
    const end = async (): Promise<void> => {
      if (leash !== undefined) await endThere(leash);
    };
    const supervision = { commands: [command], signal, end, begun };
    const result = await supervise(supervision, work);
    if (!(command.okExits ?? [0]).includes(result.exitStatus)) {
      throw new CommandFailed(command, result);
    }
    return result;
  }

  async pipe(
    commands: readonly Command[],
    signal: AbortSignal,
    watch: Watch = {},
  ): Promise<PipeResult> {
    for (const command of commands) refuseUnfit(command);
    const [only, second] = commands;
    if (only !== undefined && second === undefined) {
      const result = await this.run(only, signal, watch);
      return { stages: [result], stdout: result.stdout };
    }
    return await runRemotePipeline(commands, { ...this.#options, signal, watch });
  }

  async inspect(paths: readonly string[], signal: AbortSignal): Promise<readonly PathState[]> {
    return await this.#looking.at(paths, signal);
  }

  async scratch(): Promise<Scratch> {
    const { keeping } = this.#options;
    const held = keeping.hold();
    try {
      const connection = await keeping.open(new AbortController().signal);
      const path = `${connection.register.directory}/${newToken()}`;
      await this.#inShell('umask 077; mkdir "$1"', path);
      return {
        path,
        [Symbol.asyncDispose]: async () => {
          using stack = new DisposableStack();
          stack.use(held);
          // With its connection it is gone as well, also when that is lost only now.
          if (keeping.current !== connection) return;
          await this.#inShell('chmod -R u+rwX "$1" 2>/dev/null; rm -rf "$1"', path).catch(
            (error: unknown) => {
              if (keeping.current === connection) throw error;
            },
          );
        },
      };
    } catch (error) {
      held[Symbol.dispose]();
      throw error;
    }
  }

  async #inShell(script: string, path: string): Promise<void> {
    const command: Command = { argv: ["sh", "-c", script, "sh", path], effect: "writes" };
    await this.run(command, new AbortController().signal);
  }
}

function refuseUnfit(command: Command): void {
  refuseNul(command);
  const odd = Object.keys(command.env ?? {}).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined) throw new Error(`no shell can be given an environment variable ${odd}`);
}

function remoteOf({ name, here, keeping, graceMs, typed }: SshHostOptions): Remote {
  const connected = (): Connection => {
    const { current } = keeping;
    if (current === undefined) throw new Error(`host ${name} is used before it was reached`);
    return current;
  };
  const leash = (command: Command): Leash => {
    refuseUnfit(command);
    const connection = connected();
    const token = newToken();
    const { endSignal = "SIGTERM" } = command;
    return {
      command: throughConnection(command, connection, token),
      end: async () => {
        await endThere({ here, connection, tokens: [token], signal: endSignal, graceMs });
      },
      ownResult,
    };
  };
  return {
    get shell() {
      return connected().shell;
    },
    destination: name,
    get isChatty() {
      return keeping.current?.chatty ?? false;
    },
    get typed(): readonly [string, ...string[]] {
      const [ssh = "ssh", ...rest] = keeping.current?.attempt.typed ?? typed;
      return [ssh, ...rest];
    },
    through: (command) => leash(command).command,
    leash,
  };
}

/** ssh ends with 255 by itself when it loses the connection, whatever the command has said until then. */
function ownResult(result: CommandResult): CommandResult | undefined {
  if (result.exitStatus !== 255) return result;
  const said = result.stderr.trimEnd();
  if (said.endsWith(noRoom)) return result;
  if (!said.endsWith(endedWith255)) return undefined;
  return { ...result, stderr: said.slice(0, -endedWith255.length) };
}

/**
 * A command of that machine as one of this machine. Without secrets and input of its own it stands in the
 * arguments, so that its input can be another command's output.
 */
function throughConnection(command: Command, connection: Connection, token: string): Command {
  const { env, stdin, effect, okExits, endSignal, timeoutMs } = command;
  const rest = {
    effect,
    ...(okExits && { okExits }),
    ...(endSignal && { endSignal }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
  const script = plainRunScript(command, { register: connection.register, token });
  const hasSecrets = Object.values(env ?? {}).some((value) => value instanceof Secret);
  const ssh = [...connection.shell, "--", connection.destination] as const;
  const [program, ...words] = ssh;
  if (stdin === undefined && !hasSecrets) {
    return { ...rest, argv: [program, ...words, lineForAnyShell(script)] };
  }
  const payload = stdin instanceof Secret ? stdin.reveal() : (stdin ?? "");
  const input = Buffer.concat([
    Buffer.from(scriptAsInput(script, newToken())),
    typeof payload === "string" ? Buffer.from(payload) : payload,
  ]);
  return { ...rest, argv: [program, ...words, scriptReader], stdin: input };
}
