// Knows: the command `import`.
import { resolve } from "node:path";
import { Option } from "commander";
import type { Finding, ImportResult } from "../config/import/import.ts";
import { toolNames, toolSettings } from "../config/import/settings.ts";
import type { ContinuedRepository } from "../jobs/import-check.ts";
import type { CommandNode } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { age, count, indent, visible } from "./wording.ts";

interface ImportOptions {
  readonly from?: string;
  readonly secretsDir?: string;
  readonly check?: true;
  readonly [setting: string]: unknown;
}

/** Adds `import`: makes a configuration of another tool's. */
export function addImport(tree: CommandNode, act: Act): void {
  const command = tree
    .command("import")
    .summary("make a configuration of another tool's")
    .description(
      "Reads the configuration of another tool and prints one of Holdfast, which goes on with the repositories that the tool left. On standard error it says what became of each key: what means something else now and why, what is not carried over and what to do, and which secrets stood in it. Knows the Nextcloud backup script, nextcloud-s3-backup, SimpleBackup, btrfs-snapshot-backup, nbkp, autorestic, resticprofile, btrbk and rsnapshot. The exit status is 3 when something is left to be done by hand, else 0.",
    )
    .argument("<file>", "the configuration of the other tool")
    .addOption(
      new Option("--from <tool>", "the tool that it is of (default: what it looks like)").choices(
        toolNames,
      ),
    )
    .option(
      "--secrets-dir <folder>",
      "write secrets that stand in it to files of their own, which only you can read",
    )
    .option("--check", "look which repositories are there to be continued; changes nothing")
    .withExamples(
      ["holdfast import config.toml > holdfast.yaml", "make a configuration, and read the report"],
      [
        "holdfast import --secrets-dir ~/.config/holdfast/secrets backup_config.json > holdfast.yaml",
        "move the passwords in it to files",
      ],
      ["holdfast import --check ~/.config/nbkp/config.yaml", "see what would be continued"],
    );
  for (const { name, value, description } of toolSettings) {
    command.addOption(new Option(`--${name} ${value}`, description));
  }
  command.action(async (file: string, options: ImportOptions) =>
    act(async (session) => await importFile(session, file, options)),
  );
}

async function importFile(session: Session, file: string, options: ImportOptions): Promise<number> {
  const { output } = session;
  const result = await imported(session, file, options);
  const moved = options.secretsDir !== undefined;
  if (moved) {
    const { keepSecrets } = await import("../config/import/keep-secrets.ts");
    await keepSecrets(result.secrets);
  }
  const check = options.check === true ? await checked(session, result) : undefined;

  const { tool, text, findings, warnings } = result;
  const secrets = result.secrets.map((place) => ({
    file: place.path,
    written: isWritten(place, moved),
  }));
  output.document({
    tool,
    file,
    config: text,
    findings,
    secrets,
    warnings: warnings.map(({ message }) => message),
    ...(check === undefined ? {} : { check }),
  });
  output.text(text);
  output.message(
    reportText(result, { file, moved, paint: output.messagePaint, all: output.options.verbose }),
  );
  if (check !== undefined) output.message(checkText(check, output.messagePaint));
  return importExitStatus(result, moved);
}

async function imported(
  session: Session,
  file: string,
  options: ImportOptions,
): Promise<ImportResult> {
  const { importConfig } = await import("../config/import/import.ts");
  const { readTextFile } = await import("../config/import/text-file.ts");
  const { defaultState } = await import("../config/find.ts");
  const { env, home } = session.environment;
  const text = readTextFile(file);
  return importConfig({
    file,
    text,
    settings: settingsIn(options),
    home,
    defaultState: defaultState("/", env, home),
    platform: process.platform,
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.secretsDir === undefined ? {} : { secretsDir: absolute(options.secretsDir) }),
  });
}

function absolute(folder: string): string {
  return folder.startsWith("~") ? folder : resolve(folder);
}

