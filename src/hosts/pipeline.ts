// Knows: how several processes work side by side as one. Must not know: what flows between them.
import { HoldfastError } from "../kernel/errors.ts";
import { stageToBlame, type StageVerdict } from "./blame.ts";
import { CommandFailed, programName } from "./command-failed.ts";
import type { Command, CommandResult, PipeResult, Watch } from "./host.ts";
import { interruption, onAbort } from "./interruption.ts";
import type { LaunchPad } from "./launch.ts";
import { Stage, type StageEnd } from "./stage.ts";

/** Where and how a pipeline runs. */
export interface PipelineOptions {
  readonly pad: LaunchPad;
  readonly signal: AbortSignal;
  readonly watch: Watch;
  /** Of the last stage's standard output so many bytes are kept. */
  readonly stdoutLimit: number;
  /** From SIGTERM to SIGKILL, in milliseconds. */
  readonly graceMs: number;
}

// A writer whose reader has failed notices when it writes. One that does not write is not waited for.
const readerlessMs = 2000;
// Node's timers fire at once when given more (24.8 days).
const longestTimerMs = 2 ** 31 - 1;

/**
 * Runs commands side by side, each one's output being the next one's input. A single command is a
 * pipeline of one. Throws what `Host.run` and `Host.pipe` promise; whatever it throws, nothing of
 * the pipeline is left running.
 */
export async function runPipeline(
  commands: readonly Command[],
  options: PipelineOptions,
): Promise<PipeResult> {
  const { signal, watch } = options;
  const subject = commands.map(programName).join(" | ");
  if (commands.length === 0) throw new Error("a pipeline needs at least one command");
  if (commands.slice(1).some(({ stdin }) => stdin !== undefined)) {
    throw new Error(`only the first command of a pipeline can be given an input: ${subject}`);
  }
  if (signal.aborted) throw interruption(signal, subject);

  const running = new RunningPipeline(commands, options);
  using stack = new DisposableStack();
  stack.use(onAbort(signal, () => running.stop(interruption(signal, subject))));
  if (watch.enough !== undefined) stack.use(onAbort(watch.enough, () => running.finish()));
  for (const command of commands) {
    if (command.timeoutMs === undefined) continue;
    const timer = setTimeout(
      () => running.stop(timedOut(command)),
      Math.min(command.timeoutMs, longestTimerMs),
    );
    stack.defer(() => clearTimeout(timer));
  }
  return await running.result();
}

function timedOut({ timeoutMs = 0, ...command }: Command): HoldfastError {
  const message = `${programName(command)} did not end within ${timeoutMs / 1000} s`;
  return new HoldfastError("timed-out", message);
}

/** A pipeline that has been started. */
class RunningPipeline {
  readonly #stages: readonly Stage[];
  readonly #timers = new DisposableStack();
  readonly #endings: Promise<void>[] = [];
  #stopped: { readonly reason: unknown } | undefined;

  constructor(commands: readonly Command[], options: PipelineOptions) {
    this.#stages = startAll(commands, options, (reader) => {
      for (const writer of this.#stages.slice(0, reader)) writer.noticeWhetherItWrites();
    });
  }

  /** Ends all stages. The first reason given is the one that is thrown. May be repeated. */
  stop(reason: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { reason };
    this.#end(this.#stages);
  }

  /** Ends what is left of it; how that ends counts. May be repeated. */
  finish(): void {
    this.#end(this.#stages);
  }

  async result(): Promise<PipeResult> {
    using stack = new DisposableStack();
    stack.use(this.#timers);
    const ends = await Promise.all(this.#stages.map((stage) => this.#watchOver(stage)));
    await Promise.all(this.#endings);
    if (this.#stopped !== undefined) throw withSurvivors(this.#stopped.reason, ends);

    const results = ends.flatMap((end) => (end.kind === "exited" ? [end.result] : []));
    this.#judge(results);
    return { stages: results, stdout: results.at(-1)?.stdout ?? "" };
  }

  #end(stages: readonly Stage[]): void {
    for (const stage of stages) this.#endings.push(stage.end());
  }

  async #watchOver(stage: Stage): Promise<StageEnd> {
    const end = await stage.ended;
    if (end.kind === "not-started" || end.kind === "watch-failed") this.stop(end.error);
    if (end.kind === "immortal") {
      this.stop(new HoldfastError("command-failed", `${programName(stage.command)} does not end`));
    }
    if (end.kind === "exited" && !isOk(stage.command, end.result)) this.#endWritersOf(stage);
    return end;
  }

  #endWritersOf(reader: Stage): void {
    const writers = this.#stages.slice(0, this.#stages.indexOf(reader));
    if (writers.length === 0) return;
    const timer = setTimeout(() => {
      this.#end(writers.filter((writer) => writer.endedAt === undefined));
    }, readerlessMs);
    this.#timers.defer(() => clearTimeout(timer));
  }

  #judge(results: readonly CommandResult[]): void {
    const verdicts = this.#stages.flatMap((stage, index): readonly StageVerdict[] => {
      const result = results[index];
      if (result === undefined) return [];
      const { wasEnded, wroteUntil: endedAt = 0 } = stage;
      return [{ ok: isOk(stage.command, result), result, wasEnded, endedAt }];
    });
    const blamed = stageToBlame(verdicts);
    const stage = blamed === undefined ? undefined : this.#stages[blamed];
    const result = blamed === undefined ? undefined : results[blamed];
    if (stage !== undefined && result !== undefined) {
      throw new CommandFailed(stage.command, result, results);
    }
  }
}

/** Starts what can be started. Processes end in later ticks, so `onExit` is never called meanwhile. */
function startAll(
  commands: readonly Command[],
  options: PipelineOptions,
  onExit: (index: number) => void,
): readonly Stage[] {
  const { pad, watch, stdoutLimit, graceMs } = options;
  const launches = commands.map((command) => pad.prepare(command));
  const stages: Stage[] = [];
  for (const [index, launch] of launches.entries()) {
    const before = stages.at(-1);
    const handsOver = index < launches.length - 1;
    const input = before?.output;
    stages.push(
      new Stage(launch, pad, {
        ...(input === undefined ? {} : { input }),
        handsOver,
        watch,
        stdoutLimit,
        graceMs,
        onExit: () => onExit(index),
      }),
    );
    // In this same tick, before a byte of it is read here, and so that the writer notices when its
    // reader ends.
    before?.output?.destroy();
    if (!stages.at(-1)?.isStarted) break;
  }
  return stages;
}

function isOk(command: Command, result: CommandResult): boolean {
  return (command.okExits ?? [0]).includes(result.exitStatus);
}

// Something that cannot be ended holds on to what it was doing: whoever reads the error must know.
function withSurvivors(reason: unknown, ends: readonly StageEnd[]): unknown {
  const pids = ends.flatMap((end) => (end.kind === "immortal" ? [end.pid] : []));
  if (pids.length === 0 || !(reason instanceof HoldfastError)) return reason;
  return new HoldfastError(
    reason.code,
    `${reason.message}; it could not be ended and may still be running (process ${pids.join(", ")})`,
    { ...(reason.hint === undefined ? {} : { hint: reason.hint }), cause: reason },
  );
}
