// Knows: one command on another machine, from its start to its end there. Must not know: how it is reached.
import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailed, programName } from "../command-failed.ts";
import type { Command, CommandResult, EndSignal, Host, Watch } from "../host.ts";
import { HoldfastError } from "../../kernel/errors.ts";
import { Secret } from "../../kernel/secret.ts";
import type { Connection } from "./connection.ts";
import {
  afterBeginning,
  beforeMarker,
  type Ended,
  LinesBeforeMarker,
  readEnded,
} from "./marker.ts";
import { endScript, noRoom, runScript } from "./scripts.ts";
import { scriptAsInput, scriptReader } from "./shell-text.ts";

/** What a session needs. */
export interface SessionOptions {
  readonly here: Host;
  readonly connection: Connection;
  /** The host's name. */
  readonly name: string;
  readonly watch?: Watch;
  readonly from?: string;
  readonly to?: string;
}

/** A session did not begin: nothing ran. Trying again, perhaps over a new connection, is safe. */
export class NotBegun extends Error {
  override readonly name = "NotBegun";
}

// Something that the command has left running may hold the connection open. What the command itself
// wrote has arrived when the marker has; how long that takes without anyone watching, nobody knows.
const lingerMs = 300;
const blindLingerMs = 2000;

/**
 * Whether ssh says that it was not let begin. When the connection broke after it had asked, a command may have begun
 * before that: ssh then says the third, but also that it could not read the answer.
 */
export function saysNotBegun(stderr: string): boolean {
  if (/(?:read|write)[\w ]* (?:from|to) master failed|write packet/.test(stderr)) return false;
  return /Control socket connect|session request failed|UNKNOWN port 65535/.test(stderr);
}

/** A line that nobody can guess. */
export function newToken(): string {
  return `holdfast-${randomBytes(12).toString("hex")}`;
}

/**
 * Runs one command there, and returns how it ended whatever its status. An abort of `signal` is the last
 * resort: it lets go of the command, and `end` is what ends it. Throws `NotBegun`, `tool-missing`,
 * `command-failed` when it could not start, and `host-unreachable` when the connection is lost.
 */
export class Session {
  readonly token = newToken();
  readonly command: Command;
  readonly #options: SessionOptions;
  readonly #enough = new AbortController();
  #hasBegun = false;
  #ended: Ended | undefined;
  #endedAt: number | undefined;

  constructor(command: Command, options: SessionOptions) {
    this.command = command;
    this.#options = options;
  }

  /** When it ended, in milliseconds: by the clock of that machine, else when that was seen here. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** That time is the other machine's. */
  get isTimedThere(): boolean {
    return this.#ended?.at !== undefined;
  }

  async run(signal: AbortSignal): Promise<CommandResult> {
    const { here } = this.#options;
    const startedAt = performance.now();
    const result = await here
      .run(this.#transport(), signal, this.#watch())
      .catch((error: unknown) => {
        if (error instanceof CommandFailed) return error.result;
        throw error;
      });
    return this.#translate(result, Math.round(performance.now() - startedAt));
  }

  #transport(): Command {
    const { connection, from, to } = this.#options;
    const script = runScript(this.command, {
      register: connection.register,
      token: this.token,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    });
    const { stdin } = this.command;
    const payload = stdin instanceof Secret ? stdin.reveal() : (stdin ?? "");
    return {
      argv: [...connection.shell, "--", connection.destination, scriptReader],
      // Bytes, because a text that holds a secret would have to be one as a whole.
      stdin: Buffer.concat([
        Buffer.from(scriptAsInput(script, newToken())),
        typeof payload === "string" ? Buffer.from(payload) : payload,
      ]),
      effect: this.command.effect,
    };
  }

