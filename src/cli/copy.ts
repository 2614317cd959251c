// Knows: the command `copy`.
import { type CommandNode, jobsArgument } from "./command-node.ts";
import type { Act } from "./session.ts";

interface CopyOptions {
  readonly dryRun?: boolean;
  readonly strict?: boolean;
}

/** Adds `copy`: what copies lack. */
export function addCopy(tree: CommandNode, act: Act): void {
  tree
    .command("copy")
    .summary("bring copies up to date")
    .description("Copies the snapshots that the further repositories of each job lack.")
    .argument(jobsArgument.flags, jobsArgument.description)
    .option("-n, --dry-run", "say what would be done and why, and change nothing")
    .option("--strict", "exit with 75 when nothing could run because all volumes are away")
    .withLocations()
    .withExamples(
      ["holdfast copy", "bring all copies up to date"],
      ["holdfast copy documents", "bring the copies of one job up to date"],
    )
    .action(async (jobs: readonly string[], options: CopyOptions) =>
      act(async (session) => {
        const { runAsked } = await import("./run-jobs.ts");
        const { dryRun, strict } = options;
        return await runAsked(session, {
          jobs,
          verbs: ["copy"],
          dryRun: dryRun ?? false,
          strict: strict ?? false,
        });
      }),
    );
}
