// Knows: the command `prune`.
import { type CommandNode, jobsArgument } from "./command-node.ts";
import type { Act } from "./session.ts";

interface PruneOptions {
  readonly dryRun?: boolean;
}

/** Adds `prune`: reclaims the space of forgotten snapshots. */
export function addPrune(tree: CommandNode, act: Act): void {
  tree
    .command("prune")
    .summary("reclaim the space of forgotten snapshots")
    .description(
      "Reclaims the space that forgotten snapshots still take up in the repositories of each job.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .option("-n, --dry-run", "say what would be done and why, and change nothing")
    .withLocations()
    .withExamples(
      ["holdfast prune", "reclaim space in all repositories"],
      ["holdfast prune --dry-run documents", "say what would be done for one job"],
    )
    .action(async (jobs: readonly string[], options: PruneOptions) =>
      act(async (session) => {
        const { runAsked } = await import("./run-jobs.ts");
        return await runAsked(session, {
          jobs,
          verbs: ["prune"],
          dryRun: options.dryRun ?? false,
        });
      }),
    );
}
