// Knows: one running process, from its start to its last byte of output. Must not know: its neighbours.
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { type HoldfastError } from "../kernel/errors.ts";
import { redact, Secret } from "../kernel/secret.ts";
import type { Command, CommandResult, EndSignal, Watch } from "./host.ts";
import { type Launch, type LaunchPad, prefixFailure, startFailure } from "./launch.ts";
import { Lines, Tail } from "./output.ts";
import { hasLeftOutput, standardOutputOf } from "./process-table.ts";
import { endGroup, endWithThisProcess } from "./process-group.ts";

/** How a stage ended. */
export type StageEnd =
  | { readonly kind: "exited"; readonly result: CommandResult }
  | { readonly kind: "not-started"; readonly error: HoldfastError }
  /** Whoever watched its lines threw: a bug. The process may still be running. */
  | { readonly kind: "watch-failed"; readonly error: unknown }
  /** Neither SIGTERM nor SIGKILL ended it. */
  | { readonly kind: "immortal"; readonly pid: number };

/** What is to become of a stage's output and how long things may take. */
export interface StageOptions {
  /** The output of the stage before, which becomes its input. */
  readonly input?: Readable;
  /** Its standard output is for the next stage. */
  readonly handsOver: boolean;
  readonly watch: Watch;
  readonly stdoutLimit: number;
  /** From the signal that asks it to end to SIGKILL. */
  readonly graceMs: number;
  /** Called when its process is seen to have ended, before anything else is done about that. */
  readonly onExit: () => void;
}

function endSignal(command: Command): EndSignal {
  return command.endSignal ?? "SIGTERM";
}

const stderrLimit = 64 * 1024;
const longestSecret = 4096;

// A grandchild may keep the output open for ever. What the command itself wrote is in the pipe when
// it exits, and takes no longer than this to arrive.
const lingerMs = 300;

/** One process. `ended` never rejects. */
export class Stage {
  readonly command: Command;
  readonly ended: Promise<StageEnd>;
  readonly #options: StageOptions;
  readonly #startedAt = performance.now();
  readonly #stdout: Tail;
  readonly #stderr = new Tail(stderrLimit);
  readonly #settle: (end: StageEnd) => void;
  readonly #watched: Lines[] = [];
  #child: ChildProcess | undefined;
  #ending: Promise<void> | undefined;
  #lingering: NodeJS.Timeout | undefined;
  #guard: Disposable | undefined;
  #endedAt: number | undefined;
  #wroteUntil: number | undefined;
  /** What leads from it to its reader. */
  #joint: string | undefined;

  constructor(launch: Launch, pad: LaunchPad, options: StageOptions) {
    const { promise, resolve } = Promise.withResolvers<StageEnd>();
    this.command = launch.command;
    this.ended = promise;
    this.#settle = resolve;
    this.#options = options;
    this.#stdout = new Tail(options.stdoutLimit);
    this.#start(launch, pad);
  }

  /** Its standard output, to be handed to the next stage in the tick in which it was started. */
  get output(): Readable | undefined {
    return this.#child?.stdout ?? undefined;
  }

  get isStarted(): boolean {
    return this.#child?.pid !== undefined;
  }

  /** When the process ended, by `performance.now()`; what it wrote may still be on its way then. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }

  /** When nothing more could come from it, as far as that was noticed: no later than its end. */
  get wroteUntil(): number | undefined {
    return this.#wroteUntil ?? this.#endedAt;
  }

