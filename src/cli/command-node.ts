// Knows: how every command of the tree looks and behaves alike. Must not know: any one of them.
import { Command, type Help, Option } from "commander";
import { coloured, plain, type Paint } from "./paint.ts";

/** A command line that somebody might type, and what it is for. */
export type Example = readonly [commandLine: string, purpose: string];

/** A command of the tree, with the examples that its help ends with. */
export class CommandNode extends Command {
  /** Shown at the end of the help and in the reference. */
  examples: readonly Example[] = [];

  override createCommand(name?: string): CommandNode {
    return new CommandNode(name);
  }

  override createHelp(): Help {
    return Object.assign(super.createHelp(), { showGlobalOptions: true });
  }

  /** Adds examples to the end of the help. */
  withExamples(...examples: readonly Example[]): this {
    this.examples = examples;
    return this.addHelpText("after", () => examplesText(examples));
  }

  /** Adds the options that say which addresses of hosts may be used: where this machine is now. */
  withLocations(): this {
    return this.option(
      "--location <location>",
      "reach hosts only at addresses of this location, or of none (repeatable)",
      collect,
    ).option(
      "--exclude-location <location>",
      "reach no host at addresses of this location (repeatable)",
      collect,
    );
  }
}

/** The options of `withLocations`. */
export interface LocationOptions {
  readonly location?: readonly string[];
  readonly excludeLocation?: readonly string[];
}

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

function examplesText(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, purpose]) => `  ${line.padEnd(width)}  ${purpose}`);
  return `\nExamples:\n${lines.join("\n")}`;
}

/** The paint of help, by whether it goes to something that shows colours. */
export function helpStyle(colours: boolean): Partial<Help> {
  const paint: Paint = colours ? coloured : plain;
  return { styleTitle: (title) => paint.bold(title) };
}

/** The options that every command has. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
}

/** Adds the options that every command has. */
export function addGlobalOptions(tree: CommandNode): CommandNode {
  return tree
    .option("-c, --config <file>", "the configuration file to use")
    .option("--json", "answer in JSON")
    .option("-q, --quiet", "say only what was asked for, and failures")
    .option("-v, --verbose", "say more")
    .addOption(new Option("--no-color", "without colours (as does the variable NO_COLOR)"));
}

/** `[job...]`, the argument of most commands. */
export const jobsArgument = {
  flags: "[job...]",
  description: "names of jobs (default: all)",
} as const;
