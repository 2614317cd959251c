// Knows: the command `backup`.
import { collect, type CommandNode, jobsArgument } from "./command-node.ts";
import type { Act } from "./session.ts";

interface BackupOptions {
  readonly label?: readonly string[];
  readonly full?: boolean;
  readonly allowDeletions?: boolean;
  readonly dryRun?: boolean;
  readonly strict?: boolean;
}

/** Adds `backup`: a new snapshot, and nothing else. */
export function addBackup(tree: CommandNode, act: Act): void {
  tree
    .command("backup")
    .summary("make a snapshot, and nothing else")
    .description(
      "Makes a new snapshot of each job in its repository. Copies nothing, forgets nothing.",
    )
    .argument(jobsArgument.flags, jobsArgument.description)
    .option("-n, --dry-run", "say what would be done and why, and change nothing")
    .option("--label <text>", "give the new snapshots a label (repeatable)", collect)
    .option("--full", "make a full snapshot even where a differential would do")
    .option("--allow-deletions", "follow a source that has lost most of its files, or all of them")
    .option("--strict", "exit with 75 when nothing could run because all volumes are away")
    .withLocations()
    .withExamples(
      ["holdfast backup documents", "make a snapshot of one job"],
      ["holdfast backup --label pre-upgrade", "make snapshots that can be recognised later"],
    )
    .action(async (jobs: readonly string[], options: BackupOptions) =>
      act(async (session) => {
        const { runAsked } = await import("./run-jobs.ts");
        const { label, full, allowDeletions, dryRun, strict } = options;
        return await runAsked(session, {
          jobs,
          verbs: ["backup"],
          labels: label ?? [],
          full: full ?? false,
          allowDeletions: allowDeletions ?? false,
          dryRun: dryRun ?? false,
          strict: strict ?? false,
        });
      }),
    );
}
