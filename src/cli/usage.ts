// Knows: how a command line that cannot be understood is explained. Must not know: any command.
import { CommanderError } from "commander";
import { HoldfastError } from "../kernel/errors.ts";
import { CommandNode } from "./command-node.ts";

/** Whether this only ends the parsing because help or the version was shown. */
export function isAnswered(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** A mistake in the command line as an error of ours; anything else as it is. */
export function usageError(error: unknown, tree: CommandNode, words: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error;
  const hint = `see: ${[tree.name(), ...commandNames(tree, words), "--help"].join(" ")}`;
  if (error.code === "commander.help") {
    return new HoldfastError("usage-invalid", "no command is given", { hint });
  }
  const message = error.message
    .replace(/^error: /, "")
    .replace(/\s*\(Did you mean (one of )?(.*)\?\)$/, ", did you mean $1$2?");
  return new HoldfastError("usage-invalid", message, { hint });
}

/** The names of the commands that these words begin with. */
function commandNames(tree: CommandNode, words: readonly string[]): readonly string[] {
  const [word, ...rest] = words.filter((each) => !each.startsWith("-"));
  const found = tree.commands.find((command) => command.name() === word);
  if (word === undefined || !(found instanceof CommandNode)) return [];
  return [word, ...commandNames(found, rest)];
}
