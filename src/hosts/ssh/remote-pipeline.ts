// Knows: how several commands of one other machine work side by side there. Must not know: what flows between them.
import { stageToBlame } from "../blame.ts";
import { CommandFailed } from "../command-failed.ts";
import type { Command, CommandResult, Host, PipeResult, Watch } from "../host.ts";
import { supervise } from "../supervise.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import type { Connection } from "./connection.ts";
import type { Keeping } from "./keeping.ts";
import { readEnded } from "./marker.ts";
import { prepareScript } from "./scripts.ts";
import {
  endThere,
  newToken,
  NotBegun,
  lostWhile,
  notStarted,
  saysNotBegun,
  Session,
} from "./session.ts";
import { scriptAsInput, scriptReader } from "./shell-text.ts";

/** Where and how a pipeline runs. */
export interface RemotePipelineOptions {
  readonly name: string;
  readonly here: Host;
  readonly keeping: Keeping;
  readonly graceMs: number;
  readonly signal: AbortSignal;
  readonly watch: Watch;
}

// As on this machine.
const readerlessMs = 2000;

// Without a clock there, who ended first is known only by what arrives here first. With one, a writer that leaves
// half an input never has a later time than its reader, whose input ends after that.
const togetherMs = 100;

/**
 * As `Host.pipe`: each stage is a session of its own, and the bytes go through named pipes on that machine, so none of
 * them travels.
 */
export async function runRemotePipeline(
  commands: readonly Command[],
  options: RemotePipelineOptions,
): Promise<PipeResult> {
  const { keeping, signal } = options;
  if (commands.length === 0) throw new Error("a pipeline needs at least one command");
  if (commands.slice(1).some(({ stdin }) => stdin !== undefined)) {
    throw new Error("only the first command of a pipeline can be given an input");
  }
  let running: RunningStages | undefined;
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const supervision = { commands, signal, begun, end: async () => await running?.end() };
  const { results, sessions, ended } = await supervise(supervision, async (letGo) => {
    const sessionCount = commands.length;
    return await keeping.use({ signal: letGo, sessions: sessionCount }, async (connection) => {
      begin();
      const fifos = commands.slice(1).map(() => `${connection.register.directory}/${newToken()}`);
      await prepare(commands, fifos, { ...options, connection, letGo });
      running = new RunningStages(commands, fifos, { ...options, connection });
      return await running.results(letGo);
    });
  });
  const isTimed = sessions.every(({ isTimedThere }) => isTimedThere);
  const blamed = stageToBlame(
    results.map((result, index) => ({
      ok: isOk(commands[index], result),
      result,
      wasEnded: ended.has(index),
      endedAt: (sessions[index]?.endedAt ?? 0) + (isTimed ? 0 : index * togetherMs),
    })),
  );
  const command = blamed === undefined ? undefined : commands[blamed];
  const result = blamed === undefined ? undefined : results[blamed];
  if (command !== undefined && result !== undefined) {
    throw new CommandFailed(command, result, results);
  }
  return { stages: results, stdout: results.at(-1)?.stdout ?? "" };
}

function isOk(command: Command | undefined, { exitStatus }: CommandResult): boolean {
  return (command?.okExits ?? [0]).includes(exitStatus);
}

interface Prepared {
  readonly name: string;
  readonly here: Host;
  readonly connection: Connection;
  readonly letGo: AbortSignal;
}

