// Knows: how the command tree becomes the reference page. Must not know: where the page goes.
import type { Argument, Command, Option } from "commander";
import { CommandNode } from "./command-node.ts";
import { commandTree } from "./command-tree.ts";

const introduction = `# Commands

<!-- Made from the command tree by scripts/generate-reference.ts. Change src/cli, not this page. -->

Data goes to standard output, everything else to standard error. With \`--json\` a command answers
with one document whose first key is \`version\`, or with one such line for each event
(\`run\`, \`backup\`, \`copy\`, \`prune\`, \`daemon\`, \`logs\`). Times in it are UTC in ISO 8601, sizes are bytes,
durations are seconds. Fields may be added; those that are there keep their name and meaning. A
failure is one line on standard error: \`{"error":{"code","message","hint","cause"}}\`.
`;

const exitStatus = `## Exit status

| status | meaning |
| --- | --- |
| 0 | done, or nothing was due |
| 1 | a job failed, or several failed in different ways |
| 2 | the command line or the configuration is wrong |
| 3 | done with warnings: some files could not be read, a run is suspicious, or something is unwise |
| 10 | the repository does not exist |
| 11 | locked or busy |
| 12 | the password is wrong |
| 70 | a bug in holdfast |
| 75 | with \`--strict\`: nothing could run, because volumes or hosts are away (without it: 0) |
| 130 | interrupted |

Several jobs have one exit status: an interruption (130) or a bug (70) before all else; then the status
of the failures when they are alike, so that one failing job gives its own, and 1 when they differ;
then 3 when anything ended with warnings.
`;

/** The reference page of all commands, as Markdown. */
export function commandReference(): string {
  const unused = { write() {}, width: 80, colours: false };
  const tree = commandTree(async () => {}, unused);
  const global = optionTable(tree.options);
  return [
    introduction,
    `## Options of every command\n\n${global}\n`,
    ...nodesBelow(tree, "holdfast").map(([name, node]) => section(name, node)),
    exitStatus,
  ].join("\n");
}

/** Commands that do something, each with its whole name. */
function nodesBelow(node: Command, above: string): readonly (readonly [string, CommandNode])[] {
  return node.commands.flatMap((child) => {
    if (!(child instanceof CommandNode)) return [];
    const name = `${above} ${child.name()}`;
    return child.commands.length > 0 ? nodesBelow(child, name) : [[name, child] as const];
  });
}

function section(name: string, node: CommandNode): string {
  const parts = [
    `## ${name}`,
    node.description(),
    `\`\`\`\n${node.createHelp().commandUsage(node)}\n\`\`\``,
    argumentTable(node.registeredArguments),
    optionTable(node.options),
    examplesOf(node),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function argumentTable(all: readonly Argument[]): string {
  return table(
    "argument",
    all.map((argument) => [argument.name(), `${argument.description}${choices(argument)}`]),
  );
}

function choices({ argChoices }: Argument): string {
  return argChoices === undefined ? "" : `: ${argChoices.join(", ")}`;
}

function optionTable(all: readonly Option[]): string {
  return table(
    "option",
    all.map(({ flags, description, defaultValue }) => [
      flags,
      typeof defaultValue === "string" ? `${description} (default: ${defaultValue})` : description,
    ]),
  );
}

function table(heading: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(
    ([name, meaning]) => `| \`${name}\` | ${meaning.replaceAll("|", "\\|")} |`,
  );
  return [`| ${heading} | |`, "| --- | --- |", ...lines].join("\n");
}

function examplesOf({ examples }: CommandNode): string {
  if (examples.length === 0) return "";
  const lines = examples.map(([line, purpose]) => `# ${purpose}\n${line}`);
  return `\`\`\`sh\n${lines.join("\n\n")}\n\`\`\``;
}