  #watch(): Watch {
    const { watch = {}, to } = this.#options;
    const { stdoutLine, stderrLine } = watch;
    let isComplete = to !== undefined;
    const begun = `${this.token} begun`;
    let isOurs = false;
    const hearOutput = (line: string): void => {
      if (isOurs) stdoutLine?.(line);
    };
    const hear = (line: string): void => {
      if (this.#hasBegun) stderrLine?.(line);
    };
    const errors = new LinesBeforeMarker(hear, (line) => {
      if (line === begun) {
        this.#hasBegun = true;
        return true;
      }
      const ended = readEnded(line, this.token);
      if (ended === undefined) return false;
      this.#ended = ended;
      this.#endedAt = ended.at === undefined ? performance.now() : ended.at * 1000;
      this.#letGo(isComplete ? lingerMs : blindLingerMs);
      return true;
    });
    const lines =
      stdoutLine === undefined
        ? undefined
        : new LinesBeforeMarker(hearOutput, (line) => {
            if (line === begun) return (isOurs = true);
            if (line !== this.token) return false;
            isComplete = true;
            if (this.#ended !== undefined) this.#letGo(lingerMs);
            return true;
          });
    return {
      ...(lines === undefined ? {} : { stdoutLine: (line: string) => lines.push(line) }),
      stderrLine: (line: string) => errors.push(line),
      ...(watch.atReturns === undefined ? {} : { atReturns: watch.atReturns }),
      enough: this.#enough.signal,
    };
  }

  #letGo(afterMs: number): void {
    setTimeout(() => this.#enough.abort(), afterMs).unref();
  }

  #translate(result: CommandResult, milliseconds: number): CommandResult {
    const { watch, to } = this.#options;
    const ended = this.#ended;
    if (ended === undefined) throw this.#lost(result);
    const isWatched = watch?.stdoutLine !== undefined || to !== undefined;
    const written = isWatched ? "" : beforeMarker(result.stdout, this.token);
    if (written === undefined) {
      throw new HoldfastError(
        "command-failed",
        `${programName(this.command)} left something running on ${this.#options.name} that keeps its output open, and not all of it arrived`,
      );
    }
    const problem = notStarted(this.command, ended, this.#options.name);
    if (problem !== undefined) throw problem;
    const signal = signalOf(ended.exitStatus);
    const { text: stdout, isWhole } = afterBeginning(written, this.token);
    const said = beforeMarker(result.stderr, this.token) ?? "";
    return {
      exitStatus: ended.exitStatus,
      ...(signal === undefined ? {} : { signal }),
      stdout,
      stderr: afterBeginning(said, this.token).text,
      truncated: !isWatched && !isWhole,
      milliseconds,
    };
  }

  #lost({ exitStatus, stderr }: CommandResult): Error {
    const { connection, name } = this.#options;
    if (!this.#hasBegun && saysNotBegun(stderr)) return new NotBegun(stderr.trim());
    if (!this.#hasBegun && stderr.includes(noRoom)) {
      return new HoldfastError(
        "command-failed",
        `host "${name}" cannot write into ${connection.register.directory}, so nothing is started there`,
        { hint: `see whether that file system is full: df ${connection.register.directory}` },
      );
    }
    if (connection.ended !== undefined || exitStatus === 255) {
      return lostWhile(name, `${programName(this.command)} ran there`, connection.ended);
    }
    return new HoldfastError(
      "command-failed",
      `${programName(this.command)} ended on host "${name}" without saying how: ${stderr.trim().slice(-400)}`,
    );
  }
}

/** The connection was lost while something happened. */
export function lostWhile(name: string, what: string, cause: unknown): HoldfastError {
  const message = `the connection to host "${name}" was lost while ${what}`;
  return new HoldfastError("host-unreachable", message, { cause });
}

/** Why a command did not start there; undefined when it did. */
export function notStarted(
  command: Command,
  { trouble }: Ended,
  name: string,
): HoldfastError | undefined {
  const program = programName(command);
  const [word] = command.argv;
  switch (trouble) {
    case "ok":
      return undefined;
    case "missing":
      return new HoldfastError("tool-missing", `${program} was not found on host "${name}"`, {
        hint: `install ${word} there, or add its folder to PATH for commands that come over ssh`,
      });
    case "refused":
      return new HoldfastError("tool-missing", `${word} may not be executed on host "${name}"`, {
        hint: `check its permissions there: chmod a+rx ${word}`,
      });
    case "interpreter":
      return startFailure(program, "the interpreter it asks for is missing");
    case "folder":
      return startFailure(program, `there is no folder ${command.cwd ?? ""}`);
  }
}

function startFailure(program: string, reason: string): HoldfastError {
  return new HoldfastError("command-failed", `${program} could not be started: ${reason}`);
}

// A shell says 128 and the number of a signal. A command that itself ends so cannot be told from that.
function signalOf(exitStatus: number): NodeJS.Signals | undefined {
  for (const name of signalNames) {
    if (constants.signals[name] === exitStatus - 128) return name;
  }
  return undefined;
}

const signalNames = [
  ...(["SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL"] as const),
  ...(["SIGSEGV", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU"] as const),
];

/** Which commands are to be ended, and how. */
export interface EndingThere {
  readonly here: Host;
  readonly connection: Connection;
  readonly tokens: readonly string[];
  readonly signal: EndSignal;
  readonly graceMs: number;
}

// To get there and back.
const travelMs = 5000;
const endingAttempts = 20;

/**
 * Ends commands with all that they started, in order, and returns when nothing of them is left. Never
 * rejects: over a connection that no longer works nothing can be ended, and the other machine does it
 * itself once it notices.
 */
export async function endThere(ending: EndingThere): Promise<void> {
  const { here, connection, tokens, signal, graceMs } = ending;
  if (connection.ended !== undefined || tokens.length === 0) return;
  const script = endScript(connection.register, { tokens, signal, graceMs });
  const command: Command = {
    argv: [...connection.shell, "--", connection.destination, scriptReader],
    stdin: scriptAsInput(script, newToken()),
    effect: "reads",
    timeoutMs: graceMs + travelMs,
  };
  for (let attempt = 0; attempt < endingAttempts; attempt += 1) {
    const isRefused = await here.run(command, new AbortController().signal).then(
      () => false,
      (error: unknown) => error instanceof CommandFailed && saysNotBegun(error.result.stderr),
    );
    if (!isRefused || connection.ended !== undefined) return;
    // All sessions that the server allows are taken: another command may end, and free one.
    await sleep(200);
  }
}
