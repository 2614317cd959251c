// Knows: the command `status`.
import { type CommandNode, jobsArgument } from "./command-node.ts";
import type { Act, Session } from "./session.ts";

/** Adds `status`: how jobs are doing. */
export function addStatus(tree: CommandNode, act: Act): void {
  tree
    .command("status")
    .summary("see how jobs are doing")
    .description(
      "Shows for each job how its last run ended, how old the newest snapshot of each repository is, when it is due next, and what is away. Asks the journal, not the repositories: it is quick.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .withLocations()
    .withExamples(
      ["holdfast status", "see how all jobs are doing"],
      ["holdfast status --json documents", "the same for a program, of one job"],
    )
    .action(async (jobs: readonly string[]) =>
      act(async (session) => await showStatus(session, jobs)),
    );
}

async function showStatus(session: Session, given: readonly string[]): Promise<number> {
  const { chosenJobs } = await import("./names.ts");
  const { tellStatus } = await import("./tell-status.ts");
  // The next one need not load the configuration again: see quick-status.
  await using program = await session.open({ readOnly: true, keepOutline: true });

  return await tellStatus(program, chosenJobs(program.config, given), session);
}
