// Knows: the command `init`.
import type { InitReport } from "../jobs/report.ts";
import { type CommandNode, jobsArgument } from "./command-node.ts";
import type { Paint } from "./paint.ts";
import type { Act, Session } from "./session.ts";
import { visible } from "./wording.ts";

/** Adds `init`: creates what does not exist yet. */
export function addInit(tree: CommandNode, act: Act): void {
  tree
    .command("init")
    .summary("create repositories and markers that do not exist")
    .description(
      "Creates the repositories of each job and the markers of its volumes where they do not exist, and leaves alone what does. What is away is left for later.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .withLocations()
    .withExamples(
      ["holdfast init", "create all that is missing"],
      ["holdfast init documents", "create what one job needs"],
    )
    .action(async (jobs: readonly string[]) => act(async (session) => await init(session, jobs)));
}

async function init(session: Session, given: readonly string[]): Promise<number> {
  const { initJobs } = await import("../jobs/init.ts");
  const { chosenJobs } = await import("./names.ts");
  const { output, signal } = session;
  await using program = await session.open({ readOnly: false });

  const created = await initJobs(program, chosenJobs(program.config, given), signal);

  output.document({ created });
  if (!output.options.quiet) output.text(initText(created, output.paint));
  return 0;
}

/** One line for each thing: created, there already, or left for later. */
export function initText(reports: readonly InitReport[], paint: Paint): string {
  return reports
    .map(({ created, away, message }) => {
      const mark = created ? paint.green("created") : away ? paint.yellow("away   ") : "exists ";
      return `${mark}  ${visible(message)}\n`;
    })
    .join("");
}
