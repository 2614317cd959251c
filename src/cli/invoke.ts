// Knows: how a command line becomes a call of one command, and its exit status. Must not know: any command.
import { exitStatusOf } from "../kernel/errors.ts";
import type { GlobalOptions, LocationOptions } from "./command-node.ts";
import { commandTree } from "./command-tree.ts";
import { listenForInterruption, type SignalSource } from "./interruption.ts";
import { Output, type OutputOptions, type Stream } from "./render.ts";
import { type Environment, newSession } from "./session.ts";
import { isAnswered, usageError } from "./usage.ts";

/** A command line and the world that it is given in. */
export interface Invocation {
  /** Without the program itself. */
  readonly words: readonly string[];
  readonly environment: Environment;
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly signals: SignalSource;
}

/** Does what a command line asks for. Answers with the exit status; throws what goes wrong. */
export async function invoke(invocation: Invocation): Promise<number> {
  const { environment, signals } = invocation;
  const words = withWholeReadData(invocation.words);
  const first = outputFor(invocation, guessedOptions(words));
  let exitStatus = 0;
  let locations: LocationOptions = {};
  const tree = commandTree(
    async (action) => {
      const { config, ...options } = tree.opts<GlobalOptions>();
      const { json = false, quiet = false, verbose = false, color } = options;
      const output = outputFor(invocation, { json, quiet, verbose, color });
      using interruption = listenForInterruption(signals, (message) => output.message(message));
      const { signal } = interruption;
      const facts = { output, signal, environment, locations };
      const session = newSession(config === undefined ? facts : { ...facts, configFile: config });
      exitStatus = await output.exitStatus(await action(session));
    },
    {
      write: (text) => first.raw(text),
      width: helpWidth(invocation.stdout.columns ?? 0),
      colours: first.coloured,
    },
  );
  tree.hook("preAction", (_, command) => {
    locations = command.optsWithGlobals<LocationOptions>();
  });
  if (isCompletionRequest(words)) {
    const { complete } = await import("./completions.ts");
    await complete(tree, { words: words.slice(2), environment, output: first });
    return 0;
  }
  try {
    await tree.parseAsync(words.length === 0 ? ["--help"] : words, { from: "user" });
  } catch (error) {
    if (!isAnswered(error)) throw usageError(error, tree, words);
  }
  return exitStatus;
}

/** Shows why an invocation failed, and answers with the exit status. */
export function explainFailure(error: unknown, invocation: Invocation): number {
  outputFor(invocation, guessedOptions(invocation.words)).error(error);
  return exitStatusOf(error);
}

/** A terminal that does not know its size says 0; very long lines are hard to read. */
function helpWidth(columns: number): number {
  return columns > 0 ? Math.min(columns, 100) : 80;
}

function outputFor(invocation: Invocation, options: OutputOptions): Output {
  const { stdout, stderr, environment } = invocation;
  return new Output({ stdout, stderr, env: environment.env }, options);
}

/** The options about output as far as they can be told from a command line that may be wrong. */
function guessedOptions(words: readonly string[]): OutputOptions {
  const options = words.slice(0, words.includes("--") ? words.indexOf("--") : undefined);
  return {
    json: options.includes("--json"),
    quiet: options.includes("--quiet") || options.includes("-q"),
    verbose: options.includes("--verbose") || options.includes("-v"),
    color: !options.includes("--no-color"),
  };
}

/** What the completion scripts of the shells call. */
function isCompletionRequest(words: readonly string[]): boolean {
  return words[0] === "complete" && words[1] === "--";
}

/** `--read-data` alone means all of it; commander would take the job behind it for its value. */
function withWholeReadData(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  return words.map((word, index) =>
    word === "--read-data" && (end === -1 || index < end) ? "--read-data=100%" : word,
  );
}
