// Knows: how a command that failed is put into words. Must not know: what the command was for.
import { basename } from "node:path";
import { HoldfastError } from "../kernel/errors.ts";
import { redact } from "../kernel/secret.ts";
import type { Command, CommandResult } from "./host.ts";

// A tool's last words are its reason; more of them than this is a log.
const longestReason = 500;
const reasonLines = 3;
const terminalControl = /\p{Cc}(\[[\d;?]*[A-Za-z])?/gu;

/**
 * A command ended with an exit status that is not in its `okExits` (code `command-failed`). Engines
 * look at `result` to say what that means; whoever does not, shows the message as it is: program,
 * reason, and the last lines of standard error.
 */
export class CommandFailed extends HoldfastError {
  /** The command that is to blame, without secrets. */
  readonly argv: readonly string[];
  readonly result: CommandResult;
  /** Every stage of the pipeline it was part of, in order; a single command is its own only stage. */
  readonly stages: readonly CommandResult[];

  constructor(
    command: Command,
    result: CommandResult,
    stages: readonly CommandResult[] = [result],
  ) {
    super("command-failed", describeFailure(command, result));
    this.name = "CommandFailed";
    this.argv = command.argv.map(redact);
    this.result = result;
    this.stages = stages;
  }
}

/** What a command is called in a sentence: its program, without the folder. */
export function programName(command: Command): string {
  return redact(basename(command.argv[0]));
}

/** The last words of a tool in one line, redacted and harmless to a terminal. May be empty. */
export function lastWords(stderr: string): string {
  const lines = redact(stderr)
    .split("\n")
    .map((line) => line.replaceAll(terminalControl, " ").trim())
    .filter((line) => line !== "");
  const words = lines.slice(-reasonLines).join("; ");
  return words.length > longestReason ? `…${words.slice(-longestReason)}` : words;
}

function describeFailure(command: Command, result: CommandResult): string {
  const how =
    result.signal === undefined
      ? `failed with exit status ${result.exitStatus}`
      : `was ended by ${result.signal}`;
  const words = lastWords(result.stderr);
  return `${programName(command)} ${how}${words === "" ? "" : `: ${words}`}`;
}
