// Knows: how a machine would answer a script. Must not know: what the script is about.
import { AssertionError } from "node:assert";
import { CommandFailed } from "../../src/hosts/command-failed.ts";
import type {
  Command,
  CommandResult,
  Host,
  PathState,
  PipeResult,
  Scratch,
  Watch,
} from "../../src/hosts/host.ts";
import { interruption } from "../../src/hosts/interruption.ts";
import { makeScratch } from "../../src/hosts/scratch.ts";
import { HoldfastError } from "../../src/kernel/errors.ts";
import { redact } from "../../src/kernel/secret.ts";

/** How a command ends. What is absent is 0 or empty. */
export interface Ending {
  readonly exitStatus?: number;
  readonly signal?: NodeJS.Signals;
  readonly stdout?: string;
  readonly stderr?: string;
  /** It never ends by itself: only an abort or its `timeoutMs` end it. */
  readonly hangs?: boolean;
}

/** What happens when an announced command runs: it ends, or the host throws. */
export type Answer = Ending | Error;

interface Announcement {
  readonly line: string | RegExp;
  readonly answer: Answer;
}

/**
 * A host that runs nothing. The script is a list of command lines (words joined by spaces, stages by
 * " | ", or a pattern for them), each followed by its answer. A line that is listed twice is
 * answered in that order; the order of different lines is not looked at, `ran` has it.
 *
 * A command that nobody announced fails, and fails again when the host is disposed of, in case
 * somebody caught the first failure. So does an announced command that nobody ran.
 */
export class ScriptedHost implements Host, Disposable {
  readonly name: string;
  /** Every command, in the order in which they were started; the stages of a pipe one by one. */
  readonly ran: Command[] = [];
  readonly #pending: Announcement[];
  readonly #paths: ReadonlyMap<string, PathState>;
  readonly #surprises: string[] = [];

  constructor(
    script: readonly (string | RegExp | Answer)[],
    options: { readonly name?: string; readonly paths?: Readonly<Record<string, PathState>> } = {},
  ) {
    this.name = options.name ?? "scripted";
    this.#pending = announcements(script);
    this.#paths = new Map(Object.entries(options.paths ?? {}));
  }

  async reach(): Promise<void> {}

  async run(command: Command, signal: AbortSignal, watch: Watch = {}): Promise<CommandResult> {
    return await this.#answer(command, [command], { signal, watch });
  }

  async pipe(
    commands: readonly Command[],
    signal: AbortSignal,
    watch: Watch = {},
  ): Promise<PipeResult> {
    const last = commands.at(-1);
    if (last === undefined) throw new Error("a pipeline without commands");
    const result = await this.#answer(last, commands, { signal, watch });
    const before = commands.slice(1).map(() => commandResult({}));
    return { stages: [...before, result], stdout: result.stdout };
  }

  async inspect(paths: readonly string[], signal: AbortSignal): Promise<readonly PathState[]> {
    if (signal.aborted) throw interruption(signal, "looking at paths");
    return paths.map((path) => this.#paths.get(path) ?? this.#surprise(`a look at ${path}`));
  }

  async scratch(): Promise<Scratch> {
    return await makeScratch({});
  }

  [Symbol.dispose](): void {
    const leftovers = this.#pending.map(({ line }) => `announced, but never run: ${line}`);
    const problems = [...this.#surprises, ...leftovers];
    if (problems.length > 0) throw new AssertionError({ message: problems.join("\n") });
  }

  async #answer(
    command: Command,
    pipeline: readonly Command[],
    { signal, watch }: { readonly signal: AbortSignal; readonly watch: Watch },
  ): Promise<CommandResult> {
    const line = pipeline.map(({ argv }) => argv.join(" ")).join(" | ");
    if (signal.aborted) throw interruption(signal, line);
    this.ran.push(...pipeline);
    const index = this.#pending.findIndex((announced) => matches(announced.line, line));
    const [announced] = index === -1 ? [] : this.#pending.splice(index, 1);
    const answer = announced?.answer ?? this.#surprise(line);
    // A real host never answers in the same turn.
    await new Promise(setImmediate);
    if (answer instanceof Error) throw answer;
    if (answer.hangs === true) return await hang(command, signal);
    return end(command, answer, watch);
  }

  #surprise(what: string): never {
    const message = `nobody announced: ${what}`;
    this.#surprises.push(message);
    throw new AssertionError({ message });
  }
}

/** A whole result from the parts that matter. */
export function commandResult(ending: Ending): CommandResult {
  return {
    exitStatus: ending.exitStatus ?? 0,
    ...(ending.signal === undefined ? {} : { signal: ending.signal }),
    stdout: ending.stdout ?? "",
    stderr: redact(ending.stderr ?? ""),
    truncated: false,
    milliseconds: 1,
  };
}

/** Ends a command as a real host would: lines to those who watch, and failure as an exception. */
export function end(command: Command, ending: Ending, watch: Watch): CommandResult {
  for (const line of linesOf(ending.stderr)) watch.stderrLine?.(redact(line));
  if (watch.stdoutLine !== undefined)
    for (const line of linesOf(ending.stdout)) watch.stdoutLine(line);
  const result = {
    ...commandResult(ending),
    ...(watch.stdoutLine === undefined ? {} : { stdout: "" }),
  };
  if ((command.okExits ?? [0]).includes(result.exitStatus)) return result;
  throw new CommandFailed(command, result);
}

/** Waits as a command does that never ends: for the abort, or for its time limit. */
export async function hang(command: Command, signal: AbortSignal): Promise<never> {
  if (signal.aborted) throw interruption(signal, command.argv[0]);
  const { promise, reject } = Promise.withResolvers<never>();
  const program = command.argv[0];
  const interrupt = () => reject(interruption(signal, program));
  signal.addEventListener("abort", interrupt, { once: true });
  // Also keeps the process alive while nothing else does.
  const timer = setTimeout(
    () => reject(new HoldfastError("timed-out", `${program} did not end in time`)),
    command.timeoutMs ?? 2 ** 31 - 1,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupt);
  }
}

function announcements(script: readonly (string | RegExp | Answer)[]): Announcement[] {
  if (script.length % 2 === 1) throw new Error("a command line of the script has no answer");
  return Array.from({ length: script.length / 2 }, (_, index) => {
    const line = script[index * 2];
    const answer = script[index * 2 + 1];
    const isLine = typeof line === "string" || line instanceof RegExp;
    const isAnswer = typeof answer === "object" && !(answer instanceof RegExp);
    if (!isLine || !isAnswer) throw new Error(`the script's entry ${index * 2} is out of place`);
    return { line, answer };
  });
}

function matches(announced: string | RegExp, line: string): boolean {
  return typeof announced === "string" ? announced === line : announced.test(line);
}

function linesOf(text: string | undefined): readonly string[] {
  return text === undefined || text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