/** What was said of the tool's own command line, by the names of its options. */
function settingsIn(options: ImportOptions): ReadonlyMap<string, string> {
  return new Map(
    toolSettings.flatMap(({ name }) => {
      const value = options[name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
      return typeof value === "string" ? [[name, value] as const] : [];
    }),
  );
}

async function checked(
  session: Session,
  { unmarked, secrets }: ImportResult,
): Promise<readonly ContinuedRepository[]> {
  const { checkImport } = await import("../jobs/import-check.ts");
  const { openProgram } = await import("./program.ts");
  const { env } = session.environment;
  await using program = openProgram(unmarked, { env, readOnly: true });
  return await checkImport(program, secrets, session.signal);
}

/** 3 when something is left to be done by hand: what is not carried over, secrets that are in no file yet. */
function importExitStatus({ findings, secrets }: ImportResult, moved: boolean): number {
  const left = findings.some(({ verdict }) => verdict === "unmapped");
  return left || !secrets.every((place) => isWritten(place, moved)) ? 3 : 0;
}

/** What was not in the file that was read cannot be moved out of it. */
function isWritten({ secret }: ImportResult["secrets"][number], moved: boolean): boolean {
  return moved && secret.reveal() !== "";
}

interface ReportOptions {
  readonly file: string;
  /** Whether secrets were written to their files. */
  readonly moved: boolean;
  readonly paint: Paint;
  /** Also what means the same as before. */
  readonly all: boolean;
}

/** What became of each key, as text for standard error. */
function reportText(result: ImportResult, { file, moved, paint, all }: ReportOptions): string {
  const { findings, secrets, warnings } = result;
  const of = (verdict: Finding["verdict"]): readonly Finding[] =>
    findings.filter((finding) => finding.verdict === verdict);
  const lines = [
    ...group(paint.yellow("not carried over, look at these:"), of("unmapped"), file),
    ...group(paint.bold("means something else now:"), of("changed"), file),
    ...(all ? group("needed no more:", of("unneeded"), file) : []),
    ...(all ? group("means the same:", of("mapped"), file) : []),
    ...secretLines(secrets, { moved, paint }),
    ...warnings.map(({ message }) => `${paint.yellow("warning:")} ${visible(message)}`),
    `${result.tool}: ${count(of("mapped").length, "key")} as before, ${of("changed").length} changed, ${of("unmapped").length} not carried over, ${of("unneeded").length} needed no more, ${count(of("secret").length, "secret")}`,
  ];
  return lines.join("\n");
}

function group(heading: string, findings: readonly Finding[], file: string): readonly string[] {
  if (findings.length === 0) return [];
  return [heading, ...findings.map((finding) => `  ${findingLine(finding, file)}`)];
}

function findingLine({ key, line, column, to, message }: Finding, file: string): string {
  const where = `${visible(file)}:${line}:${column}: ${visible(key)}`;
  const target = to === undefined ? "" : ` -> ${visible(to)}`;
  return `${where}${target}${message === undefined ? "" : `: ${visible(message)}`}`;
}

function secretLines(
  secrets: ImportResult["secrets"],
  { moved, paint }: { readonly moved: boolean; readonly paint: Paint },
): readonly string[] {
  const lines = (heading: string, written: boolean): readonly string[] => {
    const of = secrets.filter((place) => isWritten(place, moved) === written);
    return of.length === 0 ? [] : [heading, ...of.map(({ path }) => `  ${visible(path)}`)];
  };
  const how = moved ? "" : " (or say --secrets-dir, and they are)";
  return [
    ...lines("secrets, each in a file of its own now:", true),
    ...lines(paint.yellow(`secrets, to be put into these files${how}:`), false),
  ];
}

/** What of the repositories is there and goes on, as text. */
function checkText(check: readonly ContinuedRepository[], paint: Paint): string {
  const marks = {
    continued: paint.green("continued"),
    begun: paint.yellow("new      "),
    unknown: paint.yellow("unknown  "),
  };
  return check
    .map(({ repository, job, state, message, newest, hint }) =>
      [
        `${marks[state]}  ${visible(job)} in ${visible(repository)}: ${visible(message)}${newest === undefined ? "" : `, from ${visible(newest.id)} (${age(newest.time, new Date())})`}`,
        ...(hint === undefined
          ? []
          : [indent(`${paint.green("hint:")} ${visible(hint)}`, "           ")]),
      ].join("\n"),
    )
    .join("\n");
}