  /**
   * Looks whether its process can still write. For the moment when its reader has ended: a process closes its
   * output before its end is told, so its reader's end may be seen first.
   */
  noticeWhetherItWrites(): void {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#joint === undefined || this.wroteUntil !== undefined) return;
    if (hasLeftOutput(pid, this.#joint)) this.#wroteUntil = performance.now();
  }

  /** Whether it was made to end, and so is not to blame for how. */
  get wasEnded(): boolean {
    return this.#ending !== undefined;
  }

  /** Ends it and all that it started. Resolves when nothing of it is left. May be repeated. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    const { graceMs } = this.#options;
    const isGone = await endGroup(pid, { signal: endSignal(this.command), graceMs });
    this.#guard?.[Symbol.dispose]();
    // When it is gone, or only something that it started is left, its exit is or will be noticed.
    if (isGone || this.#child?.exitCode !== null || this.#child.signalCode !== null) return;
    this.#letGo();
    this.#settle({ kind: "immortal", pid });
  }

  #start(launch: Launch, pad: LaunchPad): void {
    const { stdin } = launch.command;
    try {
      this.#child = pad.start(
        launch,
        this.#options.input ?? (stdin === undefined ? "none" : "written"),
      );
    } catch (error) {
      this.#settle({ kind: "not-started", error: startFailure(launch.command, error) });
      return;
    }
    if (this.#child.pid !== undefined) {
      this.#guard = endWithThisProcess(this.#child.pid, endSignal(this.command));
      if (this.#options.handsOver) this.#joint = standardOutputOf(this.#child.pid);
    }
    this.#child.once("error", (error) => {
      if (this.#child?.pid !== undefined) return;
      this.#letGo();
      this.#settle({ kind: "not-started", error: startFailure(launch.command, error) });
    });
    this.#child.once("exit", () => {
      this.#options.onExit();
      this.#endedAt = performance.now();
      // While it is being ended, what it has started may be left.
      if (!this.wasEnded) this.#guard?.[Symbol.dispose]();
      this.#finishSoon();
    });
    this.#child.once("close", () => this.#finish());
    this.#read();
    this.#write(stdin);
  }

  #read(): void {
    const { handsOver, watch } = this.#options;
    const { stdoutLine, stderrLine } = watch;
    const { stdout, stderr } = this.#child ?? {};
    if (!handsOver) {
      const receiver = stdoutLine === undefined ? this.#stdout : this.#lines(stdoutLine, watch);
      stdout?.on("data", (chunk: Buffer) => receiver.push(chunk));
    }
    stderr?.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    if (stderrLine === undefined) return;
    const lines = this.#lines((line) => stderrLine(redact(line)));
    stderr?.on("data", (chunk: Buffer) => lines.push(chunk));
  }

  #lines(receive: (line: string) => void, { atReturns = false }: Watch = {}): Lines {
    const lines = new Lines(
      (line) => {
        try {
          receive(line);
        } catch (error) {
          this.#settle({ kind: "watch-failed", error });
        }
      },
      { atReturns },
    );
    this.#watched.push(lines);
    return lines;
  }

  #write(stdin: Command["stdin"]): void {
    const pipe = this.#child?.stdin;
    if (stdin === undefined || !pipe) return;
    // A command need not read what it is given; whether that was right, its exit status says.
    pipe.on("error", () => {});
    pipe.end(stdin instanceof Secret ? stdin.reveal() : stdin);
  }

  #finishSoon(): void {
    // The turn after the timer: had this process been too busy to read, it reads now.
    this.#lingering = setTimeout(() => setImmediate(() => this.#finish()), lingerMs);
  }

  #finish(): void {
    clearTimeout(this.#lingering);
    this.#letGo();
    for (const lines of this.#watched.splice(0)) lines.end();
    const code = this.#child?.exitCode ?? null;
    const signal = this.#child?.signalCode ?? undefined;
    const result = {
      exitStatus: code ?? 128 + (signal === undefined ? 0 : constants.signals[signal]),
      ...(signal === undefined ? {} : { signal }),
      stdout: this.#stdout.text(),
      stderr: withoutSecrets(this.#stderr),
      truncated: this.#stdout.truncated,
      milliseconds: Math.round(performance.now() - this.#startedAt),
    };
    const error = prefixFailure(this.command, result);
    this.#settle(error === undefined ? { kind: "exited", result } : { kind: "not-started", error });
  }

  /** Stops waiting for anything more from it. */
  #letGo(): void {
    for (const stream of this.#child?.stdio ?? []) stream?.destroy();
    this.#child?.unref();
  }
}

/** Standard error as others may see it. */
function withoutSecrets(tail: Tail): string {
  const redacted = redact(tail.text());
  if (!tail.truncated) return redacted;
  // It may begin with the end of a secret, which `redact` does not know. That reaches at most to the
  // end of the line, or to where a secret is known again.
  const known = /\n|\*\*\*/.exec(redacted);
  return redacted.slice(known === null ? longestSecret : known.index + known[0].length);
}