/** Starts nothing. Throws for the first stage that could not start. */
async function prepare(
  commands: readonly Command[],
  fifos: readonly string[],
  { name, here, connection, letGo }: Prepared,
): Promise<void> {
  const token = newToken();
  const argv = [...connection.shell, "--", connection.destination, scriptReader] as const;
  const [program, ...words] = argv;
  const script = Buffer.from(scriptAsInput(prepareScript(commands, fifos, token), newToken()));
  const { stdout, stderr, exitStatus } = await here.run(
    {
      argv: [program, ...words],
      stdin: script,
      effect: "reads",
      okExits: [0, 1, 255],
    },
    letGo,
  );
  if (exitStatus === 255 && saysNotBegun(stderr)) throw new NotBegun(stderr.trim());
  if (exitStatus === 255) throw lostWhile(name, "a pipe was prepared", connection.ended);
  if (exitStatus !== 0) {
    const { directory } = connection.register;
    throw new HoldfastError(
      "command-failed",
      `host "${name}" cannot make named pipes in ${directory}, so nothing is started there`,
      { hint: `see whether that file system is full: df ${directory}` },
    );
  }
  for (const line of stdout.split("\n")) {
    const [index = "", ...rest] = line.split(" ");
    const command = commands[Number(index)];
    const ended = readEnded(rest.join(" "), token);
    if (command === undefined || ended === undefined) continue;
    const problem = notStarted(command, ended, name);
    if (problem !== undefined) throw problem;
  }
}

interface Stages {
  readonly results: readonly CommandResult[];
  readonly sessions: readonly Session[];
  /** Those that were ended because their reader had failed. */
  readonly ended: ReadonlySet<number>;
}

class RunningStages {
  readonly #sessions: readonly Session[];
  readonly #options: Omit<RemotePipelineOptions, "signal"> & { readonly connection: Connection };
  readonly #ended = new Set<number>();
  readonly #done = new Set<number>();
  readonly #endings: Promise<void>[] = [];
  readonly #timers = new DisposableStack();

  constructor(
    commands: readonly Command[],
    fifos: readonly string[],
    options: Omit<RemotePipelineOptions, "signal"> & { readonly connection: Connection },
  ) {
    this.#options = options;
    const { here, connection, name, watch } = options;
    const { stdoutLine: _stdoutLine, ...others } = watch;
    this.#sessions = commands.map((command, index) => {
      const [from, to] = [fifos[index - 1], fifos[index]];
      return new Session(command, {
        here,
        connection,
        name,
        watch: to === undefined ? watch : others,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
    });
  }

  async results(letGo: AbortSignal): Promise<Stages> {
    using stack = new DisposableStack();
    stack.use(this.#timers);
    const results = await Promise.all(
      this.#sessions.map(async (session, index) => await this.#watchOver(session, index, letGo)),
    ).catch(async (error: unknown) => {
      // A stage that never began would leave its neighbours waiting for it.
      await this.end();
      throw error instanceof NotBegun ? this.#refused(error) : error;
    });
    await Promise.all(this.#endings);
    return { results, sessions: this.#sessions, ended: this.#ended };
  }

  #refused(error: NotBegun): HoldfastError {
    const { name } = this.#options;
    return new HoldfastError(
      "host-unreachable",
      `host "${name}" does not take ${this.#sessions.length} commands at once: ${error.message}`,
      {
        hint: `look at MaxSessions in its sshd_config: ${this.#sessions.length + 2} are needed`,
        cause: error,
      },
    );
  }

  async end(indexes: readonly number[] = [...this.#sessions.keys()]): Promise<void> {
    const { here, connection, graceMs } = this.#options;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const tokens = indexes.flatMap((index) => {
        const session = this.#sessions[index];
        const wanted = session?.command.endSignal ?? "SIGTERM";
        return session === undefined || wanted !== signal ? [] : [session.token];
      });
      await endThere({ here, connection, tokens, signal, graceMs });
    }
  }

  async #watchOver(session: Session, index: number, letGo: AbortSignal): Promise<CommandResult> {
    const result = await session.run(letGo);
    this.#done.add(index);
    if (!isOk(session.command, result)) this.#endWritersBefore(index);
    return result;
  }

  #endWritersBefore(reader: number): void {
    if (reader === 0) return;
    const timer = setTimeout(() => {
      const writers = [...this.#sessions.keys()].filter(
        (index) => index < reader && !this.#done.has(index),
      );
      for (const index of writers) this.#ended.add(index);
      this.#endings.push(this.end(writers));
    }, readerlessMs);
    this.#timers.defer(() => clearTimeout(timer));
  }
}
