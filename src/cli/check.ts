// Knows: the command `check`.
import type { CheckReport } from "../jobs/report.ts";
import { HoldfastError } from "../kernel/errors.ts";
import { type CommandNode, jobsArgument } from "./command-node.ts";
import { combinedExitStatus } from "./exit-status.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { tellVolumes } from "./tell-volumes.ts";
import { formatSeconds, visible, visibleLines } from "./wording.ts";

interface CheckOptions {
  readonly readData?: string;
  readonly strict?: boolean;
}

/** Adds `check`: looks for damage in repositories. */
export function addCheck(tree: CommandNode, act: Act): void {
  tree
    .command("check")
    .summary("look for damage in repositories")
    .description(
      "Checks the integrity of every repository of each job. A damaged one is not pruned or forgotten in until a check finds no problem.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .option("--read-data [percent]", "also read back the stored data, all or as much as =5%")
    .option("--strict", "exit with 75 when all volumes are away")
    .withLocations()
    .withExamples(
      ["holdfast check", "check the structure of all repositories"],
      ["holdfast check --read-data=5% documents", "also read back a twentieth of the data"],
    )
    .action(async (jobs: readonly string[], options: CheckOptions) =>
      act(async (session) => await check(session, jobs, options)),
    );
}

async function check(
  session: Session,
  given: readonly string[],
  { readData, strict = false }: CheckOptions,
): Promise<number> {
  const amount = readData === undefined ? undefined : percentage(readData);
  const { checkJobs } = await import("../jobs/check.ts");
  const { chosenJobs } = await import("./names.ts");
  const { stepProgress } = await import("./step-progress.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: false });
  const jobs = chosenJobs(program.config, given);

  using shown = stepProgress(output, { job: "check", step: "repositories", now: program.now });
  const reports = await checkJobs(
    program,
    { jobs, ...(amount === undefined ? {} : { readData: amount }) },
    {
      signal,
      tell: tellVolumes(output),
      progress: (repository, progress) => shown.progress({ current: repository, ...progress }),
    },
  );

  output.document({ checks: reports });
  output.text(checkText(reports, output.paint));
  return combinedExitStatus(reports, { strict });
}

/** Reads how much data to read back. Throws `usage-invalid`. */
function percentage(text: string): string {
  const amount = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]);
  if (amount > 0 && amount <= 100) return text;
  throw new HoldfastError("usage-invalid", `"${text}" is no percentage of the data to read`, {
    hint: "write --read-data for all of it, or a part such as --read-data=5%",
  });
}

/** One line for each repository, and below it what is wrong. */
export function checkText(reports: readonly CheckReport[], paint: Paint): string {
  return reports
    .flatMap((report) => [headline(report, paint), ...details(report, paint)])
    .map((line) => `${line}\n`)
    .join("");
}

function headline(report: CheckReport, paint: Paint): string {
  const { job, repository, ok, away, seconds, problems } = report;
  const subject = `${repository} (${job})`;
  if (ok)
    return `${paint.green("ok   ")}  ${subject}: no problems found (${formatSeconds(seconds)})`;
  if (away) return `${paint.yellow("away ")}  ${subject}: ${visibleLines(problems.join("; "))}`;
  const found = report.code === undefined ? "damaged" : "could not be checked";
  return `${paint.red("error")}  ${subject}: ${found}`;
}

function details(report: CheckReport, paint: Paint): readonly string[] {
  const { ok, away, problems, notes = [], hint } = report;
  const remarks = notes.map((note) => `       ${paint.dim(visible(note))}`);
  if (ok) return remarks;
  return [
    ...(away ? [] : problems.map((problem) => `       ${visible(problem)}`)),
    ...remarks,
    ...(hint === undefined ? [] : [`       ${paint.green("hint:")} ${visible(hint)}`]),
  ];
}
