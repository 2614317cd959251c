// Knows: the command `init`.
import type { InitReport } from "../jobs/report.ts";
import { type CommandNode, jobsArgument } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { visible } from "./wording.ts";

/** What `init` was asked for. */
interface InitOptions {
  readonly dryRun?: true;
}

/** Adds `init`: creates what does not exist yet. */
export function addInit(tree: CommandNode, act: Act): void {
  tree
    .command("init")
    .summary("create repositories and markers that do not exist")
    .description(
      "Creates the repositories of each job and the markers of its volumes where they do not exist, and leaves alone what does: what nbkp or an earlier configuration left is continued. Drives that can be unlocked and mounted are, and are put back. What is away is left for later.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .withLocations()
    .option("-n, --dry-run", "say what would be created, and change nothing")
    .withExamples(
      ["holdfast init", "create all that is missing"],
      ["holdfast init --dry-run", "say what is missing, with the commands that make it"],
      ["holdfast init documents", "create what one job needs"],
    )
    .action(async (jobs: readonly string[], options: InitOptions) =>
      act(async (session) => await init(session, jobs, options)),
    );
}

async function init(
  session: Session,
  given: readonly string[],
  { dryRun = false }: { readonly dryRun?: boolean },
): Promise<number> {
  const { chosenJobs } = await import("./names.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: dryRun });
  const jobs = chosenJobs(program.config, given);

  const { planInit } = await import("../jobs/init-plan.ts");
  const { initJobs } = await import("../jobs/init.ts");
  const created = await (dryRun ? planInit : initJobs)(program, jobs, signal);

  output.document({ created, dryRun });
  const { quiet, verbose } = output.options;
  const commands = dryRun || verbose;
  if (!quiet) output.text(initText(created, { paint: output.paint, commands }));
  return created.find(({ exitStatus }) => exitStatus !== undefined)?.exitStatus ?? 0;
}

/** For each thing: created, there already, or left for later; with `commands`, what makes it. */
export function initText(
  reports: readonly InitReport[],
  { paint, commands }: { readonly paint: Paint; readonly commands: boolean },
): string {
  return reports.map((report) => reportLines(report, { paint, commands })).join("");
}

function reportLines(
  report: InitReport,
  { paint, commands: all }: { readonly paint: Paint; readonly commands: boolean },
): string {
  const { message, path, commands = [], hint } = report;
  const mark = markOf(report, paint);
  const where = path === undefined ? "" : `: ${visible(path)}`;
  const lines = [
    `${mark}  ${visible(message)}${where}`,
    ...(all ? commands.map((command) => `         ${paint.dim("$")} ${visible(command)}`) : []),
    ...(hint === undefined ? [] : [`         ${paint.green("hint:")} ${visible(hint)}`]),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function markOf(report: InitReport, paint: Paint): string {
  const { created, planned, unknown, away, code } = report;
  if (created) return paint.green("created");
  if (planned === true) return paint.green("missing");
  if (unknown === true) return paint.yellow("unknown");
  if (code !== undefined) return paint.red("failed ");
  return away ? paint.yellow("away   ") : "exists ";
}
