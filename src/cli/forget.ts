// Knows: the command `forget`.
import { type CommandNode, jobsArgument } from "./command-node.ts";
import type { Act } from "./session.ts";

interface ForgetOptions {
  readonly dryRun?: boolean;
}

/** Adds `forget`: drops what no rule keeps. */
export function addForget(tree: CommandNode, act: Act): void {
  tree
    .command("forget")
    .summary("drop the snapshots that no rule keeps")
    .description(
      "Drops the snapshots that no rule of `keep` keeps, on healthy repositories only. Their space comes back with `prune`. With -v it also says why the others stay.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .option("-n, --dry-run", "say what would be dropped, and change nothing")
    .withLocations()
    .withExamples(
      ["holdfast forget --dry-run", "say what would be dropped everywhere"],
      ["holdfast forget -v documents", "drop snapshots of one job, with reasons for the others"],
    )
    .action(async (jobs: readonly string[], options: ForgetOptions) =>
      act(async (session) => {
        const { runAsked } = await import("./run-jobs.ts");
        const { tellingForgotten } = await import("./forget-report.ts");
        const dryRun = options.dryRun ?? false;
        return await runAsked(session, { jobs, verbs: ["forget"], dryRun }, tellingForgotten);
      }),
    );
}
