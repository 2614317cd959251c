// Knows: what can stand at the next place of a half-typed command line. Must not know: any shell.
import { RootCommand, type Command as Completed } from "@bomb.sh/tab";
import type { Argument, Command, Option } from "commander";
import type { Config } from "../config/config.ts";
import type { Journal } from "../journal/journal.ts";
import { verbs } from "../jobs/program.ts";
import type { CommandNode } from "./command-node.ts";
import { knownLocations } from "./names.ts";
import type { Output } from "./render.ts";
import { shortId } from "./run-text.ts";
import type { Environment } from "./session.ts";
import { localTime } from "../kernel/figures.ts";

/** A half-typed command line: the last word is the one to complete. */
export interface CompletionRequest {
  readonly words: readonly string[];
  readonly environment: Environment;
  readonly output: Output;
}

/** A word that fits, and what it means. */
type Candidate = readonly [value: string, description: string];

/** The candidates for each placeholder of the command tree, such as `job` in `[job...]`. */
type Candidates = ReadonlyMap<string, readonly Candidate[]>;

// Their values are files, which every shell completes better itself.
const filePlaceholders = new Set(["file", "directory"]);

/**
 * Prints the candidates in the protocol of @bomb.sh/tab. Without a readable configuration there are
 * no names, and nothing else is said: nobody wants an error while typing.
 */
export async function complete(tree: CommandNode, request: CompletionRequest): Promise<void> {
  const { words, output } = request;
  if (wantsFile(tree, words)) {
    output.raw(":0\n");
    return;
  }
  const candidates = await candidatesFor(request);
  const root = new RootCommand();
  addCommand(root, tree, candidates);
  for (const [path, command] of subcommands(tree)) {
    const completed = root.command(path, command.summary() || command.description());
    addCommand(completed, command, candidates);
    addOptions(completed, tree, candidates);
  }
  root.parse([...words]);
}

function addCommand(completed: Completed, command: Command, candidates: Candidates): void {
  addOptions(completed, command, candidates);
  for (const argument of command.registeredArguments) {
    const values = valuesOf(argument, candidates);
    completed.argument(argument.name(), (answer) => tell(values, answer), argument.variadic);
  }
}

function addOptions(completed: Completed, command: Command, candidates: Candidates): void {
  for (const option of command.createHelp().visibleOptions(command)) {
    const name = option.long?.replace(/^--/, "");
    const letter = option.short?.replace(/^-/, "");
    if (name === undefined) continue;
    if (option.required || option.optional) {
      const choices = option.argChoices?.map((choice): Candidate => [choice, ""]);
      const values = choices ?? candidates.get(placeholderOf(option)) ?? [];
      completed.option(name, option.description, (answer) => tell(values, answer), letter);
    } else {
      completed.option(name, option.description, letter);
    }
  }
}

function tell(
  values: readonly Candidate[],
  answer: (value: string, description: string) => void,
): void {
  for (const [value, description] of values) answer(value, description);
}

function valuesOf(argument: Argument, candidates: Candidates): readonly Candidate[] {
  const choices = argument.argChoices?.map((choice): Candidate => [choice, ""]);
  return choices ?? candidates.get(argument.name()) ?? [];
}

/** `file` of `--config <file>`. */
function placeholderOf(option: Option): string {
  return /[<[](.+?)(\.\.\.)?[>\]]/.exec(option.flags)?.[1] ?? "";
}

/** All commands below the root with their whole names, such as `config check`. */
function subcommands(command: Command, above = ""): readonly (readonly [string, Command])[] {
  return command.commands.flatMap((child): readonly (readonly [string, Command])[] => {
    const path = `${above}${child.name()}`;
    return [[path, child], ...subcommands(child, `${path} `)];
  });
}

/** Whether the word to complete is the value of an option that takes a file. */
function wantsFile(tree: CommandNode, words: readonly string[]): boolean {
  const last = words.at(-1) ?? "";
  const flag = last.startsWith("--") && last.includes("=") ? last.split("=")[0] : words.at(-2);
  if (flag === undefined || !flag.startsWith("-")) return false;
  const commands = [tree, ...subcommands(tree).map(([, command]) => command)];
  return commands.some(({ options }) =>
    options.some(
      (option) =>
        (option.long === flag || option.short === flag) &&
        filePlaceholders.has(placeholderOf(option)),
    ),
  );
}

async function candidatesFor(request: CompletionRequest): Promise<Candidates> {
  const { words } = request;
  const candidates = new Map<string, readonly Candidate[]>([
    ["verbs", verbCandidates(words.at(-1) ?? "")],
  ]);
  const names = await configuredNames(request);
  for (const [placeholder, values] of names) candidates.set(placeholder, values);
  return candidates;
}

/** Verbs may follow each other: `backup,co` can become `backup,copy`. */
function verbCandidates(word: string): readonly Candidate[] {
  const typed = word.replace(/^.*=/, "");
  const before = typed.slice(0, typed.lastIndexOf(",") + 1);
  return verbs.map((verb) => [`${before}${verb}`, ""]);
}

async function configuredNames(request: CompletionRequest): Promise<Candidates> {
  try {
    return await readNames(request);
  } catch {
    // No configuration, or a broken one: its commands say so; a shell that completes must not.
    return new Map();
  }
}

async function readNames({ words, environment }: CompletionRequest): Promise<Candidates> {
  const { loadConfig } = await import("../config/load.ts");
  const { openJournal } = await import("../journal/open.ts");
  const { env, home } = environment;
  const file = configFile(words);
  const config = await loadConfig({ ...(file === undefined ? {} : { file }), env, home });
  using journal = openJournal(config.state, { readOnly: true });
  const jobs = [...config.jobs.values()].map(({ name, repository }): Candidate => [
    name,
    repository,
  ]);
  return new Map([
    ["job", jobs],
    ["location", knownLocations(config).map((name): Candidate => [name, ""])],
    ["job[@snapshot]", jobCandidates(words.at(-1) ?? "", { jobs, config, journal })],
    ["repository", [...config.repositories.keys()].map((name): Candidate => [name, ""])],
    ["notifier", [...config.notifiers].map(([name, { type }]): Candidate => [name, type])],
    ["run", runCandidates(journal)],
  ]);
}

/** The value of `--config`, if it is there. */
function configFile(words: readonly string[]): string | undefined {
  const index = words.findIndex((word) => word === "--config" || word === "-c");
  if (index !== -1) return words[index + 1];
  return words.find((word) => word.startsWith("--config="))?.slice("--config=".length);
}

const recentRuns = 30;

function runCandidates(journal: Journal): readonly Candidate[] {
  return journal
    .runs({ limit: recentRuns })
    .map(({ id, job, end }) => [id, `${job}: ${end?.outcome ?? "running"}`]);
}

/** Jobs; after an @ the snapshots that the journal knows, since asking the repository takes too long. */
function jobCandidates(
  word: string,
  known: {
    readonly jobs: readonly Candidate[];
    readonly config: Config;
    readonly journal: Journal;
  },
): readonly Candidate[] {
  const job = known.config.jobs.get(word.slice(0, Math.max(0, word.indexOf("@"))));
  if (job === undefined) return known.jobs;
  const made = known.journal
    .runs({ job: job.name, limit: recentRuns })
    .flatMap(({ started, end }) =>
      (end?.snapshots ?? [])
        .filter(({ repository }) => repository === job.repository)
        .map(({ id }): Candidate => [`${job.name}@${shortId(id)}`, localTime(started)]),
    );
  return [[`${job.name}@latest`, "the newest snapshot"], ...made];
}
